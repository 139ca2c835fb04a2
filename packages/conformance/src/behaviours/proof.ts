import type { Behaviour, Trial } from '../behaviour.ts'
import { pass } from '../waiting.ts'

const WINDOW_MILLIS = 150
const LONG_LEASE_MILLIS = 200

// With one place, so that the next checkout is of the same connection, also where a slow connect has begun another.

/** How many checks the next checkout needs after a long lease that ended like this. */
async function checksAfterLease({ open }: Trial, answer: boolean): Promise<number> {
  const pool = await open({ max: 1, validateAfterIdleMillis: WINDOW_MILLIS })
  const lease = await pool.acquire()
  await pass(LONG_LEASE_MILLIS)
  if (answer) await lease.query()
  await lease.release()
  await (await pool.acquire()).release()
  return pool.keeper.stats().validations.ok
}

export const proof: Behaviour = {
  promise: 'any answer is proof, and a silent lease is none',
  proves: ['P-053'],
  needs: ['server'],
  tests: {
    'a query that was answered': async (trial) => trial.expect(await checksAfterLease(trial, true)).toBe(0),
    'a lease in which nothing was asked': async (trial) => trial.expect(await checksAfterLease(trial, false)).toBe(1),

    'a statement that failed': async ({ expect, open }) => {
      const pool = await open({ max: 1, validateAfterIdleMillis: WINDOW_MILLIS })
      const lease = await pool.acquire()
      await pass(LONG_LEASE_MILLIS)
      await lease.failingQuery()
      await lease.release()
      const next = await pool.acquire()
      expect(next.id).toBe(lease.id)
      expect(pool.keeper.stats().validations.ok).toBe(0)
      await next.release()
    },
  },
}
