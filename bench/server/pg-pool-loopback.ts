import { applyPoolPolicy } from '@poolkeeper/pg'
import pg from 'pg'
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { loopback, type LoopbackPool } from './loopback.ts'
import { POOL_SIZE, type Address } from './pools.ts'

/** `SELECT 1` through `pool.query()` of pg. */
export function pgPoolLoopback(scale: Scale, { url }: Address): Promise<Row[]> {
  return loopback(scale, (side) => {
    const pool = new pg.Pool({ connectionString: url, application_name: `bench ${side}`, max: POOL_SIZE })
    if (side === 'kept') applyPoolPolicy(pool)
    return poolOf(pool)
  })
}

function poolOf(pool: pg.Pool): LoopbackPool {
  return {
    query: () => pool.query('select 1'),
    fill: async () => {
      await Promise.all(Array.from({ length: POOL_SIZE }, () => pool.query('select pg_sleep(0.05)')))
    },
    end: () => pool.end(),
  }
}
