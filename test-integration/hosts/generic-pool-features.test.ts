import { setImmediate as turn } from 'node:timers/promises'
import { isPoolkeeperError, keeperOf, type PoolEvent } from '@poolkeeper/generic-pool'
import genericPool, { type Options, type Pool } from 'generic-pool'
import { describe, expect, test, vi } from 'vitest'
import { bare, isSettledWithin, keep, kept, Things, type Thing } from './generic-pool-things.ts'

/** More than its types say. */
const { DefaultEvictor, Deque, Pool: HostPool, PriorityQueue } = genericPool as unknown as Record<string, new (...parts: unknown[]) => Pool<Thing>>

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('generic-pool does not export it')
  return part
}

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Its types leave the priority out. */
function useWith(pool: Pool<Thing>, work: () => Promise<void>, priority?: number): Promise<void> {
  const use: (work: () => Promise<void>, priority?: number) => Promise<void> = pool.use
  return use.call(pool, work, priority)
}

describe('a kept pool of generic-pool, in its ordinary ways', () => {
  test('serves by priority, and within a priority in order', async () => {
    const { pool } = kept(new Things(), { max: 1, priorityRange: 3 })
    const held = await pool.acquire()
    const served: string[] = []
    const ask = (name: string, priority?: number): Promise<void> =>
      useWith(pool, async () => void served.push(name), priority)
    const all = [ask('c1', 2), ask('b1', 1), ask('a1', 0), ask('b2', 1), ask('a2'), ask('beyond', 99)]
    expect(pool.pending).toBe(6)
    await pool.release(held)
    await Promise.all(all)
    expect(served).toEqual(['a1', 'a2', 'b1', 'b2', 'c1', 'beyond'])
  })

  test('and so after a resource that was not fit: who was asked for goes before who came after him', async () => {
    const things = new Things()
    let say = (_isFit: boolean): void => {}
    things.validate = () => new Promise((resolve) => (say = resolve))
    const options = { max: 1, priorityRange: 2, testOnBorrow: true }
    const { pool } = kept(things, options, { replaceAhead: 0 })
    const held = await pool.acquire()
    const served: string[] = []
    const ask = (name: string, priority: number): Promise<void> => {
      const work = async (): Promise<void> => void served.push(name)
      return useWith(pool, work, priority)
    }
    const all = [ask('b', 1), ask('a', 0)]
    await pool.release(held)
    all.push(ask('late', 0))
    say(false)
    things.validate = async () => true
    await vi.waitFor(() => expect(served).toEqual(['a']))
    for (let answers = 0; answers < 2; answers++) {
      await turn()
      say(true)
    }
    await Promise.all(all)
    expect(served).toEqual(['a', 'late', 'b'])
    expect(things.destroyed).toEqual([1])
  })

  test.each([true, false])('lends in its own order, with `fifo: %s`', async (fifo) => {
    const order = async (pool: Pool<Thing>): Promise<number[]> => {
      const [one, two, three] = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
      for (const thing of [two, three, one]) await pool.release(thing)
      const seen: number[] = []
      for (let time = 0; time < 4; time++) await pool.use(async (thing) => void seen.push([one, two, three].indexOf(thing)))
      return seen
    }
    const options = { max: 3, fifo }
    expect(await order(kept(new Things(), options).pool)).toEqual(await order(bare(new Things(), options)))
  })

  test('its counts are true', async () => {
    const { pool } = kept(new Things(), { max: 2 })
    const [one, two] = await Promise.all([pool.acquire(), pool.acquire()])
    const waiting = pool.acquire()
    expect(pool).toMatchObject({ size: 2, available: 0, borrowed: 2, pending: 1, spareResourceCapacity: 0, max: 2, min: 0 })
    expect([pool.isBorrowedResource(one), pool.isBorrowedResource({ number: 1 })]).toEqual([true, false])
    await pool.release(one)
    await pool.release(await waiting)
    await pool.destroy(two)
    expect(pool).toMatchObject({ size: 1, available: 1, borrowed: 0, pending: 0, spareResourceCapacity: 1 })
  })

  test('with `autostart: false`, it starts at the first caller, and opens `min`', async () => {
    const things = new Things()
    const { pool } = kept(things, { min: 2, max: 3, autostart: false })
    await turn()
    expect(things.calls).toBe(0)
    await pool.use(async () => {})
    await pool.ready()
    expect(pool.size).toBe(2)
  })

  test('too many callers are refused in its words', async () => {
    const { pool, keeper } = kept(new Things(), { max: 1, maxWaitingClients: 1 })
    const held = await pool.acquire()
    const waiting = pool.acquire()
    const error = await errorOf(pool.acquire())
    expect(error).toMatchObject({ message: 'max waitingClients count exceeded', cause: { code: 'POOL_EXHAUSTED' } })
    expect(keeper.stats().acquires.refused).toBe(1)
    await pool.release(held)
    await pool.release(await waiting)
  })

  test('also while the policy only observes, where it refuses them itself', async () => {
    const { pool, keeper } = kept(new Things(), { max: 1, maxWaitingClients: 1 }, { mode: 'observe' })
    const held = await pool.acquire()
    const waiting = pool.acquire()
    expect(await errorOf(pool.acquire())).toMatchObject({ message: 'max waitingClients count exceeded' })
    expect(keeper.stats().acquires.failed).toBe(1)
    await pool.release(held)
    await pool.release(await waiting)
  })

  test('while the policy only observes, `testOnBorrow` is its own, and a create that fails is begun again at once', async () => {
    const things = new Things()
    things.validate = async ({ number }) => number !== 1
    const { pool, keeper } = kept(things, { max: 1, testOnBorrow: true }, { mode: 'observe' })
    let failures = 3
    things.making = async () => {
      if (failures-- > 0) throw new Error('the server is down')
    }
    expect(await pool.acquire()).toEqual({ number: 2 })
    expect(things.calls).toBe(5)
    expect(keeper.stats()).toMatchObject({ validations: { ok: 0, failed: 0 }, opens: { ok: 2, failed: 3 }, acquires: { ok: 1 } })
  })

  test('its promises are those that its user wants', async () => {
    class OwnPromise<T> extends Promise<T> {}
    const options: Options & { Promise: PromiseConstructor } = { max: 1, Promise: OwnPromise }
    const { pool } = kept(new Things(), options)
    const acquiring = pool.acquire()
    expect(acquiring).toBeInstanceOf(OwnPromise)
    expect(pool.release(await acquiring)).toBeInstanceOf(OwnPromise)
    expect(pool.drain()).toBeInstanceOf(OwnPromise)
  })

  test('what a subclass or a tracer has made of `acquire` is called still', async () => {
    const seen: (number | undefined)[] = []
    class Traced extends required(HostPool) {
      override acquire(priority?: number): Promise<Thing> {
        seen.push(priority)
        return super.acquire(priority)
      }
    }
    const pool = new Traced(DefaultEvictor, Deque, PriorityQueue, new Things(), { max: 1, priorityRange: 2 })
    keep(pool)
    await useWith(pool, async () => {}, 1)
    expect(seen).toEqual([1])
  })

  test("an evictor of the user's own is asked still", async () => {
    class Impatient {
      evict(): boolean {
        return true
      }
    }
    const things = new Things()
    const pool = new (required(HostPool))(Impatient, Deque, PriorityQueue, things, { max: 2, evictionRunIntervalMillis: 10 })
    const keeper = keep(pool, { idleTimeoutMillis: false })
    await pool.use(async () => {})
    await vi.waitFor(() => expect(keeper.stats()).toMatchObject({ idle: 0, closes: { host: 1 } }), { timeout: 5_000 })
    await pool.use(async () => {})
    expect(things.made).toHaveLength(2)
  })
})

describe('a create', () => {
  test('P-104: is told when nobody waits for it any more, and what it makes nevertheless is destroyed', async () => {
    const things = new Things()
    let finish = (): void => {}
    things.making = () => new Promise((resolve) => (finish = resolve))
    const { pool } = kept(things, { max: 1 }, { connectTimeoutMillis: 30, createRetry: false })
    expect(await errorOf(pool.acquire())).toMatchObject({ message: 'factory.create did not answer within 30 ms' })
    expect(things.attempts[0]?.signal).toMatchObject({ aborted: true, reason: { code: 'ETIMEDOUT' } })
    finish()
    await vi.waitFor(() => expect(things.destroyed).toEqual([1]))
    expect(pool).toMatchObject({ size: 0, available: 0 })
  })

  test('is given what the provider of credentials gave', async () => {
    const things = new Things()
    const { pool } = kept(things, {}, { credentials: async () => ({ user: 'app', password: 'secret' }) })
    await pool.use(async () => {})
    expect(things.attempts[0]?.credentials).toMatchObject({ user: 'app', password: 'secret' })
  })

  test.each([
    ['no object', async () => 7, 'factory.create must resolve with an object'],
    ['one that is there already', async () => SHARED, 'factory.create resolved with a resource that is in the pool already'],
  ])('P-103: that gives %s is a failed one, and gives its place back', async (_what, create, message) => {
    const things = new Things()
    const { pool, keeper } = kept(things, { max: 2 }, { createRetry: false })
    Object.assign(things, { create })
    const answers = await Promise.allSettled([pool.acquire(), pool.acquire()])
    expect(answers).toContainEqual({ status: 'rejected', reason: expect.objectContaining({ message: expect.stringContaining(message) }) })
    expect(keeper.stats().opening).toBe(0)
  })

  test('P-035: that throws where it should reject is a failed one', async () => {
    const things = new Things()
    const { pool } = kept(things, {}, { createRetry: false })
    Object.assign(things, {
      create: () => {
        throw new Error('at once')
      },
    })
    expect(await errorOf(pool.acquire())).toMatchObject({ message: 'at once' })
  })
})

const SHARED = {}

describe('a destroy', () => {
  test.each([
    ['rejects', () => Promise.reject(new Error('not now'))],
    [
      'throws',
      () => {
        throw new Error('not now')
      },
    ],
  ])('that %s is told as ever, and gives its place back', async (_how, destroy) => {
    const things = new Things()
    const { pool } = kept(things, { max: 1 }, { maxUses: 1 })
    Object.assign(things, { destroy })
    const told = vi.fn<(error: Error) => void>()
    pool.on('factoryDestroyError', told)
    await pool.use(async () => {})
    await pool.use(async () => {})
    await vi.waitFor(() => expect(told).toHaveBeenCalledWith(expect.objectContaining({ message: 'not now' })))
  })

  test('P-165: that never answers has the time that its user gave it, and then its socket is destroyed', async () => {
    const things = new Things()
    things.destroying = () => new Promise(() => {})
    const destroy = vi.fn<(thing: Thing) => void>()
    const options: Options & { destroyTimeoutMillis: number } = { max: 1, destroyTimeoutMillis: 30 }
    const { pool, keeper } = kept(things, options, { replaceAhead: 0 }, { destroy })
    const told = vi.fn<(error: Error) => void>()
    pool.on('factoryDestroyError', told)
    const held = await pool.acquire()
    const waiting = pool.acquire()
    await pool.destroy(held)
    expect(keeper.stats()).toMatchObject({ closing: 1, opening: 0, pending: 1 })
    expect(await waiting).toEqual({ number: 2 })
    expect(destroy).toHaveBeenCalledWith(held)
    expect(told).toHaveBeenCalledWith(expect.objectContaining({ message: 'destroy timed out' }))
  })
})

describe('a pool in use', () => {
  test('is attended as it is: what is idle, lent, on its way, and who waits', async () => {
    const things = new Things()
    const pool = bare(things, { max: 2, acquireTimeoutMillis: 5_000 })
    const held = await pool.acquire()
    let finish = (): void => {}
    things.making = () => new Promise((resolve) => (finish = resolve))
    const [second, third] = [pool.acquire(), pool.acquire()]
    const keeper = keep(pool, { acquireTimeoutMillis: 300 })
    expect(keeper.stats()).toMatchObject({ used: 1, opening: 1, pending: 2 })
    finish()
    expect(await second).toEqual({ number: 2 })
    await pool.release(held)
    expect(await third).toBe(held)
    const [fourth, fifth] = [errorOf(pool.acquire()), errorOf(pool.acquire())]
    expect([await fourth, await fifth]).toMatchObject([{ name: 'TimeoutError' }, { name: 'TimeoutError' }])
    expect(pool.pending).toBe(0)
    await pool.release(held)
    await pool.release(await second)
    expect(keeper.stats()).toMatchObject({ used: 0, idle: 2, acquires: { ok: 2, timedOut: 2 } })
  })

  test('and one that waits since before our time has our deadline', async () => {
    const pool = bare(new Things(), { max: 1, acquireTimeoutMillis: 60_000 })
    const held = await pool.acquire()
    const waiting = errorOf(pool.acquire())
    keep(pool, { acquireTimeoutMillis: 50, validationTimeoutMillis: 50 })
    expect(await waiting).toMatchObject({ name: 'TimeoutError', cause: { code: 'POOL_EXHAUSTED' } })
    expect(pool.pending).toBe(0)
    await pool.release(held)
    expect(await pool.acquire()).toBe(held)
  })

  test('P-089: is given back with all that goes on in it', async () => {
    const things = new Things()
    const { pool, keeper } = kept(things, { max: 2 }, { acquireTimeoutMillis: 60_000 })
    const held = await pool.acquire()
    let finish = (): void => {}
    things.making = () => new Promise((resolve) => (finish = resolve))
    const [second, third] = [pool.acquire(), pool.acquire()]
    keeper.detach()
    expect([pool.borrowed, pool.pending, pool.size]).toEqual([1, 2, 2])
    finish()
    expect(await second).toEqual({ number: 2 })
    await pool.release(held)
    expect(await third).toBe(held)
    const draining = pool.drain()
    await pool.release(await second)
    expect(await isSettledWithin(50, draining)).toBe(false)
    await pool.release(held)
    await draining
    await pool.clear()
    expect(things.destroyed).toEqual(expect.arrayContaining([1, 2]))
    expect(keeper.stats().acquires.ok).toBe(1)
  })

  test('a deadline from before it was given back holds, and spoils nothing', async () => {
    const { pool, keeper } = kept(new Things(), { max: 1 }, { acquireTimeoutMillis: 60, validationTimeoutMillis: 50 })
    const held = await pool.acquire()
    const waiting = [errorOf(pool.acquire()), errorOf(pool.acquire())]
    keeper.detach()
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ name: 'TimeoutError' })
    expect(pool.pending).toBe(0)
    const next = pool.acquire()
    expect(pool.pending).toBe(1)
    await pool.release(held)
    expect(await next).toBe(held)
  })
})

describe('what happens within `use`', () => {
  test('P-036: asking for one more is seen to be nested', async () => {
    const { pool, keeper } = kept(new Things(), { max: 2 })
    const events: PoolEvent[] = []
    keeper.subscribe((event) => void events.push(event))
    await pool.use(() => pool.use(async () => {}))
    expect(events.filter(({ type }) => type === 'nestedAcquire')).toHaveLength(1)
    await Promise.all([pool.use(async () => {}), pool.use(async () => {})])
    expect(events.filter(({ type }) => type === 'nestedAcquire')).toHaveLength(1)
  })

  test('a deadlock ends at once, by name, if that is wanted', async () => {
    const { pool } = kept(new Things(), { max: 1 }, { detectNestedAcquire: 'fail' }, { isBusy: () => false })
    const error = await errorOf(pool.use(() => pool.use(async () => {})))
    expect(isPoolkeeperError(error) && error.code).toBe('DEADLOCK')
  })

  test('P-150: one that is held for too long is told, with the line that acquired it', async () => {
    const { pool, keeper } = kept(new Things(), { max: 1 }, { leakThresholdMillis: 100 })
    const leaked = new Promise<PoolEvent>((resolve) => {
      keeper.subscribe((event) => {
        if (event.type === 'leaked') resolve(event)
      })
    })
    const held = await pool.acquire()
    expect(await leaked).toMatchObject({ site: expect.stringContaining('generic-pool-features.test.ts') })
    await pool.release(held)
  })
})

describe('what a driver knows', () => {
  test('P-129: a resource that dies is not lent, and frees its place also in the hands of its holder', async () => {
    const deaths = new Map<Thing, (error: unknown) => void>()
    const driver = {
      watch: (thing: Thing, onDeath: (error: unknown) => void): (() => void) => {
        deaths.set(thing, onDeath)
        return () => deaths.delete(thing)
      },
      destroy: (): void => {},
    }
    const things = new Things()
    const { pool, keeper } = kept(things, { max: 1 }, {}, driver)
    const held = await pool.acquire()
    const waiting = pool.acquire()
    deaths.get(held)?.(new Error('gone'))
    expect(await waiting).toEqual({ number: 2 })
    await pool.release(held)
    await pool.release(await waiting)
    deaths.get(await waiting)?.(new Error('gone'))
    expect(await pool.acquire()).toEqual({ number: 3 })
    expect(keeper.stats().closes.fatal).toBe(2)
  })

  test('with `testOnBorrow`, both are asked: the driver, and the factory', async () => {
    const things = new Things()
    const asked: string[] = []
    things.validate = async () => asked.push('factory') > 0
    const validate = async (): Promise<void> => void asked.push('driver')
    const { pool, keeper } = kept(things, { max: 1, testOnBorrow: true }, {}, { validate })
    expect(keeper.policy).toMatchObject({ validateAfterIdleMillis: 0, sources: { validateAfterIdleMillis: 'host' } })
    for (let time = 0; time < 2; time++) await pool.use(async () => {})
    expect(asked).toEqual(['driver', 'factory'])
  })
})

test('it says who it is', () => {
  const { pool, keeper } = kept(new Things(), {}, { name: 'things' })
  expect(keeperOf(pool)).toBe(keeper)
  expect(keeper.name).toBe('things')
})
