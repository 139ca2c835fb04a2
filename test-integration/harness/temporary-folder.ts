import { chmodSync, chownSync, mkdtempSync, realpathSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UNPRIVILEGED } from './unprivileged.ts';
import { forgetFolder, watchFolder } from './watchdog.ts';

const PREFIX = 'poolkeeper-test-';

/** A folder that goes when it is removed, or when this process dies. */
export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Made for whoever servers run as: see `UNPRIVILEGED`. */
export function makeTemporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(reachableTemporaryRoot(), PREFIX));
  watchFolder(path);
  if (UNPRIVILEGED !== undefined) chownSync(path, UNPRIVILEGED.uid, UNPRIVILEGED.gid);
  chmodSync(path, 0o700);
  return { path, remove: () => remove(path) };
}

/** Whether any user of the system can reach a path: a home folder is often closed to others. */
export function isReachableByOthers(path: string): boolean {
  for (let folder = dirname(realpathSync(path)); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function reachableTemporaryRoot(): string {
  const root = tmpdir();
  return UNPRIVILEGED === undefined || isReachableByOthers(join(root, '.')) ? root : '/tmp';
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  forgetFolder(path);
}
