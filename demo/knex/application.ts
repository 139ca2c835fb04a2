import { keeperOf, withPoolPolicy, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import type { RunName } from '../scenario.ts'

export const POOL = { min: 2, max: 10 } as const

/** What a scenario sets beyond the defaults. */
export interface Settings {
  readonly acquireConnectionTimeout?: number
  /** Knex's own pool options, for the bare run. */
  readonly barePool?: Readonly<Record<string, number>>
  /** For the kept run. */
  readonly policy?: PoolPolicyOptions
}

export interface Application {
  readonly db: Knex
  readonly keeper: PoolKeeper | undefined
  /** When Knex was given the connection of this name. */
  connectedAt(connection: string): number | undefined
}

export interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

/** The application under test: in both runs the same but for one call. */
export function startApplication(run: RunName, address: Address, settings: Settings): Application {
  const { acquireConnectionTimeout, barePool, policy } = settings
  const connectedAt = new Map<string, number>()
  const config: Knex.Config = {
    client: 'pg',
    connection: { ...address },
    ...(acquireConnectionTimeout === undefined ? {} : { acquireConnectionTimeout }),
    pool: {
      ...POOL,
      ...(run === 'bare' ? barePool : {}),
      afterCreate: (connection: { __knexUid: string }, done: (error: Error | null) => void) => {
        connectedAt.set(connection.__knexUid, performance.now())
        done(null)
      },
    },
    // Knex would print each error that the run counts.
    log: { warn: () => {} },
  }
  const db = knex(run === 'kept' ? withPoolPolicy(config, policy) : config)
  return {
    db,
    keeper: run === 'kept' ? keeperOf(db) : undefined,
    connectedAt: (connection) => connectedAt.get(connection),
  }
}
