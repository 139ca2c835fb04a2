import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Pool, PoolConfig } from 'pg'
import { findProgram } from '../harness/programs.ts'

const VERSIONS = ['pg@8.23.1', 'pg-native@3.9.0'] as const

/** What compiling takes: a compiler, and on Debian libpq-dev. */
const PROGRAMS = ['g++', 'make', 'python3', 'pg_config'] as const

/** Why `pg-native` cannot be compiled here; `undefined` when it can. */
export function cannotCompile(): string | undefined {
  try {
    for (const program of PROGRAMS) findProgram(program)
    // A server's own pg_config may be there without what libpq is compiled against.
    const headers = execFileSync('pg_config', ['--includedir'], { encoding: 'utf8' }).trim()
    return existsSync(join(headers, 'libpq-fe.h')) ? undefined : `no libpq-fe.h in ${headers}`
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Compiles `pg-native` apart from this repository, where every pg and every ORM would find it, and
 * some of them take it wherever they do.
 */
export async function installNativePool(folder: string): Promise<new (config: PoolConfig) => Pool> {
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? { npm_config_nodedir: prefix } : {}
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'native', private: true }))
  await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', ...VERSIONS], {
    cwd: folder,
    env: { ...process.env, ...headers },
  })
  const pg = createRequire(join(folder, 'package.json'))('pg') as { readonly native: { readonly Pool: typeof Pool } }
  return pg.native.Pool
}
