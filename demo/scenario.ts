import type { PoolKeeper } from '@poolkeeper/core'
import type { PostgresServer } from '../test-integration/harness/postgres.ts'
import type { RedisServer } from '../test-integration/harness/redis.ts'
import type { Load } from './load.ts'

/** A host as it is, or with its pool kept by a policy. */
export type RunName = 'bare' | 'kept'

export const RUNS: readonly RunName[] = ['bare', 'kept']

/** Whose pool it is. */
export type PartName = 'knex' | 'ioredis'

/** Those that the chosen scenarios need. */
export interface Servers {
  readonly postgres?: PostgresServer
  readonly redis?: RedisServer
}

/** What the report tells of a scenario. */
export interface Story {
  readonly name: string
  readonly title: string
  /** What happens, in sentences. */
  readonly story: string
  /** The settings beyond the defaults, in words. */
  readonly settingsText: string
  /** How long the last answers are waited for, after the last request was sent. */
  readonly patienceMillis: number
}

export interface Scenario extends Story {
  readonly part: PartName
  /** Starts the application, on a network of its own. */
  start(run: RunName, servers: Servers): Promise<Play>
}

/** A scenario that is about to be played once. */
export interface Play {
  /** Missing in the bare run. */
  readonly keeper: PoolKeeper | undefined
  /** What the application is asked in each request. */
  readonly ask: Ask
  perform(scene: Scene): Promise<void>
  /** How many answers were wrong, by what the server holds in the end: only of scenarios that look at it. */
  audit?(ok: number, errors: number): Promise<number>
  /** Clears application and network away. */
  end(): Promise<void>
}

/** One request. Where it can be known, it tells when the connection that it goes out on was connected. */
export type Ask = (isOn: (connectedAt: number) => void) => Promise<unknown>

/** What a scenario plays with, whatever the host. */
export interface Scene {
  readonly load: Load
  /** Draws a line into the picture. `recoverFrom`: this is the fault, and recovery counts from here. */
  mark(label: string, options?: { recoverFrom: boolean }): void
}
