import { applyPoolPolicy } from '@poolkeeper/mysql2'
import { createPool } from 'mysql2/promise'
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { loopback } from './loopback.ts'
import { POOL_SIZE, type Address } from './pools.ts'

/** On mysql2's own promise pool, on MariaDB. */
export function mysql2Loopback(scale: Scale, { url }: Address): Promise<Row[]> {
  return loopback(scale, (side) => {
    const pool = createPool({ uri: url, connectionLimit: POOL_SIZE })
    if (side === 'kept') applyPoolPolicy(pool)
    return {
      query: () => pool.query('select 1'),
      fill: async () => void (await Promise.all(Array.from({ length: POOL_SIZE }, () => pool.query('select sleep(0.05)')))),
      end: () => pool.end(),
    }
  })
}
