import { keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { loopback, type LoopbackPool } from './loopback.ts'
import { POOL_SIZE, type Address } from './pools.ts'

/**
 * `select 1` as a tagged template. Every byte goes through our socket, which a port that is asked by its host once a
 * checkout does not pay: this is measured and told, without a limit.
 */
export function postgresJsLoopback(scale: Scale, { url }: Address): Promise<Row[]> {
  return loopback(
    scale,
    (side) => {
      const options: Options<Record<string, never>> = { max: POOL_SIZE, connection: { application_name: `bench ${side}` } }
      const sql = postgres(url, side === 'kept' ? withPoolPolicy(options) : options)
      if (side === 'kept') keeperOf(sql)
      return poolOf(sql)
    },
    'without limits',
  )
}

function poolOf(sql: Sql): LoopbackPool {
  return {
    query: () => sql`select 1`,
    fill: async () => {
      await Promise.all(Array.from({ length: POOL_SIZE }, () => sql`select pg_sleep(0.05)`))
    },
    end: () => sql.end(),
  }
}
