import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { type FaultProxy, startFaultProxy } from '../../test-integration/faults/proxy.ts'
import type { PostgresServer } from '../../test-integration/harness/postgres.ts'
import type { Scenario, Scene, Story } from '../scenario.ts'
import { POOL, type Settings, startApplication } from './application.ts'

/** What a scenario plays on. Server and network are its own for the time of one run. */
export interface Stage extends Scene {
  readonly db: Knex
  readonly server: PostgresServer
  /** Between the application and the server. */
  readonly network: FaultProxy
}

interface KnexStory extends Story {
  readonly settings: Settings
  /** What the application asks in each request. */
  readonly query: string
  perform(stage: Stage): Promise<void>
}

export function knexScenario({ settings, query, perform, ...story }: KnexStory): Scenario {
  return {
    part: 'knex',
    ...story,
    async start(run, { postgres: server }) {
      if (server === undefined) throw new Error('there is no PostgreSQL')
      const network = await startFaultProxy({ target: server })
      const { database, user } = server
      const { db, keeper, connectedAt } = startApplication(run, { host: network.host, port: network.port, user, database }, settings)
      // Code that runs for the first time is slow, and that is no news about a pool.
      await fill(db)
      return {
        keeper,
        ask: async (isOn) => {
          await db.raw(query).on('query', ({ __knexUid }: { __knexUid: string }) => isOn(connectedAt(__knexUid) ?? 0))
        },
        perform: (scene) => perform({ ...scene, db, server, network }),
        async end() {
          // What hangs on a dead connection hangs until the network goes.
          await network.close()
          await db.destroy()
        },
      }
    },
  }
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
