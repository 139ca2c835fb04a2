import { chownSync, mkdtempSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { UNPRIVILEGED } from './unprivileged.ts'
import { forgetFolder, watchFolder } from './watchdog.ts'

const PREFIX = 'poolkeeper-test-'

/** A folder that goes when it is removed, or when this process dies. */
export interface TemporaryFolder {
  readonly path: string
  /** Returns the path of a file that the server can read. */
  write(name: string, text: string): string
  remove(): Promise<void>
}

/** Made for whoever servers run as: see `UNPRIVILEGED`. */
export function makeTemporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(reachableTemporaryRoot(), PREFIX))
  watchFolder(path)
  giveToServers(path)
  return {
    path,
    write(name, text) {
      const file = join(path, name)
      writeFileSync(file, text)
      giveToServers(file)
      return file
    },
    remove: () => remove(path),
  }
}

/** Whether any user of the system can reach a path: a home folder is often closed to others. */
export function isReachableByOthers(path: string): boolean {
  for (let folder = dirname(realpathSync(path)); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

function reachableTemporaryRoot(): string {
  const root = tmpdir()
  return UNPRIVILEGED === undefined || isReachableByOthers(join(root, '.')) ? root : '/tmp'
}

function giveToServers(path: string): void {
  if (UNPRIVILEGED !== undefined) chownSync(path, UNPRIVILEGED.uid, UNPRIVILEGED.gid)
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  forgetFolder(path)
}
