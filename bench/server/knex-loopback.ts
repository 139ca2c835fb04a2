import { applyPoolPolicy } from '@poolkeeper/knex'
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { loopback } from './loopback.ts'
import { bareKnex, fillPool, type Address } from './pools.ts'

/** Through Knex, on PostgreSQL. */
export function knexLoopback(scale: Scale, address: Address): Promise<Row[]> {
  return loopback(scale, (side) => {
    const db = bareKnex(address, `bench ${side}`)
    if (side === 'kept') applyPoolPolicy(db)
    return { query: () => db.raw('select 1'), fill: () => fillPool(db), end: () => db.destroy() }
  })
}
