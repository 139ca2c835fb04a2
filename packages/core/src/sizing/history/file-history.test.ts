import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LARGEST_DOCUMENT_BYTES } from './document.ts'
import { fileHistory } from './file-history.ts'

const HOUR = 3_600_000

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'poolkeeper-history-'))
  path = join(folder, 'history.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const files = (): string[] => readdirSync(folder).sort()

describe('a history in a file', () => {
  test('that is not there yet is none', async () => {
    expect(await fileHistory(path).load()).toBeUndefined()
  })

  test('is what was saved last, and nothing else lies beside it', async () => {
    const history = fileHistory(path)
    for (const document of ['{"weeks":1}', '{"weeks":2}', '{"größe":"µ"}']) {
      await history.save(document)
      expect(await fileHistory(path).load()).toBe(document)
    }
    expect(files()).toEqual(['history.json'])
  })

  test('may be named by a URL', async () => {
    await fileHistory(pathToFileURL(path)).save('one')
    expect(readFileSync(path, 'utf8')).toBe('one')
  })

  test('stays where it is when the process changes its folder', async () => {
    const before = process.cwd()
    process.chdir(folder)
    try {
      const history = fileHistory('history.json')
      process.chdir(before)
      await history.save('one')
    } finally {
      process.chdir(before)
    }
    expect(files()).toEqual(['history.json'])
  })

  test('of two who save at once has the whole of one of them', async () => {
    const documents = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(300_000))
    await Promise.all(documents.map((document) => fileHistory(path).save(document)))
    expect(documents).toContain(await fileHistory(path).load())
    expect(files()).toEqual(['history.json'])
  })

  test('behind a link is written where the link leads to', async () => {
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'data', 'real.json'), 'old')
    symlinkSync(join(folder, 'data', 'real.json'), path)
    await fileHistory(path).save('new')
    expect(readFileSync(join(folder, 'data', 'real.json'), 'utf8')).toBe('new')
    expect(await fileHistory(path).load()).toBe('new')
  })
})

describe('a process that died between writing and renaming', () => {
  const leftover = (name: string): string => join(folder, `${name}.6f9619ff-8b86-4d01-b42d-00cf4fc964ff.tmp`)

  test('left the older document whole, and the next save is not hindered', async () => {
    await fileHistory(path).save('whole')
    writeFileSync(leftover('history.json'), 'hal')
    expect(await fileHistory(path).load()).toBe('whole')
    await fileHistory(path).save('next')
    expect(await fileHistory(path).load()).toBe('next')
  })

  test('left a file that is removed once it is old, and nothing else is', async () => {
    const before = new Date(Date.now() - 2 * HOUR)
    const kept = [leftover('another.json'), `${path}.tmp`, join(folder, 'history.json.backup')]
    for (const each of [leftover('history.json'), ...kept]) {
      writeFileSync(each, 'hal')
      utimesSync(each, before, before)
    }
    const young = join(folder, 'history.json.6f9619ff-8b86-4d01-b42d-00cf4fc96400.tmp')
    writeFileSync(young, 'hal')
    await fileHistory(path).save('next')
    expect(files().map((name) => join(folder, name))).toEqual([path, young, ...kept].sort())
  })
})

describe('what cannot be', () => {
  test('a folder that is not there: the save fails, the load finds nothing', async () => {
    const history = fileHistory(join(folder, 'none', 'history.json'))
    await expect(history.save('one')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await history.load()).toBeUndefined()
  })

  test('a folder in the place of the file: both say so, and nothing is left behind', async () => {
    mkdirSync(path)
    await expect(fileHistory(path).load()).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(fileHistory(path).save('one')).rejects.toThrow()
    expect(files()).toEqual(['history.json'])
  })

  test('a document that is too large is neither written nor read', async () => {
    const history = fileHistory(path)
    await history.save('small')
    await expect(history.save('x'.repeat(LARGEST_DOCUMENT_BYTES + 1))).rejects.toMatchObject({
      code: 'INVALID_POLICY',
      invalid: { option: 'history', value: LARGEST_DOCUMENT_BYTES + 1 },
      message: '`history` must be a document of at most 1048576 bytes, got 1048577 bytes',
    })
    expect(await history.load()).toBe('small')
    truncateSync(path, 40 * LARGEST_DOCUMENT_BYTES)
    await expect(history.load()).rejects.toMatchObject({ invalid: { value: 40 * LARGEST_DOCUMENT_BYTES } })
    expect(files()).toEqual(['history.json'])
  })

  test.each(['', undefined, 7, 'x'.repeat(5_000)])('a path that is none: %s', (wrong) => {
    expect(() => fileHistory(wrong as string)).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }) as Error)
  })
})
