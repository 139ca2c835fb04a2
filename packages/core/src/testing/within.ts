import { LendingKeeper } from '../lending/lending-keeper.ts'
import type { SimulatedPool } from './simulated-pool.ts'
import type { SimulatedConnection } from './simulated-server.ts'

/**
 * What a host does whose user hands it the work: acquires for it, and releases when it is over,
 * however it ends. As Knex's `transaction(container)`.
 */
export async function transaction<T>(
  pool: SimulatedPool,
  work: (connection: SimulatedConnection) => Promise<T>,
): Promise<T> {
  if (!(pool.keeper instanceof LendingKeeper)) throw new TypeError('a simulated pool has a keeper of its own')
  return pool.keeper.tracking.runWithin(transaction, async () => {
    // In a later turn, as there: the frames of the caller are gone by then.
    await Promise.resolve()
    const connection = await pool.acquire()
    try {
      return await work(connection)
    } finally {
      pool.release(connection)
    }
  })
}
