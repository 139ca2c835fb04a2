import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { closes, fill, ofType, record, take, takeOne, waits } from '../../testing/scenario.ts'

const LIFE = 100_000

/** Draws that are spread evenly. */
function spread(): () => number {
  let drawn = 0
  return () => (drawn++ % 10) / 10
}

function retirements(events: ReturnType<typeof record>): { readonly ageMillis: number; readonly at: number }[] {
  return ofType(events, 'closed').filter(({ reason }) => reason === 'maxLifetime')
}

async function busy(pool: SimulatedPool, millis: number): Promise<number[]> {
  const waited: number[] = []
  const end = pool.clock.now() + millis
  while (pool.clock.now() < end) {
    waited.push(...(await waits(pool, 3, 15)).map(Number))
    await pool.clock.advance(20)
  }
  return waited
}

describe('the end of a life', () => {
  test('P-070: comes to an idle connection without a borrow, and another takes its place', async () => {
    const pool = simulatePool({ policy: { min: 2, maxLifetimeMillis: LIFE } })
    const events = record(pool)
    await pool.clock.advance(LIFE + 20)
    expect(retirements(events)).toHaveLength(2)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, replacements: 2, closes: { maxLifetime: 2 } })
  })

  test('P-071: never comes to a connection in use; it goes when it comes back', async () => {
    const pool = simulatePool({ policy: { max: 1, maxLifetimeMillis: LIFE } })
    const connection = await takeOne(pool)
    await pool.clock.advance(10 * LIFE)
    expect(pool.server.connections).toEqual([connection])
    pool.release(connection)
    await pool.clock.advance(1)
    expect(closes(pool)).toEqual({ maxLifetime: 1 })
  })

  test('is not waited for at checkout: what is past its whole life is not lent', async () => {
    const pool = simulatePool({ policy: { maxLifetimeMillis: LIFE, idleTimeoutMillis: false }, draw: () => 0 })
    const [connection] = await fill(pool, 1)
    await pool.clock.stall(LIFE + 1_000)
    expect(await takeOne(pool)).not.toBe(connection)
  })

  test('P-072: never comes when the policy says false', async () => {
    const pool = simulatePool({ policy: { min: 2, maxLifetimeMillis: false } })
    await pool.clock.advance(12 * 3_600_000)
    expect(pool.server).toMatchObject({ accepted: 2, alive: 2 })
  })
})

describe('P-074: a pool of ten that was filled in one burst', () => {
  const policy = { min: 10, max: 10, maxLifetimeMillis: LIFE, lifetimeSpread: 0.1 }

  test('is replaced within the last tenth of the lives, one by one, and never above max + 1', async () => {
    const pool = simulatePool({ policy, draw: spread() })
    const events = record(pool)
    await pool.clock.advance(LIFE + 2_500)
    const ages = retirements(events).map(({ ageMillis }) => ageMillis)
    expect(ages).toHaveLength(10)
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(0.9 * LIFE)
    expect(Math.max(...ages)).toBeLessThanOrEqual(LIFE + 2_500)
    expect(pool.server.most).toBe(11)
    expect(pool.keeper.stats()).toMatchObject({ idle: 10, replacements: 10 })
  })

  test('P-073: no connection lives longer than its whole life, whatever it has drawn', async () => {
    const pool = simulatePool({ policy, draw: spread() })
    const events = record(pool)
    await pool.clock.advance(3 * LIFE)
    expect(Math.max(...retirements(events).map(({ ageMillis }) => ageMillis))).toBeLessThanOrEqual(LIFE)
  })

  test('also when all have drawn the same: still one by one', async () => {
    const pool = simulatePool({ policy, draw: () => 0.5, openMillis: 200 })
    const events = record(pool)
    let leastIdle = 10
    await pool.clock.advance(1_000)
    for (let count = 0; count < LIFE / 100; count++) {
      await pool.clock.advance(100)
      leastIdle = Math.min(leastIdle, pool.keeper.stats().idle)
    }
    const moments = retirements(events).map(({ at }) => at)
    const gaps = moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0))
    expect(moments).toHaveLength(10)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200)
    expect(leastIdle).toBe(10)
    expect(pool.server.most).toBe(11)
  })

  test('nobody waits for a connect because of it, though the pool is in use all the time', async () => {
    const pool = simulatePool({ policy, draw: spread() })
    await pool.clock.advance(20)
    const waited = await busy(pool, 3 * LIFE)
    expect(Math.max(...waited)).toBeLessThanOrEqual(1)
    expect(pool.keeper.stats().closes.maxLifetime).toBeGreaterThanOrEqual(30)
    expect(pool.server.most).toBe(11)
  })

  test('with replaceAhead 0 it never exceeds max: each is closed first', async () => {
    const pool = simulatePool({ policy: { ...policy, replaceAhead: 0 }, draw: spread() })
    await pool.clock.advance(LIFE + 5_000)
    expect(pool.server).toMatchObject({ most: 10, alive: 10 })
    expect(pool.keeper.stats().closes.maxLifetime).toBe(10)
  })

  test('with a server that refuses one more, each is closed first, and the pool is whole again', async () => {
    const pool = simulatePool({ policy, draw: spread() })
    pool.server.limit = 10
    const events = record(pool)
    await pool.clock.advance(LIFE + 5_000)
    expect(ofType(events, 'openFailed').length).toBeGreaterThanOrEqual(1)
    expect(pool.keeper.stats()).toMatchObject({ idle: 10, closes: { maxLifetime: 10 } })
    expect(pool.server).toMatchObject({ most: 10, alive: 10 })
  })

  test('while the server refuses connects for another reason, nothing is closed early', async () => {
    const pool = simulatePool({ policy, draw: spread() })
    await pool.clock.advance(1_000)
    pool.server.connects = 'refused'
    await pool.clock.advance(LIFE + 60_000)
    expect(pool.keeper.stats().idle).toBe(10)
    pool.server.connects = 'accepted'
    await pool.clock.advance(10_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 10, closes: { maxLifetime: 10 } })
  })
})

test('P-183: whatever the size, the lifetime, its spread and the draws, all are replaced within their bound, one by one', async () => {
  const policies = fc.record({
    max: fc.integer({ min: 1, max: 40 }),
    maxLifetimeMillis: fc.integer({ min: 60_000, max: 7_200_000 }),
    lifetimeSpread: fc.integer({ min: 5, max: 50 }).map((hundredths) => hundredths / 100),
  })
  const draws = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 40 })
  const property = fc.asyncProperty(policies, draws, async (policy, drawn) => {
    let next = 0
    const draw = (): number => drawn[next++ % drawn.length] ?? 0
    const { max, maxLifetimeMillis, lifetimeSpread } = policy
    const pool = simulatePool({ policy: { ...policy, min: max, keepaliveMillis: false }, draw })
    const events = record(pool)
    await pool.clock.advance(maxLifetimeMillis + 20)
    const gone = retirements(events).map(({ ageMillis }) => ageMillis)
    expect(new Set(ofType(events, 'closed').map(({ reason }) => reason))).toEqual(new Set(['maxLifetime']))
    expect(gone.length).toBeGreaterThanOrEqual(max)
    expect(Math.max(...gone)).toBeLessThanOrEqual(maxLifetimeMillis)
    expect(Math.min(...gone)).toBeGreaterThanOrEqual(maxLifetimeMillis * (1 - lifetimeSpread))
    expect(pool.server.most).toBeLessThanOrEqual(max + 1)
    expect(pool.keeper.stats().idle).toBeGreaterThanOrEqual(max)
  })
  await fc.assert(property, { seed: 1, numRuns: 60 })
})

describe('uses', () => {
  test('P-075: a connection is closed after exactly so many, and who waits gets a fresh one', async () => {
    const pool = simulatePool({ policy: { max: 1, maxUses: 3 } })
    const events = record(pool)
    await waits(pool, 7)
    expect(ofType(events, 'closed').map(({ uses, reason }) => ({ uses, reason }))).toEqual([
      { uses: 3, reason: 'maxUses' },
      { uses: 3, reason: 'maxUses' },
    ])
    expect(pool.server.accepted).toBe(3)
  })

  test('P-076: a single use in a pool of one does not lock it', async () => {
    const pool = simulatePool({ policy: { max: 1, maxUses: 1 } })
    const waited = await waits(pool, 5, 10)
    expect(waited.every((each) => typeof each === 'number')).toBe(true)
    expect(pool.server).toMatchObject({ accepted: 5, most: 1 })
  })

  test('P-077: each closing has its reason once, and the minimum is refilled', async () => {
    const pool = simulatePool({ policy: { min: 2, max: 5, maxUses: 1, idleTimeoutMillis: 5_000, maxLifetimeMillis: LIFE } })
    await pool.clock.advance(20)
    const held = await take(pool, 5)
    for (const connection of held) pool.release(connection)
    await pool.clock.advance(LIFE + 5_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, closes: { maxUses: 5, maxLifetime: 2 } })
    expect(Object.values(closes(pool)).reduce((sum, count) => sum + count, 0)).toBe(pool.server.accepted - 2)
  })
})

describe('P-078: a lifetime that is changed while the pool runs', () => {
  test('holds for what exists already', async () => {
    const pool = simulatePool({ policy: { min: 2, maxLifetimeMillis: LIFE } })
    await pool.clock.advance(50_000)
    pool.keeper.reconfigure({ maxLifetimeMillis: 10_000, keepaliveMillis: false })
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, closes: { maxLifetime: 2 } })
  })
})
