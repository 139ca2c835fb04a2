import type { AdapterHarness, KeptPool } from '@poolkeeper/conformance'
import { applyPoolPolicy, type PoolPolicyOptions } from '@poolkeeper/pg'
import { Pool, type PoolConfig } from 'pg'
import { startFaultProxy } from '../faults/proxy.ts'
import type { PostgresServer } from '../harness/postgres.ts'
import { KeptPgPool, PgPool, type PgPoolParts } from './pg-pool.ts'
import { postgresDoor } from './postgres-wire.ts'

export interface PgHarnessOptions {
  readonly name: string
  /** Asked when a test runs: the server is there by then. */
  readonly server: () => PostgresServer
  readonly cannot?: AdapterHarness['cannot']
  /** Another way to a pool, and to one round trip on it. */
  readonly createPool?: (config: PoolConfig) => Pool
  readonly numberOf?: PgPoolParts['numberOf']
}

let pools = 0

/** Puts a pool of pg before the behaviours. */
export function pgHarness(options: PgHarnessOptions): AdapterHarness {
  const { name, server, cannot = {}, createPool = (config) => new Pool(config), numberOf } = options

  async function build(): Promise<PgPoolParts> {
    const label = `pg_pool_${++pools}`
    const { host, port, user, database } = server()
    const proxy = await startFaultProxy({ target: { host, port } })
    const config = { host: proxy.host, port: proxy.port, user, database, application_name: label, max: 3 }
    return {
      pool: createPool(config),
      server: postgresDoor(server(), label),
      network: proxy,
      numberOf,
      dispose: () => proxy.close(),
    }
  }

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    const parts = await build()
    return new KeptPgPool(parts, applyPoolPolicy(parts.pool, policy))
  }

  return {
    name,
    cannot,
    open,
    openBare: async () => new PgPool(await build()),
    isTimeout: (error) => error instanceof Error && error.message === 'timeout exceeded when trying to connect',
  }
}
