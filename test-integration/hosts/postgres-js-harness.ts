import { setTimeout as pass } from 'node:timers/promises'
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

export const NO_RESIZE = 'postgres.js makes as many connections as `max` says when it is made (`[...Array(options.max)]`), and no more'

/** What is on its way when a connection comes back decides upon it; unless it never arrives. */
const ANSWERED_WITHIN_MILLIS = 50

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
    lacks: { resize: NO_RESIZE },
    cannot,
    open,
    openBare: async () => new PostgresJsPool(await build(create)),
    isTimeout: (error) => findPoolkeeperError(error) !== undefined,
    hasNoDeadline: true,
  }
}

/** An instance as the behaviours see it: what it lends is what `reserve()` gives. */
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

  async acquire(): Promise<Lease> {
    const reserved = await this.#sql.reserve()
    const first = reserved``.execute()
    const answered = first.catch(() => {})
    return {
      id: await numberOf(first),
      query: async () => void (await reserved`select 1`),
      failingQuery: () => refusedByServer(reserved`select nothing from nowhere`),
      begin: async () => void (await reserved`begin`),
      isInTransaction: async () => {
        // Of one message: in several, a transaction begins before its last statement.
        const [row] = await reserved.unsafe<{ differs: boolean }[]>('select now() <> statement_timestamp() as differs')
        return row?.differs === true
      },
      async release() {
        await Promise.race([answered, pass(ANSWERED_WITHIN_MILLIS)])
        reserved.release()
      },
    }
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

/** The server's number for a connection, which a query knows as soon as it was given to it: its answer is not waited for. */
async function numberOf(query: object): Promise<number> {
  await Promise.resolve()
  await Promise.resolve()
  return (Reflect.get(query, 'state') as { readonly pid?: number } | null)?.pid ?? 0
}
