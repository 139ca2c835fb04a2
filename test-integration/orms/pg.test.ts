import { createRequire } from 'node:module'
import { MikroORM } from '@mikro-orm/postgresql'
import { applyPoolPolicy, keeperOf, type PoolKeeper } from '@poolkeeper/pg'
import { PrismaPg } from '@prisma/adapter-pg'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool, type PoolConfig } from 'pg'
import { DataSource } from 'typeorm'
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { type Ask, describeOrm, onKysely, onTypeorm, type Orm, POLICY } from './orm.ts'

const address = requireServer('postgres')
const APPLICATION = 'orms'
const SETTINGS: PoolConfig = { connectionString: address.url, application_name: APPLICATION, max: 3 }

function keptPool(): { pool: Pool; keeper: PoolKeeper } {
  const pool = new Pool(SETTINGS)
  return { pool, keeper: applyPoolPolicy(pool, POLICY) }
}

function kysely(): Orm {
  const { pool, keeper } = keptPool()
  return onKysely(keeper, new Kysely({ dialect: new PostgresDialect({ pool }) }))
}

/** TypeORM makes its pool itself, and shows it once it is there. */
async function typeorm(): Promise<Orm> {
  const source = new DataSource({ type: 'postgres', url: address.url, applicationName: APPLICATION, poolSize: 3 })
  await source.initialize()
  const keeper = applyPoolPolicy((source.driver as PostgresDriver).master as Pool, POLICY)
  return onTypeorm(keeper, source)
}

/** MikroORM makes its pool itself, and shows it before its first connection. */
async function mikroOrm(): Promise<Orm> {
  let keeper: PoolKeeper | undefined
  const orm = await MikroORM.init({
    clientUrl: address.url,
    discovery: { warnWhenNoEntities: false },
    driverOptions: {
      application_name: APPLICATION,
      max: 3,
      onPoolCreated: (pool: Pool) => {
        keeper = applyPoolPolicy(pool, POLICY)
      },
    },
  })
  await orm.connect()
  if (keeper === undefined) throw new Error('MikroORM has made no pool')
  return {
    keeper,
    ask: (text) => orm.em.fork().execute(text),
    transaction: (work) => orm.em.fork().transactional((em) => work((text) => em.execute(text))),
    end: () => orm.close(),
  }
}

/**
 * Prisma's adapter without Prisma's client, whose generation downloads an engine: what the client
 * asks of the adapter is asked here, in the same order.
 */
async function prismaAdapter(): Promise<Orm> {
  const { pool } = keptPool()
  const adapter = await new PrismaPg(pool).connect()
  const askOf =
    (on: Pick<typeof adapter, 'queryRaw'>): Ask =>
    async (text) => {
      const { columnNames, rows } = await on.queryRaw({ sql: text, args: [], argTypes: [] })
      return rows.map((row) => Object.fromEntries(columnNames.map((column, index) => [column, row[index]])))
    }
  return {
    keeper: keeperOf(pool),
    ask: askOf(adapter),
    async transaction(work) {
      const transaction = await adapter.startTransaction()
      const finish = (how: 'COMMIT' | 'ROLLBACK'): Promise<number> =>
        transaction.executeRaw({ sql: how, args: [], argTypes: [] })
      try {
        await work(askOf(transaction))
      } catch (error) {
        await finish('ROLLBACK')
        await transaction.rollback()
        throw error
      }
      await finish('COMMIT')
      await transaction.commit()
    },
    async end() {
      await adapter.dispose()
      await pool.end()
    },
  }
}

address.describe('On a kept pool of pg', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const postgres = {
    whichConnection: 'select pg_backend_pid() as id',
    killUnseen: () => server.terminateAllSync({ applicationName: APPLICATION }),
  }
  describeOrm({ name: 'Kysely', open: kysely }, postgres)
  describeOrm({ name: 'TypeORM', open: typeorm }, postgres)
  describeOrm({ name: 'MikroORM', open: mikroOrm }, postgres)
  describeOrm({ name: "Prisma's driver adapter", open: prismaAdapter }, postgres)

  test("Prisma's driver adapter takes a pool of another copy of pg for a config", async () => {
    const { Pool: OtherPool } = createRequire(import.meta.url)('pg-8-20') as { Pool: typeof Pool }
    const pool = new OtherPool(SETTINGS)
    const keeper = applyPoolPolicy(pool)
    const adapter = await new PrismaPg(pool).connect()
    // To wherever pg connects by default.
    await adapter.queryRaw({ sql: 'select 1', args: [], argTypes: [] }).catch(() => {})
    await adapter.dispose()
    await pool.end()
    expect(keeper.stats().opens).toMatchObject({ ok: 0, failed: 0 })
  })
})
