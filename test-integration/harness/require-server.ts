import { describe, inject } from 'vitest'
import { MARIADB_PROGRAMS } from './mariadb-process.ts'
import { PGBOUNCER_PROGRAMS } from './pgbouncer.ts'
import { findProgram } from './programs.ts'
import { areServersRequired, SERVER_TITLES, type ServerName } from './provided-servers.ts'
import { REDIS_PROGRAMS } from './redis.ts'
import type { ServerAddress } from './server-address.ts'

/** As vitest's own; without the server the tests inside are skipped, and their title says why. */
export type DescribeServer = (title: string, body: () => void) => void

export interface RequiredServer extends ServerAddress {
  readonly describe: DescribeServer
}

/** A server that tests start for themselves. PostgreSQL is none of them: it comes with the dependencies. */
export type OwnServerName = 'mariadb' | 'redis' | 'pgbouncer'

const PROGRAMS: Readonly<Record<OwnServerName, readonly (readonly string[])[]>> = {
  mariadb: MARIADB_PROGRAMS,
  redis: REDIS_PROGRAMS,
  pgbouncer: PGBOUNCER_PROGRAMS,
}

/**
 * One of the servers that all the test files of a run share, to be called at the top of a file. Its
 * address is for hooks and tests; it is empty when they are skipped.
 */
export function requireServer(name: ServerName): RequiredServer {
  const server = inject('servers')[name]
  if (!('missing' in server)) return { ...server, describe }
  return { url: '', adminUrl: '', describe: skipBecause(`no ${SERVER_TITLES[name]}: ${server.missing}`) }
}

/** For tests that start a server of their own, to restart or freeze it. */
export function requireOwnServer(name: OwnServerName): { readonly describe: DescribeServer } {
  try {
    for (const names of PROGRAMS[name]) findProgram(...names)
    return { describe }
  } catch (error) {
    if (areServersRequired() || !(error instanceof Error)) throw error
    return { describe: skipBecause(error.message) }
  }
}

export function skipBecause(reason: string): DescribeServer {
  return (title, body) => describe.skip(`${title} (skipped, ${reason})`, body)
}
