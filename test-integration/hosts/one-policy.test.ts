import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { PoolEvent, PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import { keeperOf as keeperOfKnex, withPoolPolicy } from '@poolkeeper/knex'
import { applyPoolPolicy as applyToPg } from '@poolkeeper/pg'
import knex from 'knex'
import { Pool } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { silent } from './knex-harness.ts'

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

const POLICY: PoolPolicyOptions = Object.freeze({ max: 2, maxUses: 2, acquireTimeoutMillis: 2_000, drainTimeoutMillis: 500 })

interface Kept {
  readonly keeper: PoolKeeper
  query(): Promise<unknown>
  /** The host's own close. */
  end(): Promise<unknown>
}

function knexOn(client: 'pg' | 'mysql2', connection: string): Kept {
  const db = knex(withPoolPolicy(silent({ client, connection }), { ...POLICY, name: `one policy: Knex, ${client}` }))
  return { keeper: keeperOfKnex(db), query: () => db.raw('select 1'), end: () => db.destroy() }
}

function pgPool(): Kept {
  const pool = new Pool({ connectionString: postgres.url })
  const keeper = applyToPg(pool, { ...POLICY, name: 'one policy: pg' })
  return { keeper, query: () => pool.query('select 1'), end: () => pool.end() }
}

postgres.describe('one policy', () => {
  mariadb.describe('over the pools of several hosts', () => {
    test('P-184: holds for each alike, is watched in one place, and ends them all', async () => {
      const closed: string[] = []
      const listen = (event: unknown): void => void closed.push((event as PoolEvent).pool)
      subscribe('poolkeeper:closed', listen)
      onTestFinished(() => void unsubscribe('poolkeeper:closed', listen))
      const pools = [knexOn('pg', postgres.url), knexOn('mysql2', mariadb.url), pgPool()]
      for (const { keeper, query } of pools) {
        expect(keeper.policy).toMatchObject(POLICY)
        for (let use = 0; use < 5; use++) await query()
        expect(keeper.stats()).toMatchObject({ opens: { ok: 3 }, closes: { maxUses: 2 } })
      }
      const reports = await Promise.all(pools.map(({ keeper }) => keeper.drain()))
      expect(reports).toEqual(pools.map(() => expect.objectContaining({ clean: true }) as object))
      const names = pools.map(({ keeper }) => keeper.stats().name)
      expect(names.map((name) => closed.filter((pool) => pool === name).length)).toEqual([3, 3, 3])
      for (const { query } of pools) await expect(query()).rejects.toThrow()
      await Promise.all(pools.map(({ end }) => end()))
    })
  })
})
