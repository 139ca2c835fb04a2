import type { AdapterHarness, BarePool, KeptPool, Lease, Network, ServerDoor } from '@poolkeeper/conformance'
import type { PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy, findPoolkeeperError, keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import { startFaultProxy } from '../faults/proxy.ts'
import type { PostgresServer } from '../harness/postgres.ts'
import { postgresDoor } from './postgres-wire.ts'

export type Postgres = typeof postgres

export interface PostgresJsHarnessOptions {
  readonly name: string
  /** Asked when a test runs: the server is there by then. */
  readonly server: () => PostgresServer
  readonly cannot?: AdapterHarness['cannot']
  /** Another copy than the one that the workspace uses. */
  readonly create?: Postgres
}

export interface PostgresJsParts {
  readonly sql: Sql
  readonly server: ServerDoor
  readonly network: Network
  dispose(): Promise<void>
}

export const NO_TRANSACTIONS = "nothing is lent, so nothing comes back dirty: a transaction is postgres.js's own begin(), which ends it"

let pools = 0

/** The options for a server at this address; `label` names the pool to the server. */
export function optionsFor(server: PostgresServer, { host, port }: { host: string; port: number }, label: string): Options<Record<string, never>> {
  const { database, user } = server
  return { host, port, user, database, max: 3, connection: { application_name: label }, onnotice: () => {} }
}

/** Puts postgres.js before the behaviours. */
export function postgresJsHarness({ name, server: serverOf, cannot = {}, create = postgres }: PostgresJsHarnessOptions): AdapterHarness {
  async function build(make: (options: Options<Record<string, never>>) => Sql): Promise<PostgresJsParts> {
    const server = serverOf()
    const label = `postgres_js_${++pools}`
    const proxy = await startFaultProxy({ target: server })
    const sql = make(optionsFor(server, proxy, label))
    return { sql, server: postgresDoor(server, label), network: proxy, dispose: () => proxy.close() }
  }

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    const parts = await build((options) => create(withPoolPolicy(options, policy)))
    return Object.assign(new PostgresJsPool(parts), { keeper: keeperOf(parts.sql) })
  }

  return {
    name,
    lacks: { transactions: NO_TRANSACTIONS },
    cannot,
    open,
    openBare: async () => new PostgresJsPool(await build(create)),
    isTimeout: (error) => findPoolkeeperError(error) !== undefined,
  }
}

/** An instance as the behaviours see it: what it lends is a transaction. */
export class PostgresJsPool implements BarePool {
  readonly server: ServerDoor
  readonly network: Network
  readonly dispose: () => Promise<void>
  readonly #sql: Sql

  constructor({ sql, server, network, dispose }: PostgresJsParts) {
    this.#sql = sql
    this.server = server
    this.network = network
    this.dispose = dispose
  }

  acquire(): Promise<Lease> {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    return new Promise((resolve, reject) => {
      const over = this.#sql
        .begin(async (transaction) => {
          const [row] = await transaction<{ id: number }[]>`select pg_backend_pid() as id`
          resolve({
            id: row?.id ?? 0,
            query: async () => void (await transaction`select 1`),
            failingQuery: () => refusedByServer(transaction`select nothing from nowhere`),
            begin: () => Promise.resolve(),
            isInTransaction: () => Promise.resolve(true),
            async release() {
              release()
              await over
            },
          })
          await held
        })
        .then(() => {}, reject)
    })
  }

  async query(): Promise<void> {
    await this.#sql`select 1`
  }

  releaseForeign(): void {}

  end(): Promise<void> {
    return this.#sql.end()
  }

  apply(policy: PoolPolicyOptions): PoolKeeper {
    return applyPoolPolicy(this.#sql, policy)
  }

  keeperOf(): PoolKeeper {
    return keeperOf(this.#sql)
  }

  traces(): object {
    const sql = this.#sql as unknown as Record<string, unknown>
    const options = sql['options'] as Record<string, unknown>
    const query = this.#sql.unsafe('')
    return {
      keys: Reflect.ownKeys(sql).map(String).sort(),
      methods: Object.fromEntries(['unsafe', 'reserve', 'end', 'close', 'begin', 'listen'].map((key) => [key, sql[key]])),
      options: { ...options },
      connection: { ...(options['connection'] as object) },
      query: Reflect.get(query, 'handle') as unknown,
    }
  }
}

async function refusedByServer(query: Promise<unknown>): Promise<void> {
  const answered = await query.then(
    () => true,
    () => false,
  )
  if (answered) throw new Error('the server took a statement that it should have refused')
}
