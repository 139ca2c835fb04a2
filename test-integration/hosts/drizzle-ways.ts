import type { AdapterHarness, BehaviourId } from '@poolkeeper/conformance'
import type { Way } from './knex-harness.ts'

/** The way in and the round trip differ, and the rest is the same code: the behaviours that these could break. */
export const APPLIED: readonly BehaviourId[] = [
  'reuse',
  'strict-max',
  'check-window',
  'dead-unseen',
  'half-open',
  'died-lent',
  'min-and-ready',
  'observe',
  'host-errors',
  'misuse',
  'counters',
  'drain',
  'host-close',
  'detach',
  'applied-twice',
]

/** What every Drizzle database can do, of whatever driver and version. */
export interface AnyDatabase {
  execute(query: string): PromiseLike<unknown>
  transaction(work: (tx: Pick<AnyDatabase, 'execute'>) => Promise<unknown>, config?: never): Promise<unknown>
}

/** What an ordinary round trip is. */
export type Trip = 'execute' | 'transaction'

export const TRIPS: Readonly<Record<Trip, (db: AnyDatabase) => Promise<void>>> = {
  execute: async (db) => void (await db.execute('select 1').then(null, beneath)),
  transaction: async (db) => void (await db.transaction(async (tx) => tx.execute('select 1')).catch(beneath)),
}

/** From 0.44 on, Drizzle has an error of its own around that of the host: the behaviours ask for the host's. */
function beneath(error: unknown): never {
  throw error instanceof Error && error.message.startsWith('Failed query:') ? (error.cause ?? error) : error
}

export interface DrizzleHarnessOptions<TServer, TDrizzle> {
  readonly name: string
  readonly way: Way
  readonly trip: Trip
  /** Asked when a test runs: the server is there by then. */
  readonly server: () => TServer
  readonly lacks?: AdapterHarness['lacks']
  readonly cannot?: AdapterHarness['cannot']
  /** That of another copy of Drizzle than the one that the workspace uses. */
  readonly createDb?: TDrizzle
}
