import { randomUUID } from 'node:crypto'
import { open, readdir, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { text } from '../../policy/bounds.ts'
import { refuseLarge } from './document.ts'
import type { SizingHistory } from './store.ts'

/**
 * Keeps the history of predictive sizing in a file. Its folder has to be there; the file need not.
 *
 * A document is written beside the old one, and takes its place when all of it is on the disk: whenever a process is
 * killed, the file holds one whole document. Several processes may keep theirs in the same file: whichever saves last
 * is read next. A document above 1 MiB is refused.
 *
 * @param path - of the file; relative to the folder that the process is in now
 * @throws PoolkeeperError `INVALID_POLICY`
 *
 * @example
 * const sizing = { predictive: { history: fileHistory('/var/lib/shop/pool-history.json') } }
 */
export function fileHistory(path: string | URL): SizingHistory {
  if (path instanceof URL) return new FileHistory(fileURLToPath(path))
  pathText('fileHistory(path)', path)
  return new FileHistory(resolve(path))
}

const pathText = text(4_096)

class FileHistory implements SizingHistory {
  readonly #path: string
  #isTidy = false

  constructor(path: string) {
    this.#path = path
  }

  async load(): Promise<string | undefined> {
    const file = await opened(this.#path)
    if (file === undefined) return undefined
    try {
      refuseLarge((await file.stat()).size)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  }

  async save(document: string): Promise<void> {
    refuseLarge(Buffer.byteLength(document))
    // Where a link stands, the file that it leads to is the one to be replaced.
    const path = await realpath(this.#path).catch(() => this.#path)
    const temporary = `${path}.${randomUUID()}.tmp`
    try {
      await writeThrough(temporary, document)
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {})
      throw error
    }
    await syncFolder(dirname(path))
    if (!this.#isTidy) await removeLeftovers(path)
    this.#isTidy = true
  }
}

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** A rename may be on the disk before what was written, and after a loss of power the file would be empty. */
async function writeThrough(path: string, document: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(document)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Not every system does it. Without it, a loss of power may bring the older document back. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

/** No write takes so long: what is older was left by a process that was killed. */
const LEFT_AFTER_MILLIS = 3_600_000
const OURS = /^\.[0-9a-f-]{36}\.tmp$/

async function removeLeftovers(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)]
  const names = await readdir(folder).catch(() => [])
  for (const each of names) {
    if (!each.startsWith(name) || !OURS.test(each.slice(name.length))) continue
    const found = join(folder, each)
    const { mtimeMs } = await stat(found).catch(() => ({ mtimeMs: Infinity }))
    if (Date.now() - mtimeMs > LEFT_AFTER_MILLIS) await rm(found, { force: true }).catch(() => {})
  }
}
