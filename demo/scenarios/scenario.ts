import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import type { FaultProxy } from '../../test-integration/faults/proxy.ts'
import type { PostgresServer } from '../../test-integration/harness/postgres.ts'
import { POOL, type Settings } from '../application.ts'
import type { Load } from '../load.ts'

/** What a scenario plays on. Server and network are its own for the time of one run. */
export interface Stage {
  readonly db: Knex
  readonly server: PostgresServer
  /** Between the application and the server. */
  readonly network: FaultProxy
  readonly load: Load
  /** Draws a line into the picture. `recoverFrom`: this is the fault, and recovery counts from here. */
  mark(label: string, options?: { recoverFrom: boolean }): void
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** What happens, in sentences. */
  readonly story: string
  readonly settings: Settings
  /** The settings beyond the defaults, in words. */
  readonly settingsText: string
  /** What the application asks in each request. */
  readonly query: string
  /** How long the last answers are waited for, after the last request was sent. */
  readonly patienceMillis: number
  perform(stage: Stage): Promise<void>
}

export const DEFAULTS_TEXT = 'Bare: Knex’s defaults. Kept: withPoolPolicy with no options.'

/** Opens the whole pool, and lets every connection prove itself. */
export async function fill(db: Knex): Promise<void> {
  await Promise.all(Array.from({ length: POOL.max }, () => db.raw('select pg_sleep(0.1)')))
}

/** A second of ordinary load, then a full pool in which every connection has been idle for 700 ms. */
export async function warmUp({ db, load }: Stage): Promise<void> {
  await load.steady({ perSecond: 50, seconds: 1 })
  await fill(db)
  await sleep(700)
}
