import { describe, expect, test } from 'vitest'
import { totalOf } from '../../counts.ts'
import { simulatePool, type SimulatedConnection } from '../../testing/index.ts'
import { askers, closes, fill, ofType, record, take, takeOne } from '../../testing/scenario.ts'

describe('a drain', () => {
  test('P-160: of an idle pool closes everything, and is clean', async () => {
    const pool = simulatePool({ policy: { min: 2 } })
    await fill(pool, 4)
    const events = record(pool)
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report).toEqual({ clean: true, durationMillis: 1, rejectedWaiters: 0, blockers: [] })
    expect(closes(pool)).toEqual({ drain: 4 })
    expect(pool.server.sockets).toBe(0)
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['draining', 'closed', 'drained']))
    expect(ofType(events, 'drained')).toMatchObject([{ report }])
  })

  test('P-160: waits for what is in use, and no longer than that', async () => {
    const pool = simulatePool({ policy: { drainTimeoutMillis: 10_000 } })
    const held = await take(pool, 2)
    pool.clock.after(300, () => held.forEach((connection) => pool.release(connection)))
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report).toEqual({ clean: true, durationMillis: 301, rejectedWaiters: 0, blockers: [] })
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 0, closes: { drain: 2 } })
  })

  test('P-160: at its deadline closes what is still held, and says who was in the way for how long', async () => {
    const pool = simulatePool({ policy: { drainTimeoutMillis: 2_000 } })
    const [early] = await take(pool, 1)
    await pool.clock.advance(500)
    await takeOne(pool)
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report).toMatchObject({
      clean: false,
      durationMillis: 2_000,
      blockers: [
        { connection: 1, heldMillis: 2_520 },
        { connection: 2, heldMillis: 2_000 },
      ],
    })
    expect(pool.server.sockets).toBe(0)
    expect(totalOf(pool.keeper.stats())).toBe(0)
    expect(pool.release(early as SimulatedConnection)).toBe(false)
  })

  test('takes its deadline from its own option too', async () => {
    const pool = simulatePool()
    await takeOne(pool)
    const report = await pool.clock.until(pool.keeper.drain({ timeoutMillis: 50 }))
    expect(report.durationMillis).toBe(50)
  })

  test('P-161: answers at once who waits', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const held = await takeOne(pool)
    const waiting = askers(pool, 3)
    const drained = pool.keeper.drain()
    expect(await waiting).toEqual(Array(3).fill(expect.objectContaining({ code: 'DRAINING', pool: 'simulated' })))
    pool.release(held)
    expect(await pool.clock.until(drained)).toMatchObject({ clean: true, rejectedWaiters: 3 })
    expect(pool.keeper.stats().acquires).toMatchObject({ refused: 3 })
  })

  test('P-161: answers at once who waits for a check', async () => {
    const pool = simulatePool({ policy: { max: 1 }, answerMillis: 300 })
    await fill(pool, 1)
    await pool.clock.advance(1_000)
    const waiting = askers(pool, 1)
    await pool.clock.advance(10)
    const drained = pool.keeper.drain()
    expect(await waiting).toEqual([expect.objectContaining({ code: 'DRAINING' })])
    const report = await pool.clock.until(drained)
    expect(report).toMatchObject({ clean: true, rejectedWaiters: 1 })
    expect(report.durationMillis).toBeLessThanOrEqual(300)
    expect(pool.server.sockets).toBe(0)
  })

  test('that finishes its queue serves it with what comes back, and then closes', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const held = await takeOne(pool)
    const waiting = askers(pool, 2, 100)
    const drained = pool.keeper.drain({ waiters: 'finish' })
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'DRAINING' })
    await pool.clock.advance(50)
    pool.release(held)
    expect(await pool.clock.until(waiting)).toEqual([50, 150])
    expect(await pool.clock.until(drained)).toMatchObject({ clean: true, rejectedWaiters: 0 })
    expect(pool.server.accepted).toBe(1)
  })

  test('that finishes its queue opens connections for it', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const waiting = askers(pool, 3, 10)
    const drained = pool.keeper.drain({ waiters: 'finish' })
    expect(await pool.clock.until(waiting)).toEqual([20, 20, 30])
    expect(await pool.clock.until(drained)).toMatchObject({ clean: true })
    expect(pool.server.sockets).toBe(0)
  })

  test('that finishes its queue answers what is left of it at the deadline', async () => {
    const pool = simulatePool({ policy: { max: 1, drainTimeoutMillis: 500 } })
    await takeOne(pool)
    const waiting = askers(pool, 1)
    const report = await pool.clock.until(pool.keeper.drain({ waiters: 'finish' }))
    expect(report).toMatchObject({ clean: false, rejectedWaiters: 1, durationMillis: 500 })
    expect(await waiting).toEqual([expect.objectContaining({ code: 'DRAINING' })])
  })

  test('P-163: asked again gives the same promise, whatever it is asked with', async () => {
    const pool = simulatePool()
    const first = pool.keeper.drain()
    expect(pool.keeper.drain({ timeoutMillis: 1 })).toBe(first)
    await pool.clock.until(first)
    expect(pool.keeper.drain()).toBe(first)
  })

  test('P-162: gives up connects that are under way; what arrives late is not kept', async () => {
    const pool = simulatePool({ policy: { min: 3 }, openMillis: 500 })
    await pool.clock.advance(100)
    expect(pool.keeper.stats().opening).toBe(3)
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report.durationMillis).toBe(0)
    await pool.clock.advance(10_000)
    expect(pool.server).toMatchObject({ sockets: 0 })
    expect(totalOf(pool.keeper.stats())).toBe(0)
  })

  test('P-162: gives up connects at once, also while it waits for what is in use', async () => {
    const pool = simulatePool({ policy: { min: 3 }, openMillis: 500 })
    const held = await takeOne(pool)
    await pool.clock.advance(100)
    for (const connection of pool.server.connections) if (connection !== held) pool.server.kill(connection)
    await pool.clock.advance(10)
    expect(pool.keeper.stats().opening).toBe(2)
    void pool.keeper.drain()
    expect(pool.keeper.stats().opening).toBe(0)
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 0 })
  })

  test('waits for a session that is being restored', async () => {
    const policy = { onReturn: 'reset', validationTimeoutMillis: 5_000 } as const
    const pool = simulatePool({ policy, answerMillis: 3_000 })
    pool.release(await takeOne(pool))
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report).toMatchObject({ clean: true })
    expect(report.durationMillis).toBeGreaterThanOrEqual(3_000)
    expect(pool.server.sockets).toBe(0)
  })

  test('P-162: meets checks in the background', async () => {
    const pool = simulatePool({ policy: { max: 5 }, answerMillis: 200 })
    const all = await fill(pool, 5)
    pool.server.kill(all[0] as SimulatedConnection)
    await pool.clock.advance(10)
    expect(pool.keeper.stats().validating).toBe(4)
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report).toMatchObject({ clean: true })
    expect(pool.server.sockets).toBe(0)
    expect(closes(pool)).toEqual({ fatal: 1, drain: 4 })
  })

  test('meets a rival under way', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const all = await fill(pool, 2)
    await pool.clock.advance(1_000)
    pool.server.silence(all)
    const waiting = askers(pool, 1)
    await pool.clock.advance(600)
    expect(pool.keeper.stats().validating).toBe(2)
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report.durationMillis).toBeLessThanOrEqual(1_000 + 1_000)
    expect(await waiting).toEqual([expect.objectContaining({ code: 'DRAINING' })])
    await pool.clock.advance(2_000)
    expect(pool.server.sockets).toBe(0)
  })

  test('meets a replacement under way, and opens nothing after it', async () => {
    const pool = simulatePool({ policy: { min: 2, max: 2, maxLifetimeMillis: 10_000, keepaliveMillis: false, replaceAhead: 0 }, closeMillis: 300 })
    const events = record(pool)
    while (ofType(events, 'retired').length === 0) await pool.clock.advance(10)
    const { accepted } = pool.server
    await pool.clock.until(pool.keeper.drain())
    await pool.clock.advance(10_000)
    expect(pool.server).toMatchObject({ sockets: 0, accepted })
  })

  test('P-164: is not held up by a farewell that nobody answers', async () => {
    const pool = simulatePool()
    const all = await fill(pool, 3)
    pool.server.silence(all)
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report.durationMillis).toBeLessThanOrEqual(1_000)
    await pool.clock.advance(0)
    expect(pool.server.sockets).toBe(0)
  })

  test('P-089: leaves no timer behind', async () => {
    const pool = simulatePool({ policy: { min: 3, keepaliveMillis: 1_000 } })
    await fill(pool, 5)
    await pool.clock.advance(10_000)
    await pool.clock.until(pool.keeper.drain())
    await pool.clock.advance(5_000)
    expect(pool.clock.pendingTimers).toBe(0)
  })

  test('P-160: leaves every count at 0', async () => {
    const pool = simulatePool()
    await take(pool, 3)
    await pool.clock.until(pool.keeper.drain({ timeoutMillis: 10 }))
    const { used, idle, validating, opening, closing, pending } = pool.keeper.stats()
    expect({ used, idle, validating, opening, closing, pending }).toEqual({
      used: 0,
      idle: 0,
      validating: 0,
      opening: 0,
      closing: 0,
      pending: 0,
    })
  })
})

test('P-165: a slow close never holds up a caller who can be served otherwise', async () => {
  const pool = simulatePool({ policy: { max: 3, maxUses: 1 }, closeMillis: 5_000 })
  await fill(pool, 2)
  const waiting = askers(pool, 1)
  expect(await pool.clock.until(waiting)).toEqual([20])
})

describe('detach()', () => {
  test('gives the pool back as it was: it lends without rules, and nothing is closed', async () => {
    const pool = simulatePool({ policy: { idleTimeoutMillis: 1_000, maxUses: 2, validateAfterIdleMillis: 0, maxLifetimeMillis: 5_000, keepaliveMillis: false } })
    await fill(pool, 2)
    pool.keeper.detach()
    await pool.clock.advance(600_000)
    expect(pool.server).toMatchObject({ alive: 2, questions: 0 })
    pool.release(await takeOne(pool))
    pool.release(await takeOne(pool))
    expect(pool.server).toMatchObject({ alive: 2, questions: 0, accepted: 2 })
  })

  test('leaves no timer behind', async () => {
    const pool = simulatePool({ policy: { min: 2, keepaliveMillis: 1_000 } })
    await fill(pool, 3)
    pool.keeper.detach()
    expect(pool.clock.pendingTimers).toBe(0)
  })

  test('with checks under way closes nothing when they fail', async () => {
    const pool = simulatePool({ policy: { max: 4 } })
    const all = await fill(pool, 4)
    pool.server.silence(all)
    pool.server.kill(all[0] as SimulatedConnection)
    expect(pool.keeper.stats().validating).toBe(3)
    pool.keeper.detach()
    await pool.clock.advance(60_000)
    expect(pool.server.sockets).toBe(3)
  })

  test('with a caller’s check under way gives him what the host would have given him', async () => {
    const pool = simulatePool({ policy: { max: 1 }, answerMillis: 300 })
    await fill(pool, 1)
    await pool.clock.advance(1_000)
    const waiting = askers(pool, 1)
    await pool.clock.advance(10)
    pool.keeper.detach()
    expect(await pool.clock.until(waiting)).toEqual([10])
  })

  test('with a rival under way lends it to nobody twice', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const all = await fill(pool, 2)
    await pool.clock.advance(1_000)
    pool.server.silence(all.slice(1))
    pool.server.answerMillis = 400
    const first = pool.acquire()
    await pool.clock.advance(600)
    pool.keeper.detach()
    const second = pool.acquire()
    await pool.clock.advance(5_000)
    expect(await second).toBe(all[0])
    const third = pool.acquire()
    await pool.clock.advance(5_000)
    const lent = await Promise.all([first, second, third].map((each) => Promise.race([each, Promise.resolve(undefined)])))
    const connections = lent.filter((each) => each !== undefined)
    expect(new Set(connections).size).toBe(connections.length)
  })

  test('with a replacement under way closes nothing either', async () => {
    const pool = simulatePool({ policy: { min: 2, max: 2, maxLifetimeMillis: 10_000, keepaliveMillis: false }, openMillis: 500 })
    const events = record(pool)
    await pool.clock.advance(1_000)
    while (pool.keeper.stats().opening === 0) await pool.clock.advance(10)
    pool.keeper.detach()
    const closed = ofType(events, 'closed').length
    await pool.clock.advance(60_000)
    expect(pool.server.alive).toBeGreaterThanOrEqual(2)
    expect(closed).toBe(0)
  })

  test('ends what waits: ready() and recycle()', async () => {
    const pool = simulatePool({ policy: { min: 1 } })
    pool.server.connects = 'swallowed'
    const ready = pool.keeper.ready().catch(() => 'ended')
    pool.keeper.detach()
    await expect(ready).resolves.toBe('ended')
  })

  test('twice is as good as once', () => {
    const pool = simulatePool()
    pool.keeper.detach()
    expect(() => pool.keeper.detach()).not.toThrow()
  })
})
