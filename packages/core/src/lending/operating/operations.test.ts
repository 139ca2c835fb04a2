import { describe, expect, test } from 'vitest'
import { policyOf } from '../../testing/fixtures.ts'
import { simulatePool, VirtualClock, type SimulatedConnection } from '../../testing/index.ts'
import { askers, closes, failureOf, fill, ofType, record, take, takeOne, waits } from '../../testing/scenario.ts'
import type { LendingPort } from '../../port.ts'
import { LendingKeeper } from '../lending-keeper.ts'

describe('ready()', () => {
  test('opens the host’s minimum, and keeps it from then on', async () => {
    const pool = simulatePool({ host: { min: 3 } })
    await pool.clock.until(pool.keeper.ready())
    expect(pool.clock.now()).toBe(20)
    expect(pool.keeper.stats().idle).toBe(3)
    await pool.clock.advance(600_000)
    for (const connection of pool.server.connections) pool.server.kill(connection)
    await pool.clock.advance(100)
    expect(pool.keeper.stats().idle).toBe(3)
  })

  test('resolves as soon as minIdle connections stand idle', async () => {
    const pool = simulatePool({ policy: { minIdle: 2 } })
    await pool.clock.until(pool.keeper.ready())
    expect(pool.clock.now()).toBe(20)
  })

  test('resolves at once when nothing is to be opened', async () => {
    await simulatePool({ host: { min: 0 } }).keeper.ready()
  })

  test('takes its deadline from acquireTimeoutMillis, or from its own option', async () => {
    const pool = simulatePool({ policy: { min: 1, acquireTimeoutMillis: 3_000 } })
    pool.server.connects = 'swallowed'
    expect(await failureOf(pool, pool.keeper.ready({ timeoutMillis: 500 }))).toMatchObject({ code: 'CONNECT_FAILED' })
    expect(pool.clock.now()).toBe(500)
    await failureOf(pool, pool.keeper.ready())
    expect(pool.clock.now()).toBe(3_500)
  })

  test.each([0, -1, NaN, 1.5])('refuses a deadline of %d ms', async (timeoutMillis) => {
    await expect(simulatePool().keeper.ready({ timeoutMillis })).rejects.toMatchObject({ code: 'INVALID_POLICY' })
  })

  test('on a pool that is drained says so, at once', async () => {
    const pool = simulatePool({ policy: { min: 1 } })
    await pool.clock.until(pool.keeper.drain())
    await expect(pool.keeper.ready()).rejects.toMatchObject({ code: 'DRAINING' })
  })

  test('that waits is ended by a drain', async () => {
    const pool = simulatePool({ policy: { min: 1 } })
    pool.server.connects = 'swallowed'
    const ready = failureOf(pool, pool.keeper.ready())
    void pool.keeper.drain()
    expect(await ready).toMatchObject({ code: 'DRAINING' })
    expect(pool.clock.now()).toBe(0)
  })
})

describe('P-010: resize()', () => {
  test('up serves at once who waits', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    await takeOne(pool)
    const waiting = askers(pool, 2)
    await pool.clock.advance(100)
    await pool.keeper.resize({ max: 3 })
    expect(await pool.clock.until(waiting)).toEqual([120, 120])
    expect(pool.keeper.stats().max).toBe(3)
  })

  test('down closes what is idle now, the coldest first, and what is lent when it comes back', async () => {
    const pool = simulatePool({ policy: { max: 6 } })
    const all = await take(pool, 6)
    for (const connection of all.slice(0, 3)) pool.release(connection)
    await pool.keeper.resize({ max: 2 })
    await pool.clock.advance(1)
    expect(pool.keeper.stats()).toMatchObject({ used: 3, idle: 0, closes: { shrink: 3 } })
    for (const connection of all.slice(3)) pool.release(connection)
    await pool.clock.advance(1)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 2, closes: { shrink: 4 } })
  })

  test('down lends nothing above the new max, though connections are there', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    const held = await take(pool, 3)
    await pool.keeper.resize({ max: 1 })
    const waiting = askers(pool, 1)
    for (const connection of held.slice(0, 2)) pool.release(connection)
    await pool.clock.advance(100)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, pending: 1 })
    for (const connection of held.slice(2)) pool.release(connection)
    expect(await pool.clock.until(waiting)).toEqual([100])
  })

  test('down: connects that arrive after max was lowered do not stay above it', async () => {
    const pool = simulatePool({ policy: { max: 5, idleTimeoutMillis: false, acquireTimeoutMillis: 50 }, openMillis: 100 })
    const callers = askers(pool, 5)
    await pool.clock.advance(10)
    await pool.keeper.resize({ max: 2 })
    await pool.clock.until(callers)
    await pool.clock.advance(10_000)
    expect(pool.server.alive).toBe(2)
  })

  test('of min opens what is missing, when the policy named a minimum before', async () => {
    const pool = simulatePool({ policy: { min: 1, max: 5 } })
    await pool.clock.advance(20)
    await pool.keeper.resize({ min: 4 })
    await pool.clock.advance(25)
    expect(pool.keeper.stats()).toMatchObject({ idle: 4, min: 4, max: 5 })
  })

  test('names a minimum: it is really kept from then on', async () => {
    const pool = simulatePool({ host: { min: 1 } })
    await pool.keeper.resize({ min: 3 })
    await pool.clock.advance(25)
    expect(pool.keeper.stats().idle).toBe(3)
  })

  test('says whose the sizes are: only what was given is the policy’s', async () => {
    const pool = simulatePool({ host: { min: 1, max: 5 } })
    await pool.keeper.resize({ max: 7 })
    expect(pool.keeper.policy).toMatchObject({ min: 1, max: 7, sources: { max: 'policy', min: 'host' } })
    expect(Object.isFrozen(pool.keeper.policy)).toBe(true)
  })

  test('lowers minIdle with max', async () => {
    const pool = simulatePool({ policy: { max: 5, minIdle: 4 } })
    await pool.keeper.resize({ max: 3 })
    expect(pool.keeper.policy.minIdle).toBe(3)
  })

  test.each<[object, string]>([
    [{ max: 0 }, 'max'],
    [{ min: -1 }, 'min'],
    [{ max: 1.5 }, 'max'],
    [{ min: NaN }, 'min'],
    [{ min: 6, max: 5 }, 'min'],
    [{ min: 11 }, 'min'],
  ])('refuses %j, and nothing is changed', async (size, option) => {
    const pool = simulatePool({ policy: { max: 10 } })
    await expect(pool.keeper.resize(size)).rejects.toMatchObject({ code: 'INVALID_POLICY', invalid: { option } })
    expect(pool.keeper.stats()).toMatchObject({ min: 0, max: 10 })
  })

  test('is reported', async () => {
    const pool = simulatePool()
    const events = record(pool)
    await pool.keeper.resize({ min: 1, max: 4 })
    expect(ofType(events, 'resized')).toMatchObject([{ min: 1, max: 4 }])
  })
})

describe('P-132: recycle()', () => {
  test('replaces every connection that exists, one by one, and resolves when the last is gone', async () => {
    const pool = simulatePool({ policy: { max: 4, min: 4 } })
    const old = await fill(pool, 4)
    await pool.clock.advance(100)
    await pool.clock.until(pool.keeper.recycle())
    expect(pool.server.connections.some((connection) => old.includes(connection))).toBe(false)
    expect(pool.server).toMatchObject({ alive: 4, most: 5, accepted: 8 })
    expect(pool.keeper.stats()).toMatchObject({ idle: 4, replacements: 4, closes: { recycle: 4 } })
  })

  test('takes what is lent when it comes back, and serves callers with the old ones until then', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const [held, idle] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    pool.release(idle)
    await pool.clock.advance(2_000)
    const recycled = pool.keeper.recycle()
    expect(await waits(pool, 1)).toEqual([1])
    await pool.clock.advance(20_000)
    expect(pool.server.connections).toContain(held)
    pool.release(held)
    await pool.clock.until(recycled)
    expect(closes(pool)).toEqual({ recycle: 2 })
  })

  test('lets nobody wait for it, in a pool that is in use', async () => {
    const pool = simulatePool({ policy: { max: 4, min: 4 } })
    await fill(pool, 4)
    await pool.clock.advance(100)
    const recycled = pool.keeper.recycle()
    const waited: number[] = []
    for (let count = 0; count < 30; count++) {
      waited.push(...(await waits(pool, 2, 5)).map(Number))
      await pool.clock.advance(10)
    }
    await pool.clock.until(recycled)
    expect(Math.max(...waited)).toBeLessThanOrEqual(1)
  })

  test('works on a pool that nobody uses', async () => {
    const pool = simulatePool({ policy: { idleTimeoutMillis: false, maxLifetimeMillis: false } })
    await fill(pool, 3)
    await pool.clock.advance(600_000)
    await pool.clock.until(pool.keeper.recycle())
    expect(pool.keeper.stats()).toMatchObject({ idle: 3, closes: { recycle: 3 } })
  })

  test('of an empty pool resolves at once', async () => {
    await simulatePool().keeper.recycle()
  })

  test('ends in a pool that closes connections all the time for other reasons', async () => {
    const pool = simulatePool({ policy: { max: 4, maxUses: 1 }, closeMillis: 200 })
    let isOver = false
    const traffic = async (): Promise<void> => {
      while (!isOver) await askers(pool, 1, 30)
    }
    const [first, second] = [traffic(), traffic()]
    await pool.clock.advance(1_000)
    void pool.keeper.recycle().then(() => (isOver = true))
    await pool.clock.advance(10_000)
    expect(isOver).toBe(true)
    await pool.clock.until(Promise.all([first, second]))
  })

  test('twice at once replaces what there is once', async () => {
    const pool = simulatePool({ policy: { max: 4, min: 4 } })
    await fill(pool, 4)
    await pool.clock.advance(100)
    await pool.clock.until(Promise.all([pool.keeper.recycle(), pool.keeper.recycle()]))
    expect(closes(pool)).toEqual({ recycle: 4 })
  })

  test('waits out an outage: nothing old is closed before its replacement is there', async () => {
    const pool = simulatePool({ policy: { max: 3, min: 3, replaceAhead: 1 } })
    await pool.clock.advance(100)
    pool.server.connects = 'refused'
    const recycled = pool.keeper.recycle()
    await pool.clock.advance(30_000)
    expect(pool.keeper.stats().idle).toBe(3)
    expect(closes(pool)).toEqual({})
    pool.server.connects = 'accepted'
    await pool.clock.until(recycled)
    expect(closes(pool)).toEqual({ recycle: 3 })
  })

  test('is refused where the connection is the database itself', async () => {
    const port = { host: 'SQLite', replaceable: false } as LendingPort<object>
    const keeper = new LendingKeeper(port, policyOf(), { clock: new VirtualClock() })
    await expect(keeper.recycle()).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
  })

  test('is reported with how many there are', async () => {
    const pool = simulatePool()
    await fill(pool, 3)
    await pool.clock.advance(1)
    const events = record(pool)
    await pool.clock.until(pool.keeper.recycle())
    expect(ofType(events, 'recycled')).toMatchObject([{ connections: 3 }])
  })
})

describe('evictIdle()', () => {
  test('closes every idle connection above min now, the coldest first, and says how many', async () => {
    const pool = simulatePool({ policy: { min: 2 } })
    const all = await take(pool, 5)
    for (const connection of all.slice(1)) pool.release(connection)
    expect(await pool.clock.until(pool.keeper.evictIdle())).toBe(3)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 1, closes: { idle: 3 } })
    expect(pool.server.connections).toEqual([all[0], all[4]])
  })

  test('of an empty pool closes none', async () => {
    expect(await simulatePool().keeper.evictIdle()).toBe(0)
  })
})

describe('P-166: pause()', () => {
  test('lets callers wait for resume(), in their order; what is in use goes on', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const held = await takeOne(pool)
    const events = record(pool)
    pool.keeper.pause()
    const callers = askers(pool, 2)
    await pool.clock.until(pool.query(held))
    pool.release(held)
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1, pending: 2 })
    pool.keeper.resume()
    expect(await pool.clock.until(callers)).toEqual([1_002, 1_002])
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['paused', 'resumed']))
  })

  test('keeps each caller’s own deadline', async () => {
    const pool = simulatePool({ policy: { acquireTimeoutMillis: 500 } })
    pool.keeper.pause()
    const error = await failureOf(pool, pool.acquire())
    expect(error).toMatchObject({ code: 'PAUSED' })
    expect(pool.clock.now()).toBe(500)
  })

  test('with waiters: fail answers those that wait and those that come', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    await takeOne(pool)
    const waiting = askers(pool, 1)
    pool.keeper.pause({ waiters: 'fail' })
    expect(await pool.clock.until(waiting)).toEqual([expect.objectContaining({ code: 'PAUSED' })])
    await expect(pool.acquire()).rejects.toMatchObject({ code: 'PAUSED' })
    pool.keeper.resume()
    expect(pool.keeper.stats().acquires.refused).toBe(2)
  })

  test('opens nothing for callers while it lasts', async () => {
    const pool = simulatePool()
    pool.keeper.pause()
    const callers = askers(pool, 3)
    await pool.clock.advance(10_000)
    expect(pool.server.accepted).toBe(0)
    pool.keeper.resume()
    await pool.clock.until(callers)
  })

  test('can end in a drain', async () => {
    const pool = simulatePool()
    pool.keeper.pause()
    const callers = askers(pool, 1)
    expect(await pool.clock.until(pool.keeper.drain())).toMatchObject({ clean: true, rejectedWaiters: 1 })
    expect(await callers).toEqual([expect.objectContaining({ code: 'DRAINING' })])
  })
})

describe('P-175: reconfigure()', () => {
  test('changes what the policy says, and the rules with it', async () => {
    const pool = simulatePool({ policy: { max: 5, validateAfterIdleMillis: false } })
    await fill(pool, 1)
    await pool.clock.advance(1_000)
    pool.keeper.reconfigure({ validateAfterIdleMillis: 500, max: 2 })
    expect(await waits(pool, 1)).toEqual([1])
    expect(pool.keeper.policy).toMatchObject({ max: 2, validateAfterIdleMillis: 500 })
  })

  test('refuses what contradicts, and nothing is changed', () => {
    const pool = simulatePool({ policy: { max: 5 } })
    expect(() => pool.keeper.reconfigure({ min: 6 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => pool.keeper.reconfigure({ max: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(() => pool.keeper.reconfigure({ name: 'other' })).toThrow(expect.objectContaining({ invalid: expect.objectContaining({ option: 'name' }) }))
    expect(pool.keeper.policy).toMatchObject({ min: 0, max: 5, name: 'simulated' })
    pool.keeper.reconfigure({ min: 1 })
    expect(pool.keeper.policy).toMatchObject({ min: 1, max: 5, name: 'simulated' })
  })

  test('keeps what resize() set before', async () => {
    const pool = simulatePool({ policy: { max: 5 } })
    await pool.keeper.resize({ max: 8 })
    pool.keeper.reconfigure({ maxUses: 100 })
    expect(pool.keeper.policy).toMatchObject({ max: 8, maxUses: 100 })
  })

  test('keeps what resize() set before, the lowered minIdle too', async () => {
    const pool = simulatePool({ policy: { max: 5, minIdle: 4 } })
    await pool.keeper.resize({ max: 3 })
    pool.keeper.reconfigure({ maxUses: 100 })
    expect(pool.keeper.policy).toMatchObject({ max: 3, minIdle: 3, maxUses: 100 })
  })

  test('that names a minimum keeps it from then on', async () => {
    const pool = simulatePool()
    pool.keeper.reconfigure({ min: 2 })
    await pool.clock.advance(25)
    expect(pool.keeper.stats().idle).toBe(2)
  })

  test('that shortens the deadline holds for callers who come after', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 10_000 } })
    await takeOne(pool)
    pool.keeper.reconfigure({ acquireTimeoutMillis: 300 })
    await failureOf(pool, pool.acquire())
    expect(pool.clock.now()).toBe(320)
  })

  test('is refused by a keeper that cannot settle options', () => {
    const port = { host: 'fake' } as LendingPort<object>
    const keeper = new LendingKeeper(port, policyOf(), { clock: new VirtualClock() })
    expect(() => keeper.reconfigure({ max: 5 })).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_HOST' }))
  })
})
