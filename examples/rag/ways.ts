import { keeperOf, type PoolPolicyOptions, withPoolPolicy } from '@poolkeeper/drizzle/node-postgres'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Client, type ClientBase, type Pool, type PoolClient, type PoolConfig } from 'pg'

/** One of the ways in which an agent comes by a connection. */
export interface Way {
  readonly name: string
  /** What the application does before it lets the first agent ask. */
  start(): Promise<unknown>
  lease(): Promise<Lease>
  end(): Promise<unknown>
}

export interface Lease {
  readonly client: Client | PoolClient
  /** By `performance.now()`. */
  readonly openedAt: number
  release(): void
}

const MAX = 8

/** What is asked of the kept pool. */
const POLICY: PoolPolicyOptions = {
  min: MAX, // opened before anybody asks, kept when nobody does, and replaced when one is lost
  keepaliveMillis: 30_000, // so that no firewall forgets them
  acquireTimeoutMillis: 5_000, // an agent gets a connection by then, or an error that says why not
}

/** A pool, and the line that this is about. */
export function keptPool(config: PoolConfig): Way {
  const db = drizzle(withPoolPolicy({ connection: { ...config, max: MAX } }, POLICY))
  return { name: 'kept pool', start: () => keeperOf(db).ready(), ...leasesOf(db.$client) }
}

/** The same pool without that line. */
export function barePool(config: PoolConfig): Way {
  const db = drizzle({ connection: { ...config, max: MAX } })
  // Without listeners a connection that dies, idle or lent, ends the process.
  db.$client.on('error', () => {}).on('connect', surviveDeathOf)
  return { name: 'bare pool', start: async () => {}, ...leasesOf(db.$client) }
}

/** No pool: every retrieval opens a connection, and closes it. */
export function noPool(config: PoolConfig): Way {
  return {
    name: 'no pool',
    start: async () => {},
    async lease() {
      const client = new Client(config)
      surviveDeathOf(client)
      await client.connect()
      return { client, openedAt: performance.now(), release: () => void client.end() }
    },
    end: async () => {},
  }
}

function leasesOf(pool: Pool): Pick<Way, 'lease' | 'end'> {
  const openings = new WeakMap<ClientBase, number>()
  pool.on('connect', (client) => openings.set(client, performance.now()))
  return {
    async lease() {
      const client = await pool.connect()
      return { client, openedAt: openings.get(client) ?? 0, release: () => client.release() }
    },
    end: () => pool.end(),
  }
}

function surviveDeathOf(client: ClientBase): void {
  client.on('error', () => {})
}
