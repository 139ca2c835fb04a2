// What a pool of generic-pool does by itself, and what it does when it is kept.
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { findPoolkeeperError } from '@poolkeeper/generic-pool'
import { describe, expect, test, vi } from 'vitest'
import { ended, fixture, start } from './child.ts'
import { bare, isSettledWithin, kept, Things, type Thing } from './generic-pool-things.ts'

const LONG_ENOUGH_MILLIS = 150

async function borrow(pool: { acquire(): Promise<Thing>; release(thing: Thing): Promise<void> }): Promise<Thing> {
  const thing = await pool.acquire()
  await pool.release(thing)
  return thing
}

describe('P-055: a validator', () => {
  test('that rejects ends a bare process, and a kept one serves on', { timeout: 15_000 }, async () => {
    const [alone, attended] = ['bare', 'kept'].map((way) => start('unused', fixture('generic-pool-validator.ts'), [way]))
    expect(alone && (await ended(alone))).not.toBe(0)
    expect(alone?.output()).toContain('no answer')
    expect(attended && (await ended(attended)), attended?.output()).toBe(0)
    expect(attended?.output()).toContain('served')
  })

  test('that never answers holds a bare caller and his place for ever, and a kept one gets another resource', async () => {
    const things = new Things()
    things.validate = () => new Promise(() => {})
    const alone = bare(things, { max: 1, testOnBorrow: true })
    const waiting = alone.acquire()
    expect(await isSettledWithin(LONG_ENOUGH_MILLIS, waiting)).toBe(false)
    expect(alone).toMatchObject({ available: 0, borrowed: 0, size: 1 })

    const others = new Things()
    others.validate = (thing) => (thing.number === 1 ? new Promise(() => {}) : Promise.resolve(true))
    const { pool, keeper } = kept(others, { max: 1, testOnBorrow: true }, { validationTimeoutMillis: 20, replaceAhead: 0 })
    await borrow(pool)
    expect(await borrow(pool)).toEqual({ number: 2 })
    expect(keeper.stats()).toMatchObject({ validations: { timedOut: 1 }, closes: { invalid: 1 } })
  })

  test('that throws within the call leaves a bare caller alone, and costs a kept one nothing', async () => {
    const say = (): never => {
      throw new Error('not even a promise')
    }
    const things = Object.assign(new Things(), { validate: say })
    const { pool, keeper } = kept(things, { max: 1, testOnBorrow: true })
    await borrow(pool)
    expect(await borrow(pool)).toEqual({ number: 2 })
    expect(keeper.stats().closes.invalid).toBe(1)

    const alone = bare(things, { max: 1, testOnBorrow: true, autostart: false })
    const told = vi.fn<(error: Error) => void>()
    alone.on('factoryCreateError', told)
    expect(await isSettledWithin(LONG_ENOUGH_MILLIS, alone.acquire())).toBe(false)
    // It takes the throw of the validator for a failed create.
    expect(told).toHaveBeenCalledWith(expect.objectContaining({ message: 'not even a promise' }))
  })
})

describe('P-057: `testOnReturn`', () => {
  test('is not read by a bare pool; a kept one closes what is not fit, before anybody else gets it', async () => {
    const things = new Things()
    const tested: number[] = []
    things.validate = async ({ number }) => {
      tested.push(number)
      return number !== 1
    }
    const alone = bare(things, { max: 1, testOnReturn: true })
    expect([await borrow(alone), await borrow(alone)]).toEqual([{ number: 1 }, { number: 1 }])
    expect(tested).toEqual([])

    const others = new Things()
    others.validate = things.validate
    const { pool, keeper } = kept(others, { max: 1, testOnReturn: true }, { replaceAhead: 0 })
    const held = await pool.acquire()
    const waiting = pool.acquire()
    await pool.release(held)
    expect(await waiting).toEqual({ number: 2 })
    await pool.release(await waiting)
    expect(await borrow(pool)).toEqual({ number: 2 })
    expect(keeper.stats()).toMatchObject({ closes: { invalid: 1 }, validations: { failed: 1 } })
    expect(tested.slice(0, 2)).toEqual([1, 2])
  })
})

describe('P-009: what lies idle', () => {
  test('stays in a bare pool, and is closed in a kept one, down to `min`', async () => {
    const fill = async (pool: ReturnType<typeof bare>): Promise<void> => {
      const all = await Promise.all([1, 2, 3].map(() => pool.acquire()))
      await Promise.all(all.map((thing) => pool.release(thing)))
    }
    const options = { max: 3, min: 1, idleTimeoutMillis: 60 }
    const alone = bare(new Things(), options)
    const { pool, keeper } = kept(new Things(), options)
    await Promise.all([fill(alone), fill(pool)])
    await vi.waitFor(() => expect(pool.size).toBe(1), { timeout: 5_000 })
    expect(alone.size).toBe(3)
    expect(keeper.stats().closes.idle).toBe(2)
  })

  test('of a bare pool with an evictor goes below `min`, and is made anew for nothing', async () => {
    const options = { max: 3, min: 3, idleTimeoutMillis: 20, evictionRunIntervalMillis: 10, numTestsPerEvictionRun: 3 }
    const [lonely, attended] = [new Things(), new Things()]
    const alone = bare(lonely, options)
    const { pool } = kept(attended, options)
    await vi.waitFor(() => expect(lonely.made.length).toBeGreaterThan(9), { timeout: 5_000 })
    expect([pool.size, attended.made.length]).toEqual([3, 3])
    await alone.drain()
  })
})

describe('a create that fails', () => {
  const down = async (): Promise<never> => {
    await turn()
    throw new Error('the server is down')
  }

  test('P-101: is begun again at once and for ever by a bare pool, and in pauses by a kept one', async () => {
    const [lonely, attended] = [new Things(), new Things()]
    for (const things of [lonely, attended]) things.making = down
    const alone = bare(lonely, { max: 1 })
    const { pool, keeper } = kept(attended, { max: 1 })
    const [unserved, served] = [alone.acquire(), pool.acquire()]
    await vi.waitFor(() => expect(lonely.calls).toBeGreaterThan(500), { timeout: 10_000 })
    expect(attended.calls).toBeLessThan(lonely.calls / 10)
    for (const things of [lonely, attended]) things.making = async () => {}
    expect([await unserved, await served]).toEqual([{ number: 1 }, { number: 1 }])
    expect(keeper.stats().acquires).toMatchObject({ ok: 1, failed: 0 })
  })

  test('P-020: is never told to a bare caller; a kept one hears of it at his deadline', async () => {
    const things = new Things()
    things.making = down
    const { pool } = kept(things, { max: 1, acquireTimeoutMillis: 100 })
    const told = vi.fn<(error: Error) => void>()
    pool.on('factoryCreateError', told)
    const error: unknown = await pool.acquire().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'TimeoutError', message: 'ResourceRequest timed out' })
    const reason = findPoolkeeperError(error)
    expect(reason).toMatchObject({ code: 'CONNECT_FAILED', cause: { message: 'the server is down' } })
    expect(told).toHaveBeenCalledWith(expect.objectContaining({ message: 'the server is down' }))
  })

  test('P-108: with `createRetry: false` is the answer, at once', async () => {
    const things = new Things()
    things.making = down
    const { pool, keeper } = kept(things, { max: 2 }, { createRetry: false })
    const answers = await Promise.allSettled([pool.acquire(), pool.acquire()])
    const refused = { status: 'rejected', reason: { message: 'the server is down' } }
    expect(answers).toMatchObject([refused, refused])
    expect(keeper.stats()).toMatchObject({ used: 0, opening: 0, acquires: { failed: 2 } })
  })

  test('a login that is refused is not tried again', async () => {
    const things = new Things()
    things.making = down
    const { pool } = kept(things, {}, {}, { refusalOf: () => 'credentials' })
    await expect(pool.acquire()).rejects.toThrow('the server is down')
    expect(things.calls).toBe(1)
  })
})

describe('`drain()`', () => {
  test('P-164: goes on creating in a bare pool that cannot, and ends in a kept one', async () => {
    const failing = async (): Promise<never> => {
      await turn()
      throw new Error('the server is down')
    }
    const things = new Things()
    things.making = failing
    const alone = bare(things, { max: 1 })
    const waiting = alone.acquire()
    const draining = alone.drain()
    expect(await isSettledWithin(LONG_ENOUGH_MILLIS, draining)).toBe(false)
    const calls = things.calls
    await sleep(50)
    expect(things.calls).toBeGreaterThan(calls)
    things.making = async () => {}
    await alone.release(await waiting)
    await draining

    const others = new Things()
    others.making = failing
    const { pool } = kept(others, { max: 1 }, { drainTimeoutMillis: 100 })
    const rejected = pool.acquire().catch((error: unknown) => error)
    expect(await isSettledWithin(5_000, pool.drain())).toBe(true)
    expect(findPoolkeeperError(await rejected)?.code).toBe('DRAINING')
    const after = others.calls
    await sleep(50)
    expect(others.calls).toBe(after)
  })

  test('P-161: serves who waits, and refuses who comes, in the words of generic-pool', async () => {
    const things = new Things()
    const { pool } = kept(things, { max: 1 })
    const held = await pool.acquire()
    const waiting = pool.acquire()
    const draining = pool.drain()
    const refusal: unknown = await pool.acquire().catch((error: unknown) => error)
    expect(refusal).toMatchObject({ message: 'pool is draining and cannot accept work', cause: { code: 'DRAINING' } })
    await pool.release(held)
    await pool.release(await waiting)
    await draining
    await pool.clear()
    expect(things.destroyed).toEqual([1])
  })

  test('P-160: waits for ever for a bare holder, and for a kept one until its deadline', async () => {
    const alone = bare(new Things(), { max: 1 })
    const held = await alone.acquire()
    const draining = alone.drain()
    expect(await isSettledWithin(LONG_ENOUGH_MILLIS, draining)).toBe(false)
    await alone.release(held)
    await draining

    const things = new Things()
    const { pool } = kept(things, { max: 1 }, { drainTimeoutMillis: 50 })
    const lost = await pool.acquire()
    expect(await isSettledWithin(5_000, pool.drain())).toBe(true)
    expect(things.destroyed).toEqual([1])
    await pool.release(lost)
  })
})

describe('other ways of losing something', () => {
  test('after `clear()`, a bare pool lends what it has destroyed, and a kept one does not', async () => {
    const [lonely, attended] = [new Things(), new Things()]
    const alone = bare(lonely)
    const { pool } = kept(attended)
    for (const one of [alone, pool]) {
      await borrow(one)
      await one.clear()
    }
    expect([lonely.destroyed, await borrow(alone)]).toEqual([[1], { number: 1 }])
    expect([attended.destroyed, await borrow(pool)]).toEqual([[1], { number: 2 }])
  })

  test('work that throws within `use` keeps a bare resource for ever, and a kept one is destroyed', async () => {
    const work = (): never => {
      throw new Error('before the first await')
    }
    const alone = bare(new Things(), { max: 1 })
    await expect(alone.use(work)).rejects.toThrow('before the first await')
    expect(await isSettledWithin(LONG_ENOUGH_MILLIS, alone.acquire())).toBe(false)

    const things = new Things()
    const { pool, keeper } = kept(things, { max: 1 })
    await expect(pool.use(work)).rejects.toThrow('before the first await')
    expect(await pool.use(({ number }) => number)).toBe(2)
    expect([things.destroyed, keeper.stats().closes.host]).toEqual([[1], 1])
  })

  test('P-125: a foreign release rejects in either, and ends no kept process', async () => {
    const { pool } = kept(new Things())
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const rejected: unknown[] = []
    const onRejection = (error: unknown): void => void rejected.push(error)
    process.on('unhandledRejection', onRejection)
    try {
      void pool.release({ number: 99 })
      await turn()
      await expect(pool.release({ number: 99 })).rejects.toThrow('Resource not currently part of this pool')
      await expect(pool.destroy({ number: 99 })).rejects.toThrow('Resource not currently part of this pool')
    } finally {
      process.removeListener('unhandledRejection', onRejection)
    }
    expect(rejected).toEqual([])
    expect(warned).toHaveBeenCalled()
  })

  test('P-070: a resource grows old in a bare pool, and is replaced before it goes in a kept one', async () => {
    const things = new Things()
    const { pool, keeper } = kept(things, { max: 2 }, { maxLifetimeMillis: 1_000, lifetimeSpread: 0, min: 1 })
    await borrow(pool)
    await vi.waitFor(() => expect(keeper.stats().replacements).toBe(1), { timeout: 5_000 })
    expect(things.made).toHaveLength(2)
    expect(await borrow(pool)).toEqual({ number: 2 })
  })

  test('P-023: without a deadline of its own, a bare caller waits for ever, and a kept one for a minute', async () => {
    const alone = bare(new Things(), { max: 1 })
    await alone.acquire()
    expect(await isSettledWithin(LONG_ENOUGH_MILLIS, alone.acquire())).toBe(false)
    const { keeper } = kept(new Things(), { max: 1 })
    const { acquireTimeoutMillis, connectTimeoutMillis, sources } = keeper.policy
    expect([acquireTimeoutMillis, connectTimeoutMillis, sources.acquireTimeoutMillis]).toEqual([60_000, 60_000, 'default'])
    expect(kept(new Things(), { acquireTimeoutMillis: 5_000 }).keeper.policy.acquireTimeoutMillis).toBe(5_000)
  })
})
