import { applyPoolPolicy as applyToKnex, keeperOf as keeperOfKnex, withPoolPolicy } from '@poolkeeper/knex'
import { applyPoolPolicy, keeperOf, type PoolPolicyOptions } from '@poolkeeper/pg'
import knex, { type Knex } from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('postgres')
const POLICY: PoolPolicyOptions = { name: 'native', validateAfterIdleMillis: 0, drainTimeoutMillis: 300 }

address.describe('Knex on a pool of pg', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  function openPool(): pg.Pool {
    const { host, port, user, database } = server
    const pool = new pg.Pool({ host, port, user, database, max: 2 })
    onTestFinished(() => pool.end())
    return pool
  }

  const configOf = (pool: pg.Pool): Knex.Config => ({ client: 'pg', connectionPool: pool })

  describe.each([
    {
      way: 'when the policy is on the pool already',
      open(pool: pg.Pool): Knex {
        applyPoolPolicy(pool, POLICY)
        return knex(configOf(pool))
      },
    },
    { way: 'with withPoolPolicy', open: (pool: pg.Pool): Knex => knex(withPoolPolicy(configOf(pool), POLICY)) },
    {
      way: 'with applyPoolPolicy',
      open(pool: pg.Pool): Knex {
        const db = knex(configOf(pool))
        applyToKnex(db, POLICY)
        return db
      },
    },
  ])('$way', ({ open }) => {
    test('queries, transactions and failures go through the kept pool', async () => {
      const pool = openPool()
      const db = open(pool)
      const keeper = keeperOf(pool)
      expect(keeperOfKnex(db)).toBe(keeper)
      // Knex answers its caller before it gives the connection back.
      const isGivenBack = (): Promise<boolean> => vi.waitUntil(() => keeper.stats().used === 0)
      await db.raw('select 1')
      await isGivenBack()
      await expect(db.raw('select nothing from nowhere')).rejects.toThrow()
      await isGivenBack()
      const inside = await db.transaction(async (trx) => {
        expect(keeperOfKnex(trx)).toBe(keeper)
        return (await trx.raw<{ rows: unknown[] }>('select 2 as two')).rows
      })
      expect(inside).toEqual([{ two: 2 }])
      await isGivenBack()
      expect(keeper.stats()).toMatchObject({ name: 'native', opens: { ok: 1 }, acquires: { ok: 3 }, used: 0, idle: 1 })
      expect(keeper.stats().validations.ok).toBeGreaterThan(0)
    })

    test('P-050: connections killed while idle cost no request', async () => {
      const pool = openPool()
      const db = open(pool)
      const before = await db.raw<{ rows: { pid: number }[] }>('select pg_backend_pid() as pid')
      await server.admin.query('select pg_terminate_backend($1)', [before.rows[0]?.pid])
      await db.raw('select 1')
      await vi.waitUntil(() => keeperOf(pool).stats().used === 0)
    })

    test('destroy() leaves the pool and its keeper to their owner', async () => {
      const pool = openPool()
      const db = open(pool)
      await db.raw('select 1')
      await db.destroy()
      expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      expect(keeperOf(pool).stats().acquires.ok).toBe(2)
    })
  })

  test('another policy than that of the pool is refused', () => {
    const pool = openPool()
    applyPoolPolicy(pool, POLICY)
    expect(() => knex(withPoolPolicy(configOf(pool), { max: 1 }))).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
  })

  test('without a policy there is no keeper', async () => {
    const db = knex(configOf(openPool()))
    await db.raw('select 1')
    expect(() => keeperOfKnex(db)).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
  })
})
