import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fileHistory } from '@poolkeeper/core/history'
import { expect, onTestFinished, test } from 'vitest'
import { makeTemporaryFolder } from '../harness/temporary-folder.ts'
import { ended, saidReady, start } from '../hosts/child.ts'

const WRITER = fileURLToPath(new URL('fixtures/history-writer.ts', import.meta.url))
const LENGTH = 400_000
const WAVES = 4
const PROCESSES = 3

test('a history in a file is whole, whenever processes that write it are killed', { timeout: 120_000 }, async () => {
  const folder = makeTemporaryFolder()
  onTestFinished(() => folder.remove())
  const path = join(folder.path, 'history.json')
  for (let wave = 0; wave < WAVES; wave++) {
    const children = Array.from({ length: PROCESSES }, () => start('', WRITER, [path, String(LENGTH)]))
    for (const child of children) {
      await saidReady(child)
      child.process.kill('SIGKILL')
      await ended(child)
      expect(existsSync(path)).toBe(true)
      const document = (await fileHistory(path).load()) ?? ''
      expect(document).toHaveLength(LENGTH)
      expect(new Set(document).size).toBe(1)
    }
  }
  // What the dead left beside it hinders nobody.
  await fileHistory(path).save('next')
  expect(await fileHistory(path).load()).toBe('next')
})
