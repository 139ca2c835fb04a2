import fc from 'fast-check'
import { expect, test } from 'vitest'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../testing/index.ts'
import { take } from '../testing/scenario.ts'

const PATIENCE_MILLIS = 100
const RACES = 10_000

/** Two callers, one of whom holds the only connection and gives it back when the other's deadline comes, or nearly so. */
async function race(pool: SimulatedPool, offMillis: number, isReturnFirst: boolean): Promise<readonly string[]> {
  const { clock } = pool
  const [held] = (await take(pool, 1)) as [SimulatedConnection]
  const giveBack = (): void => void clock.after(PATIENCE_MILLIS + offMillis, () => void pool.release(held))
  const outcomes: string[] = []
  if (isReturnFirst) giveBack()
  const waiting = pool.acquire().then(
    (connection) => {
      outcomes.push('served')
      pool.release(connection)
    },
    () => void outcomes.push('timed out'),
  )
  if (!isReturnFirst) giveBack()
  await clock.until(waiting)
  await clock.advance(2)
  return outcomes
}

test('P-037: a return that races a deadline has one outcome, ten thousand times, and no connection is lost', async () => {
  const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: PATIENCE_MILLIS, validateAfterIdleMillis: false } })
  const seen = new Set<string>()
  const races = fc.asyncProperty(fc.constantFrom(-1, 0, 0, 0, 1), fc.boolean(), async (offMillis, isReturnFirst) => {
    const outcomes = await race(pool, offMillis, isReturnFirst)
    expect(outcomes).toHaveLength(1)
    if (offMillis !== 0) expect(outcomes).toEqual([offMillis < 0 ? 'served' : 'timed out'])
    seen.add(outcomes.join())
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1, pending: 0, validating: 0, closing: 0 })
  })
  await fc.assert(races, { seed: 1, numRuns: RACES })
  expect(seen).toEqual(new Set(['served', 'timed out']))
  const { acquires, opens } = pool.keeper.stats()
  expect(acquires.ok + acquires.timedOut).toBe(2 * RACES)
  expect(opens.ok).toBe(1)
}, 30_000)
