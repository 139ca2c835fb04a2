import { applyPoolPolicy } from '@poolkeeper/mysql2'
import { Kysely, MysqlDialect } from 'kysely'
import { createPool, type Pool } from 'mysql2'
import { DataSource } from 'typeorm'
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js'
import { afterAll, beforeAll } from 'vitest'
import { attachMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { requireServer } from '../harness/require-server.ts'
import { describeOrm, onKysely, onTypeorm, type Orm, POLICY } from './orm.ts'

const address = requireServer('mariadb')

function kysely(): Orm {
  const pool = createPool({ uri: address.url, connectionLimit: 3 })
  const keeper = applyPoolPolicy(pool, POLICY)
  return onKysely(keeper, new Kysely({ dialect: new MysqlDialect({ pool }) }))
}

/** TypeORM makes its pool itself, and shows it once it is there. */
async function typeorm(): Promise<Orm> {
  const source = new DataSource({ type: 'mysql', url: address.url, poolSize: 3 })
  await source.initialize()
  const keeper = applyPoolPolicy((source.driver as MysqlDriver).pool as Pool, POLICY)
  return onTypeorm(keeper, source)
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
