import { applyPoolPolicy } from '@poolkeeper/generic-pool'
import { createPool } from 'generic-pool'
import { POOL_SIZE, type Caller, type StubConnection, type Variant } from './stub-variants.ts'

/** generic-pool itself, of resources that lead nowhere. */
export function genericPoolStub(variant: Variant): Caller {
  const factory = { create: async (): Promise<StubConnection> => ({ opened: true }), destroy: async (): Promise<void> => {} }
  const pool = createPool(factory, POOL_SIZE)
  if (variant !== 'bare') {
    const keeper = applyPoolPolicy(pool)
    if (variant === 'kept with a subscriber') keeper.subscribe(() => {})
  }
  return async (times) => {
    for (let time = 0; time < times; time++) await pool.release(await pool.acquire())
  }
}
