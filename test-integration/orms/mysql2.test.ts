import { applyPoolPolicy } from '@poolkeeper/mysql2'
import { Kysely, MysqlDialect, sql } from 'kysely'
import { createPool, type Pool } from 'mysql2'
import { DataSource } from 'typeorm'
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js'
import { afterAll, beforeAll } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'
import { describeOrm, POLICY, type Ask, type Orm } from './orm.ts'

const address = requireServer('mariadb')

async function kysely(): Promise<Orm> {
  const pool = createPool({ uri: address.url, connectionLimit: 3 })
  const keeper = applyPoolPolicy(pool, POLICY)
  const db = new Kysely<unknown>({ dialect: new MysqlDialect({ pool }) })
  const askOf =
    (on: Kysely<unknown>): Ask =>
    async (text) =>
      (await sql.raw<object>(text).execute(on)).rows
  return {
    keeper,
    ask: askOf(db),
    transaction: (work) => db.transaction().execute((trx) => work(askOf(trx))),
    end: () => db.destroy(),
  }
}

/** TypeORM makes its pool itself, and shows it once it is there. */
async function typeorm(): Promise<Orm> {
  const source = new DataSource({ type: 'mysql', url: address.url, poolSize: 3 })
  await source.initialize()
  const keeper = applyPoolPolicy((source.driver as MysqlDriver).pool as Pool, POLICY)
  return {
    keeper,
    ask: (text) => source.query(text),
    transaction: (work) => source.transaction((manager) => work((text) => manager.query(text))),
    end: () => source.destroy(),
  }
}

address.describe('On a kept pool of mysql2', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await attachMariadb(address)
  })
  afterAll(() => server.stop())

  const mariadb = {
    whichConnection: 'select connection_id() as id',
    killUnseen: () => server.killAllSync(),
  }
  describeOrm({ name: 'Kysely', open: kysely }, mariadb)
  describeOrm({ name: 'TypeORM', open: typeorm }, mariadb)
})
