import type { ServerAddress } from './server-address.ts'

export type ServerName = 'postgres' | 'mariadb' | 'redis'

export interface MissingServer {
  /** Why it is missing. */
  readonly missing: string
}

/** What the run's global setup started, for the test files. */
export type ProvidedServers = Readonly<Record<ServerName, ServerAddress | MissingServer>>

export const SERVER_TITLES: Readonly<Record<ServerName, string>> = {
  postgres: 'PostgreSQL',
  mariadb: 'MariaDB',
  redis: 'Redis',
}

/** Whether a missing server is an error; elsewhere it skips the tests that need it. */
export function areServersRequired(): boolean {
  return Boolean(process.env['CI'] || process.env['POOLKEEPER_REQUIRE_SERVERS'])
}

declare module 'vitest' {
  interface ProvidedContext {
    servers: ProvidedServers
  }
}
