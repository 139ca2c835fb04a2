import { describe, expect, test } from 'vitest'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { simulatePool, type SimulatedPool, type SimulatedPoolOptions } from '../testing/index.ts'
import { closes, failureOf, fill, ofType, record, take, takeOne, use, waits } from '../testing/scenario.ts'

function observed(policy: PoolPolicyOptions, host: SimulatedPoolOptions['host'] = { max: 3, acquireTimeoutMillis: 5_000 }): SimulatedPool {
  return simulatePool({ policy: { mode: 'observe', ...policy }, host })
}

/** What would have been done, without what would not. */
function would(pool: SimulatedPool): object {
  const { retire, ...counts } = pool.keeper.stats().observed
  const present = (record: Record<string, number>): object =>
    Object.fromEntries(Object.entries(record).filter(([, count]) => count > 0))
  return { ...present(counts), ...present(retire) }
}

const never = (): never => {
  throw new Error('a hook was called')
}

describe('nothing is changed for the host', () => {
  const STRICT: PoolPolicyOptions = {
    min: 3,
    max: 3,
    minIdle: 2,
    maxPending: 0,
    maxConcurrentCreates: 1,
    overflow: 2,
    overflowAfterMillis: 0,
    acquireTimeoutMillis: 100,
    connectTimeoutMillis: 10,
    validationTimeoutMillis: 100,
    idleTimeoutMillis: 1_000,
    maxLifetimeMillis: 5_000,
    maxUses: 1,
    validateRole: 'writable',
    validateAfterIdleMillis: 0,
    keepaliveMillis: 1_000,
    onReturn: 'reset',
    onOpen: never,
    onAcquire: never,
    onRelease: never,
  }

  test('by the strictest policy: no connection, no question and no close that the callers did not cause', async () => {
    const pool = observed(STRICT)
    for (let round = 0; round < 20; round++) {
      await use(pool)
      await pool.clock.advance(5_000)
    }
    expect(pool.server).toMatchObject({ accepted: 1, questions: 0, most: 1 })
    expect(closes(pool)).toEqual({})
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, max: 3, min: 0, acquires: { ok: 20, refused: 0, failed: 0 } })
    expect(pool.keeper.policy).toMatchObject({ mode: 'observe', max: 3, min: 3, maxLifetimeMillis: 5_000 })
  })

  test("the host's own limits and deadlines hold, and not the policy's", async () => {
    const pool = observed({ ...STRICT, max: 9, acquireTimeoutMillis: 100 })
    await take(pool, 3)
    const [error] = await waits(pool, 1)
    expect(error).toMatchObject({ code: 'POOL_EXHAUSTED' })
    expect(pool.clock.now()).toBeGreaterThanOrEqual(5_000)
    expect(pool.server.most).toBe(3)
  })

  test('a connection that dies ends nothing, and stays where the host has it', async () => {
    const pool = observed({})
    const [dying] = await fill(pool, 2)
    if (dying !== undefined) pool.server.kill(dying)
    await pool.clock.advance(60_000)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, generation: 1 })
    expect(closes(pool)).toEqual({})
    expect(would(pool)).toMatchObject({ fatal: 1 })
  })

  test('what hangs while it connects is not given up', async () => {
    const pool = observed({})
    pool.server.connects = 'swallowed'
    const waiting = pool.acquire()
    await pool.clock.advance(2_000)
    pool.server.connects = 'accepted'
    const later = pool.acquire()
    const lent = await pool.clock.until(waiting)
    expect(pool.keeper.stats()).toMatchObject({ opening: 1, opens: { ok: 1, failed: 0 } })
    pool.release(lent)
    expect(await pool.clock.until(later)).toBe(lent)
  })
})

describe('what would have been done is counted, and told', () => {
  const ROWS: readonly (readonly [string, PoolPolicyOptions, (pool: SimulatedPool) => Promise<void>, object])[] = [
    ['nothing', {}, async (pool) => void (await use(pool)), {}],
    [
      'a check at the checkout',
      { keepaliveMillis: false },
      async (pool) => {
        await use(pool)
        await pool.clock.advance(600)
        await use(pool)
      },
      { validate: 1 },
    ],
    [
      'one for the role, once for each connection',
      { validateRole: 'writable' },
      async (pool) => {
        await use(pool)
        await use(pool)
      },
      { validate: 1 },
    ],
    ['a check to keep it alive, once a period', { min: 1, keepaliveMillis: 10_000, idleTimeoutMillis: false, maxLifetimeMillis: false }, async (pool) => {
      await use(pool)
      await pool.clock.advance(35_000)
    }, { validate: 3 }],
    ['retiring what is old, once', { min: 0, maxLifetimeMillis: 60_000, keepaliveMillis: false, idleTimeoutMillis: false }, async (pool) => {
      await fill(pool, 3)
      await pool.clock.advance(120_000)
      await use(pool)
    }, { maxLifetime: 3 }],
    ['retiring what was used enough, once', { maxUses: 2 }, async (pool) => {
      for (let round = 0; round < 5; round++) await use(pool)
    }, { maxUses: 1 }],
    ['closing what is idle, above `min`', { min: 1, idleTimeoutMillis: 2_000, keepaliveMillis: false }, async (pool) => {
      await fill(pool, 3)
      await pool.clock.advance(30_000)
    }, { idle: 2 }],
    ['rolling back what came back open', {}, async (pool) => {
      const lent = await takeOne(pool)
      pool.server.setTransaction(lent, 'open')
      pool.release(lent)
    }, { restore: 1 }],
    ['resetting each time', { onReturn: 'reset' }, async (pool) => {
      await use(pool)
      await use(pool)
    }, { restore: 2 }],
    ['turning a caller away', { maxPending: 1 }, async (pool) => {
      await take(pool, 3)
      await waits(pool, 3)
    }, { refuse: 2 }],
    ['opening what `min` wants, once', { min: 3, keepaliveMillis: false, idleTimeoutMillis: false }, async (pool) => {
      await use(pool)
      await pool.clock.advance(60_000)
    }, { open: 2 }],
  ]

  test.each(ROWS)('%s', async (_what, policy, act, expected) => {
    const pool = observed(policy)
    const events = record(pool)
    await act(pool)
    expect(would(pool)).toEqual(expected)
    const counted = Object.values(expected as Record<string, number>).reduce((sum, count) => sum + count, 0)
    expect(ofType(events, 'observed')).toHaveLength(counted)
    expect(closes(pool)).toEqual({})
  })

  test('an event says what, of whom, and why', async () => {
    const pool = observed({ maxUses: 1 })
    const events = record(pool)
    await use(pool)
    expect(ofType(events, 'observed')).toMatchObject([{ would: 'retire', connection: 1, reason: 'maxUses' }])
  })

  test('a policy that is in force observes nothing', async () => {
    const pool = simulatePool({ policy: { maxUses: 1 } })
    await use(pool)
    expect(would(pool)).toEqual({})
  })
})

describe('switching over while the pool runs', () => {
  test('into force: what exists is judged from now on, and the limits are ours', async () => {
    const pool = observed({ max: 2, maxLifetimeMillis: 10_000, idleTimeoutMillis: false, keepaliveMillis: false })
    await fill(pool, 3)
    await pool.clock.advance(20_000)
    expect(closes(pool)).toEqual({})
    pool.keeper.reconfigure({ mode: 'enforce' })
    await pool.clock.advance(1_000)
    expect(closes(pool)).toMatchObject({ shrink: 1 })
    await use(pool)
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats().closes.maxLifetime + pool.keeper.stats().closes.shrink).toBe(3)
    expect(pool.keeper.stats().max).toBe(2)
    await take(pool, 2)
    expect(pool.server.alive).toBe(2)
  })

  test('out of force: nothing more is done, and the host has its limits again', async () => {
    const pool = simulatePool({
      policy: { min: 2, max: 2, maxLifetimeMillis: 10_000, validateAfterIdleMillis: 0 },
      host: { max: 3, acquireTimeoutMillis: 5_000 },
    })
    await pool.clock.until(pool.keeper.ready())
    pool.keeper.reconfigure({ mode: 'observe' })
    const { questions } = pool.server
    await pool.clock.advance(60_000)
    const three = await take(pool, 3)
    for (const lent of three) pool.release(lent)
    expect(pool.server).toMatchObject({ questions, accepted: 3 })
    expect(closes(pool)).toEqual({})
    expect(pool.keeper.stats()).toMatchObject({ max: 3, idle: 3 })
  })

  test('back and forth', async () => {
    const pool = observed({ max: 2, min: 2, maxUses: 3 })
    for (const mode of ['enforce', 'observe', 'enforce', 'observe', 'enforce'] as const) {
      pool.keeper.reconfigure({ mode })
      for (let round = 0; round < 4; round++) await use(pool)
      await pool.clock.advance(5_000)
    }
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, used: 0, validating: 0, opening: 0, closing: 0, max: 2 })
    expect(pool.server.alive).toBe(2)
  })

  test('what was being replaced is done with: who waited for it is answered', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const held = await takeOne(pool)
    await pool.clock.advance(10)
    const recycled = pool.keeper.recycle()
    const ready = pool.keeper.ready()
    pool.keeper.reconfigure({ mode: 'observe' })
    await pool.clock.until(recycled)
    await pool.clock.until(ready)
    pool.release(held)
    expect(pool.keeper.stats().idle).toBeGreaterThanOrEqual(1)
  })
})

describe('what an operator asks for by name', () => {
  test.each([
    ['resize', (pool: SimulatedPool) => pool.keeper.resize({ max: 5 })],
    ['recycle', (pool: SimulatedPool) => pool.keeper.recycle()],
  ])('%s() needs the policy in force, and says so', async (_what, act) => {
    const pool = observed({})
    expect(await failureOf(pool, act(pool))).toMatchObject({ code: 'OBSERVING', pool: 'simulated' })
  })

  test('ready() opens nothing, and is done at once', async () => {
    const pool = observed({ min: 2 })
    await pool.keeper.ready()
    expect(pool.server.accepted).toBe(0)
  })

  test("evictIdle() closes what is idle above the host's own minimum", async () => {
    const pool = observed({ min: 3 }, { min: 1, max: 3 })
    await fill(pool, 3)
    expect(await pool.clock.until(pool.keeper.evictIdle())).toBe(2)
    expect(closes(pool)).toEqual({ idle: 2 })
  })

  test('pause() and resume() stop and go on', async () => {
    const pool = observed({})
    await use(pool)
    pool.keeper.pause()
    const waiting = pool.acquire()
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats().pending).toBe(1)
    pool.keeper.resume()
    expect((await pool.clock.until(waiting)).id).toBe(1)
    pool.keeper.pause({ waiters: 'fail' })
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'PAUSED' })
  })

  test('drain() closes everything, and ends in bounded time', async () => {
    const pool = observed({})
    await fill(pool, 2)
    const held = await takeOne(pool)
    pool.server.silence([held])
    const report = await pool.clock.until(pool.keeper.drain({ timeoutMillis: 500 }))
    expect(report).toMatchObject({ clean: false, blockers: [{ heldMillis: 500 }] })
    expect(report.durationMillis).toBeLessThanOrEqual(1_600)
    expect(pool.server.sockets).toBe(0)
  })

  test('detach() leaves it as it is', async () => {
    const pool = observed({ max: 1 })
    await fill(pool, 3)
    pool.keeper.detach()
    expect(pool.server.alive).toBe(3)
    await use(pool)
  })
})
