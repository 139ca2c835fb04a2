import { describe, expect, test } from 'vitest'
import { PoolkeeperError } from '../errors.ts'
import { policyOf } from '../testing/fixtures.ts'
import { simulatePool, VirtualClock } from '../testing/index.ts'
import { askers, failureOf, fill, ofType, record, take, takeOne, waits } from '../testing/scenario.ts'
import type { HostCounts, LendingPort } from '../port.ts'
import { LendingKeeper } from './lending-keeper.ts'

describe('the deadline', () => {
  test('P-020: fails a caller to the millisecond, with what the pool held', async () => {
    const pool = simulatePool({ policy: { max: 2, acquireTimeoutMillis: 1_000 } })
    await take(pool, 2)
    const since = pool.clock.now()
    const error = await failureOf(pool, pool.acquire())
    expect(pool.clock.now() - since).toBe(1_000)
    expect(error).toMatchObject({
      code: 'POOL_EXHAUSTED',
      pool: 'simulated',
      counts: { used: 2, idle: 0, validating: 0, opening: 0, closing: 0, pending: 1 },
    })
    expect((error as Error).message).toBe(
      'no connection from pool "simulated" within 1000 ms: all connections were in use ' +
        '(2 used, 0 idle, 0 being validated, 0 opening, 0 closing of at most 2; 1 waiting)',
    )
  })

  test('P-020: carries the last connect error as its cause', async () => {
    const pool = simulatePool({ policy: { max: 1, min: 1, acquireTimeoutMillis: 1_000 } })
    pool.server.connects = 'refused'
    await pool.clock.advance(100)
    pool.server.connects = 'swallowed'
    const error = await failureOf(pool, pool.acquire())
    expect(error).toMatchObject({ code: 'CONNECT_FAILED', cause: { code: 'ECONNREFUSED' } })
  })

  test('P-021: covers waiting, checking and connecting together; no phase restarts the clock', async () => {
    const policy = {
      max: 1,
      acquireTimeoutMillis: 1_000,
      validateAfterIdleMillis: 0,
      validationTimeoutMillis: 400,
      replaceAhead: 0,
    }
    const pool = simulatePool({ policy, openMillis: 500 })
    const held = await takeOne(pool)
    const since = pool.clock.now()
    pool.server.silence([held])
    pool.clock.after(400, () => pool.release(held))
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'CONNECT_FAILED', counts: { opening: 1 } })
    expect(pool.clock.now() - since).toBe(1_000)
  })

  test('P-087: that fires late because this process was blocked says so', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 } })
    await takeOne(pool)
    const error = pool.acquire().catch((reason: Error) => reason.message)
    await pool.clock.stall(1_099)
    expect(await error).not.toContain('blocked')
    const late = pool.acquire().catch((reason: Error) => reason.message)
    await pool.clock.stall(3_500)
    expect(await late).toContain('the event loop of this process was blocked for 2500 ms')
  })

  test.each([17, 250, 999])('P-022: is honoured below a second: %d ms', async (acquireTimeoutMillis) => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis } })
    pool.server.connects = 'swallowed'
    await failureOf(pool, pool.acquire())
    expect(pool.clock.now()).toBe(acquireTimeoutMillis)
  })

  test('P-030: with two callers for each connection and leases twice as long as they wait, exactly half fail', async () => {
    const pool = simulatePool({ policy: { max: 5, acquireTimeoutMillis: 1_000 } })
    const outcomes = await waits(pool, 10, 2_000)
    expect(outcomes.filter((outcome) => outcome instanceof PoolkeeperError)).toHaveLength(5)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: 5, timedOut: 5 })
  })
})

describe('what a deadline is explained by', () => {
  const nothing: HostCounts = { used: 0, idle: 0, withdrawn: 0, opening: 0, closing: 0, pending: 1 }

  test.each<[string, Partial<HostCounts>, unknown, string, string]>([
    ['all are in use', { used: 4 }, undefined, 'POOL_EXHAUSTED', 'all connections were in use'],
    ['all are in use, though connecting failed once', { used: 4 }, new Error('refused'), 'POOL_EXHAUSTED', 'all connections were in use'],
    ['connecting fails', { used: 1 }, new Error('refused'), 'CONNECT_FAILED', 'connecting failed: refused'],
    ['connecting fails with something that is no error', {}, 'refused', 'CONNECT_FAILED', 'connecting failed: refused'],
    ['connecting hangs', { used: 1, opening: 1 }, undefined, 'CONNECT_FAILED', 'connecting got no answer'],
    ['checks hang', { withdrawn: 1 }, undefined, 'VALIDATION_FAILED', 'connections did not answer their validation'],
    ['nothing of all that', {}, undefined, 'ACQUIRE_TIMEOUT', 'none came free'],
  ])('%s', (_, counts, openError, code, why) => {
    const port = { host: 'fake', counts: () => ({ ...nothing, ...counts }), refusalOf: () => undefined } as unknown as LendingPort<object>
    const keeper = new LendingKeeper(port, policyOf({ max: 4 }), { clock: new VirtualClock() })
    if (openError !== undefined) keeper.openFailed(keeper.opening(), openError)
    const error = keeper.explainTimeout(60_000)
    expect(error).toMatchObject({ code, counts: { pending: 1 } })
    expect(error.cause).toBe(openError)
    expect(error.message).toContain(`: ${why} (`)
  })
})

describe('the queue', () => {
  test('P-029: is served in order, also when it is 25 000 callers long', async () => {
    const pool = simulatePool({ policy: { max: 5 } })
    const order: number[] = []
    const callers = Array.from({ length: 25_000 }, async (_, caller) => {
      const connection = await pool.acquire()
      order.push(caller)
      pool.release(connection)
    })
    await pool.clock.until(Promise.all(callers))
    expect(order).toEqual(Array.from({ length: 25_000 }, (_, caller) => caller))
    expect(pool.server.accepted).toBeLessThanOrEqual(5)
  })

  test('P-031: the last one returned is lent first, so that what is not needed grows old and is closed', async () => {
    const pool = simulatePool({ policy: { idleTimeoutMillis: 10_000, maxLifetimeMillis: false } })
    await fill(pool, 5)
    for (let second = 0; second < 20; second++) {
      pool.release(await takeOne(pool))
      await pool.clock.advance(1_000)
    }
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, closes: { idle: 4 } })
  })

  test('P-034: what comes back goes to the oldest caller, though a connect was begun for him; the late connect stays', async () => {
    const pool = simulatePool({ policy: { max: 2 }, openMillis: 100 })
    const held = await takeOne(pool)
    const oldest = pool.acquire()
    await pool.clock.advance(10)
    pool.release(held)
    expect(await oldest).toBe(held)
    await pool.clock.advance(100)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 1 })
  })

  test('P-026: a connect whose caller has left becomes idle, or goes to the next', async () => {
    const pool = simulatePool({ policy: { acquireTimeoutMillis: 50 }, openMillis: 60 })
    await waits(pool, 1)
    await pool.clock.advance(10)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, acquires: { timedOut: 1 } })
    expect(await waits(pool, 1)).toEqual([0])
  })

  test('P-028: a caller who leaves during a check loses no connection: it serves the next', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 200, validationTimeoutMillis: 200, replaceAhead: 0 } })
    await fill(pool, 1)
    await pool.clock.advance(1_000)
    pool.server.answerMillis = 150
    const leaver = askers(pool, 1)
    await pool.clock.advance(100)
    pool.server.answerMillis = 1
    const stayer = askers(pool, 1)
    expect(await pool.clock.until(leaver)).toEqual([150])
    expect(await pool.clock.until(stayer)).toEqual([50])
    expect(pool.server.accepted).toBe(1)
  })

  test('P-024: connects hang, and a caller gets what another gives back', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    const held = await takeOne(pool)
    pool.server.connects = 'swallowed'
    const [first, second] = [askers(pool, 1), askers(pool, 1)]
    await pool.clock.advance(5_000)
    pool.release(held)
    expect(await pool.clock.until(first)).toEqual([5_001])
    expect(await pool.clock.until(second)).toEqual([5_001])
  })

  test('P-023: an outage that ends within the deadline costs the caller nothing but the wait', async () => {
    const pool = simulatePool({ policy: { max: 3, acquireTimeoutMillis: 10_000, connectTimeoutMillis: 30_000 } })
    pool.server.connects = 'swallowed'
    const caller = askers(pool, 1)
    await pool.clock.advance(3_000)
    pool.server.connects = 'accepted'
    const [waited] = await pool.clock.until(caller)
    expect(waited).toBeLessThanOrEqual(3_000 + 1_000 + 20)
  })
})

describe('asking a pool that is closed', () => {
  test('P-038: fails at once, while it drains and after', async () => {
    const pool = simulatePool()
    const held = await takeOne(pool)
    const drained = pool.keeper.drain()
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'DRAINING', pool: 'simulated' })
    pool.release(held)
    await pool.clock.until(drained)
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'DRAINING' })
    expect(pool.keeper.stats().acquires.refused).toBe(2)
  })
})

test('P-170: waiting, holding and connecting are recorded once each', async () => {
  const pool = simulatePool({ policy: { max: 1 } })
  const events = record(pool)
  await waits(pool, 2, 100)
  await pool.clock.advance(100)
  const { waitMillis, useMillis, openMillis } = pool.keeper.stats()
  expect([waitMillis.count, useMillis.count, openMillis.count]).toEqual([2, 2, 1])
  expect(ofType(events, 'acquired').map((event) => event.waitMillis)).toEqual([20, 120])
  expect(ofType(events, 'released').map((event) => event.useMillis)).toEqual([100, 100])
  expect(ofType(events, 'opened').map((event) => event.openMillis)).toEqual([20])
})
