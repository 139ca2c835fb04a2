import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test, vi } from 'vitest'
import type { AcquireInfo, HookName, ReleaseInfo } from '../hooks.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../testing/index.ts'
import { closes, failureOf, fill, ofType, record, take, takeOne, use } from '../testing/scenario.ts'

const BAD = new Error('the hook does not like it')

function pool(policy: PoolPolicyOptions): SimulatedPool {
  return simulatePool({ policy: { max: 2, acquireTimeoutMillis: 5_000, ...policy } })
}

/** Both ways in which a hook may do the same: at once, and later. */
const WAYS: readonly (readonly [way: string, does: (result: () => unknown) => () => unknown])[] = [
  ['at once', (result) => result],
  ['later', (result) => async () => result()],
]

function throwing(): never {
  throw BAD
}

const NEVER = (): Promise<never> => new Promise(() => {})

describe.each(WAYS)('the truth table of `onAcquire`, %s', (_way, does) => {
  const HARMLESS = [undefined, null, true, false, 0, '', 'lend', 'RETIRE', { rows: ['retire'] }, ['refuse'], new Error('a value')]

  test.each(HARMLESS.map((value) => [value]))('returns %j: the connection is lent', async (value) => {
    const hooked = pool({ onAcquire: does(() => value) })
    await use(hooked)
    await use(hooked)
    expect(hooked.keeper.stats()).toMatchObject({ acquires: { ok: 2 }, opens: { ok: 1 }, idle: 1 })
  })

  test("returns 'retire': the connection is closed, and another one is tried", async () => {
    const answers = ['retire', undefined]
    const hooked = pool({ onAcquire: does(() => answers.shift()) })
    const lent = await takeOne(hooked)
    expect(lent.id).toBe(2)
    expect(closes(hooked)).toEqual({ hook: 1 })
    expect(hooked.keeper.stats().acquires).toMatchObject({ ok: 1, refused: 0, failed: 0 })
  })

  test("returns 'refuse': this caller gets an error, and the connection stays", async () => {
    const answers = ['refuse', undefined]
    const hooked = pool({ onAcquire: does(() => answers.shift()) })
    expect(await failureOf(hooked, hooked.acquire())).toMatchObject({ code: 'HOOK_REFUSED', pool: 'simulated' })
    expect((await takeOne(hooked)).id).toBe(1)
    expect(hooked.keeper.stats()).toMatchObject({ acquires: { ok: 1, refused: 1 }, opens: { ok: 1 } })
    expect(closes(hooked)).toEqual({})
  })

  test('throws: the connection is closed, and this caller gets the error as cause', async () => {
    let calls = 0
    const hooked = pool({ onAcquire: does(() => (++calls === 1 ? throwing() : undefined)) })
    const events = record(hooked)
    expect(await failureOf(hooked, hooked.acquire())).toMatchObject({ code: 'HOOK_FAILED', cause: BAD })
    expect(closes(hooked)).toEqual({ hook: 1 })
    expect(ofType(events, 'hookFailed')).toMatchObject([{ hook: 'onAcquire', connection: 1, error: BAD }])
    expect((await takeOne(hooked)).id).toBe(2)
    expect(hooked.keeper.stats().acquires).toMatchObject({ ok: 1, failed: 1 })
  })
})

describe.each(WAYS)('the truth table of `onRelease`, %s', (_way, does) => {
  test.each([[undefined], [true], ['refuse'], [{ retire: true }]])('returns %j: the connection is kept', async (value) => {
    const hooked = pool({ onRelease: does(() => value) })
    await use(hooked)
    expect((await takeOne(hooked)).id).toBe(1)
  })

  test("returns 'retire': the connection is closed", async () => {
    const hooked = pool({ onRelease: does(() => 'retire') })
    await use(hooked)
    await hooked.clock.advance(10)
    expect(closes(hooked)).toEqual({ hook: 1 })
    expect(hooked.keeper.stats()).toMatchObject({ idle: 0, used: 0, validating: 0 })
  })

  test('throws: the connection is closed, the releaser gets no error, and the throw is told', async () => {
    const hooked = pool({ onRelease: does(throwing) })
    const events = record(hooked)
    const lent = await takeOne(hooked)
    expect(hooked.release(lent)).toBe(true)
    await hooked.clock.advance(10)
    expect(closes(hooked)).toEqual({ hook: 1 })
    expect(ofType(events, 'hookFailed')).toMatchObject([{ hook: 'onRelease', connection: 1, error: BAD }])
  })

  test('throws, and nobody listens: a process warning, once a minute', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      const hooked = pool({ onRelease: does(throwing) })
      for (let round = 0; round < 3; round++) await use(hooked)
      await hooked.clock.advance(10)
      expect(warn).toHaveBeenCalledTimes(1)
      expect(warn.mock.calls[0]).toEqual([
        'pool "simulated": onRelease failed: the hook does not like it',
        { type: 'PoolkeeperWarning', code: 'POOLKEEPER_HOOK_FAILED' },
      ])
    } finally {
      warn.mockRestore()
    }
  })
})

describe.each(WAYS)('`onOpen`, %s', (_way, does) => {
  test('P-100, P-108: a throw is a failed connect, and the caller gets the error itself', async () => {
    const hooked = pool({ onOpen: does(throwing) })
    const events = record(hooked)
    expect(await failureOf(hooked, hooked.acquire())).toBe(BAD)
    expect(ofType(events, 'openFailed')).toMatchObject([{ error: BAD }])
    expect(ofType(events, 'closed')).toMatchObject([{ connection: 1, reason: 'hook', uses: 0 }])
    expect(ofType(events, 'opened')).toEqual([])
    expect(hooked.keeper.stats()).toMatchObject({ opens: { ok: 0, failed: 1 }, closes: { hook: 1 }, acquires: { failed: 1 } })
    expect(hooked.server.sockets).toBe(0)
  })

  test('what it returns means nothing', async () => {
    const hooked = pool({ onOpen: does(() => 'retire') })
    expect((await takeOne(hooked)).id).toBe(1)
  })
})

describe('P-109: order and number of calls', () => {
  function diary(policy: PoolPolicyOptions = {}): { hooked: SimulatedPool; calls: string[] } {
    const calls: string[] = []
    const note = (hook: HookName) => (connection: object) => void calls.push(`${hook} ${(connection as SimulatedConnection).id}`)
    const hooked = pool({ onOpen: note('onOpen'), onAcquire: note('onAcquire'), onRelease: note('onRelease'), ...policy })
    return { hooked, calls }
  }

  test('once for each connection, once for each checkout, once for each return', async () => {
    const { hooked, calls } = diary()
    await use(hooked)
    await use(hooked)
    await fill(hooked, 2)
    expect(calls).toEqual([
      ...['onOpen 1', 'onAcquire 1', 'onRelease 1', 'onAcquire 1', 'onRelease 1'],
      ...['onAcquire 1', 'onOpen 2', 'onAcquire 2', 'onRelease 1', 'onRelease 2'],
    ])
  })

  test('connections that are opened in the background are shown to `onOpen` as well', async () => {
    const { hooked, calls } = diary({ min: 2 })
    await hooked.clock.until(hooked.keeper.ready())
    expect(calls).toEqual(['onOpen 1', 'onOpen 2'])
    await hooked.clock.advance(10)
    await hooked.clock.until(hooked.keeper.recycle())
    expect(calls).toEqual(['onOpen 1', 'onOpen 2', 'onOpen 3', 'onOpen 4'])
  })

  test('they are told what is known', async () => {
    const acquired: AcquireInfo[] = []
    const released: ReleaseInfo[] = []
    const hooked = pool({
      name: 'orders',
      onAcquire: (_connection, info) => void acquired.push(info),
      onRelease: (_connection, info) => void released.push(info),
    })
    const lent = await takeOne(hooked)
    await hooked.clock.advance(30)
    hooked.release(lent)
    await hooked.clock.advance(70)
    await takeOne(hooked)
    expect(acquired).toEqual([
      { pool: 'orders', connection: 1, uses: 1, idleMillis: 0 },
      { pool: 'orders', connection: 1, uses: 2, idleMillis: 70 },
    ])
    expect(released).toEqual([{ pool: 'orders', connection: 1, uses: 1, useMillis: 30 }])
  })

  test('`onRelease` sees a clean session, and not one that is closed anyway', async () => {
    const seen: unknown[] = []
    const hooked = pool({
      maxUses: 2,
      onRelease: (connection) => void seen.push(hooked.server.transactionOf(connection as SimulatedConnection)),
    })
    const lent = await takeOne(hooked)
    hooked.server.setTransaction(lent, 'open')
    hooked.release(lent)
    await hooked.clock.advance(10)
    expect(seen).toEqual(['idle'])
    await use(hooked)
    expect(closes(hooked)).toEqual({ maxUses: 1 })
    expect(seen).toHaveLength(1)
  })

  test('`onAcquire` runs on the connection that is lent in the end, and not on the silent one', async () => {
    const { hooked, calls } = diary()
    const [silent] = (await fill(hooked, 2)).toReversed()
    await hooked.clock.advance(1_000)
    calls.length = 0
    if (silent !== undefined) hooked.server.silence([silent])
    const lent = await takeOne(hooked)
    expect(lent).not.toBe(silent)
    expect(calls).toEqual([`onAcquire ${lent.id}`])
  })
})

describe('P-107: a hook that fails costs no slot', () => {
  const FAILURES: readonly (readonly [what: string, policy: (fail: () => unknown) => PoolPolicyOptions])[] = [
    ['onOpen throws', (fail) => ({ onOpen: fail })],
    ['onOpen rejects', (fail) => ({ onOpen: async () => fail() })],
    ['onAcquire throws', (fail) => ({ onAcquire: fail })],
    ['onAcquire rejects', (fail) => ({ onAcquire: async () => fail() })],
    ['onRelease throws', (fail) => ({ onRelease: fail })],
    ['onRelease rejects', (fail) => ({ onRelease: async () => fail() })],
  ]

  test.each(FAILURES)('%s 100 times, and all slots are free', async (_what, policy) => {
    let isBad = true
    const hooked = simulatePool({ policy: { max: 3, ...policy(() => (isBad ? throwing() : undefined)) } })
    // Somebody listens, or the warning is the process's.
    hooked.keeper.subscribe(() => {})
    for (let round = 0; round < 100; round++) {
      await hooked.clock.until(hooked.acquire().then((lent) => hooked.release(lent), () => {}))
      await hooked.clock.advance(5)
    }
    isBad = false
    expect(closes(hooked)).toEqual({ hook: 100 })
    const all = await take(hooked, 3)
    expect(new Set(all).size).toBe(3)
    expect(hooked.keeper.stats()).toMatchObject({ used: 3, idle: 0, validating: 0, opening: 0, closing: 0, pending: 0 })
    expect(hooked.server.most).toBeLessThanOrEqual(4)
  })

  test("'retire' for ever is bounded by the caller's deadline", async () => {
    const hooked = pool({ max: 1, acquireTimeoutMillis: 500, onAcquire: () => 'retire' })
    const failure = await failureOf(hooked, hooked.acquire())
    expect(failure).toMatchObject({ name: 'PoolkeeperError' })
    expect(hooked.clock.now()).toBe(500)
    await hooked.clock.advance(100)
    expect(hooked.server.sockets).toBeLessThanOrEqual(1)
  })
})

describe('a hook that never returns', () => {
  test("`onAcquire` is given up at the caller's deadline: the connection is destroyed, the slot is free", async () => {
    let hangs = true
    const hooked = pool({ max: 1, acquireTimeoutMillis: 500, onAcquire: () => (hangs ? NEVER() : undefined) })
    const failure = await failureOf(hooked, hooked.acquire())
    expect(failure).toMatchObject({ code: 'HOOK_FAILED', message: expect.stringContaining('a hook had not returned') as string })
    expect(hooked.clock.now()).toBe(500)
    await hooked.clock.advance(0)
    expect(hooked.server.sockets).toBe(0)
    expect(closes(hooked)).toEqual({ hook: 1 })
    hangs = false
    expect((await takeOne(hooked)).id).toBe(2)
  })

  test('`onRelease` costs the connection after `acquireTimeoutMillis`, and nobody waits for it who need not', async () => {
    const hooked = pool({ max: 2, acquireTimeoutMillis: 500, onRelease: NEVER })
    hooked.keeper.subscribe(() => {})
    hooked.release(await takeOne(hooked))
    expect(hooked.keeper.stats()).toMatchObject({ idle: 0, used: 0, validating: 1 })
    expect((await takeOne(hooked)).id).toBe(2)
    await hooked.clock.advance(500)
    expect(closes(hooked)).toEqual({ hook: 1 })
    expect(hooked.keeper.stats()).toMatchObject({ used: 1, validating: 0 })
  })

  test('`onOpen` ends with the connect timeout', async () => {
    const hooked = pool({ connectTimeoutMillis: 300, onOpen: NEVER })
    await failureOf(hooked, hooked.acquire())
    expect(hooked.clock.now()).toBe(300)
    await hooked.clock.advance(0)
    expect(hooked.server.sockets).toBe(0)
    expect(hooked.keeper.stats()).toMatchObject({ opening: 0, opens: { ok: 0, failed: 1 }, closes: { hook: 1 } })
  })

  test('what it says after all is heard by nobody', async () => {
    let answer: (value: string) => void = () => {}
    const hooked = pool({ max: 1, acquireTimeoutMillis: 500, onAcquire: () => new Promise((resolve) => (answer = resolve)) })
    await failureOf(hooked, hooked.acquire())
    answer('retire')
    await hooked.clock.advance(10)
    expect(closes(hooked)).toEqual({ hook: 1 })
    expect(hooked.keeper.stats()).toMatchObject({ used: 0, idle: 0, validating: 0 })
  })
})

describe('while a hook runs', () => {
  const slow = (hooked: () => SimulatedPool, millis: number) => (): Promise<void> =>
    new Promise((resolve) => void hooked().clock.after(millis, resolve))

  test('a connection that dies under `onAcquire` is not lent, and the caller gets another one', async () => {
    let calls = 0
    const hooked = pool({ onAcquire: () => (++calls === 1 ? NEVER() : undefined) })
    const waiting = hooked.acquire()
    await hooked.clock.advance(30)
    const [dying] = hooked.server.connections
    if (dying !== undefined) hooked.server.kill(dying)
    expect((await hooked.clock.until(waiting)).id).toBe(2)
    expect(hooked.clock.now()).toBeLessThan(100)
    expect(closes(hooked)).toEqual({ fatal: 1 })
  })

  test('a hook that fails because its connection died costs the caller nothing', async () => {
    let calls = 0
    const hooked = pool({
      max: 1,
      onAcquire(connection) {
        if (++calls > 1) return
        hooked.server.kill(connection as SimulatedConnection)
        throwing()
      },
    })
    expect((await takeOne(hooked)).id).toBe(2)
    expect(hooked.keeper.stats().acquires).toMatchObject({ ok: 1, failed: 0 })
    expect(closes(hooked)).toEqual({ fatal: 1 })
  })

  test('nor one whose death nobody has noticed before: the error tells', async () => {
    const hooked = pool({ max: 1, onAcquire: (connection) => hooked.query(connection as SimulatedConnection) })
    const dead = await takeOne(hooked)
    hooked.release(dead)
    hooked.server.kill(dead, 'unnoticed')
    expect((await takeOne(hooked)).id).toBe(2)
    expect(hooked.keeper.stats().acquires).toMatchObject({ ok: 2, failed: 0 })
    expect(closes(hooked)).toEqual({ fatal: 1 })
  })

  test('a connection that dies under `onRelease` is not kept', async () => {
    const hooked: SimulatedPool = pool({ onRelease: slow(() => hooked, 50) })
    const lent = await takeOne(hooked)
    hooked.release(lent)
    await hooked.clock.advance(10)
    hooked.server.kill(lent)
    await hooked.clock.advance(10)
    expect(closes(hooked)).toEqual({ fatal: 1 })
    expect(hooked.keeper.stats()).toMatchObject({ idle: 0, used: 0, validating: 0 })
  })

  test('a connection that dies under `onOpen` is a failed connect', async () => {
    const hooked = pool({ max: 1, onOpen: NEVER })
    const failure = hooked.acquire().catch((error: unknown) => error)
    await hooked.clock.advance(30)
    const [dying] = hooked.server.connections
    if (dying !== undefined) hooked.server.kill(dying)
    expect(await hooked.clock.until(failure)).toMatchObject({ code: 'HOOK_FAILED' })
    expect(hooked.clock.now()).toBe(30)
    expect(hooked.keeper.stats()).toMatchObject({ opening: 0, closes: { fatal: 1 } })
  })

  test('it is counted as a state of its own: neither used nor idle', async () => {
    const hooked: SimulatedPool = pool({ onAcquire: slow(() => hooked, 50), onRelease: slow(() => hooked, 50) })
    const waiting = hooked.acquire()
    await hooked.clock.advance(30)
    expect(hooked.keeper.stats()).toMatchObject({ used: 0, idle: 0, validating: 1, pending: 1 })
    hooked.release(await hooked.clock.until(waiting))
    expect(hooked.keeper.stats()).toMatchObject({ used: 0, idle: 0, validating: 1, pending: 0 })
    await hooked.clock.advance(50)
    expect(hooked.keeper.stats()).toMatchObject({ used: 0, idle: 1, validating: 0 })
    expect(hooked.keeper.stats().waitMillis.max).toBeGreaterThanOrEqual(69)
  })

  test('a pause lets it end: who was being served is served', async () => {
    const hooked: SimulatedPool = pool({ onAcquire: slow(() => hooked, 50) })
    const waiting = hooked.acquire()
    await hooked.clock.advance(30)
    hooked.keeper.pause()
    expect((await hooked.clock.until(waiting)).id).toBe(1)
  })

  test("a pause that fails callers ends it with its caller's", async () => {
    const hooked = pool({ max: 1, onAcquire: NEVER })
    const failure = hooked.acquire().catch((error: unknown) => error)
    await hooked.clock.advance(30)
    hooked.keeper.pause({ waiters: 'fail' })
    expect(await failure).toMatchObject({ code: 'PAUSED' })
    await hooked.clock.advance(0)
    expect(hooked.server.sockets).toBe(0)
  })

  test.each(['reject', 'finish'] as const)('a drain ends in bounded time, with hooks that hang (%s)', async (waiters) => {
    const hooked = pool({ max: 3, acquireTimeoutMillis: 60_000, onRelease: NEVER, onAcquire: (_, { connection }) => (connection > 1 ? NEVER() : undefined) })
    hooked.keeper.subscribe(() => {})
    hooked.release(await takeOne(hooked))
    const failure = hooked.acquire().catch((error: unknown) => error)
    await hooked.clock.advance(50)
    const report = await hooked.clock.until(hooked.keeper.drain({ timeoutMillis: 300, waiters }))
    expect(report).toMatchObject({ clean: true, rejectedWaiters: 1 })
    expect(report.durationMillis).toBeLessThanOrEqual(400)
    expect(await failure).toMatchObject({ code: 'DRAINING' })
    expect(hooked.server.sockets).toBe(0)
  })

  test('a drain waits for an `onRelease` that returns in time', async () => {
    let isOver = false
    const hooked: SimulatedPool = pool({
      onRelease: async () => {
        await slow(() => hooked, 50)()
        isOver = true
      },
    })
    hooked.release(await takeOne(hooked))
    await hooked.clock.until(hooked.keeper.drain({ timeoutMillis: 300 }))
    expect(isOver).toBe(true)
    expect(closes(hooked)).toEqual({ drain: 1 })
  })

  test('detaching lends and keeps what a hook has not answered about', async () => {
    const hooked = pool({ max: 2, onAcquire: NEVER, onRelease: NEVER })
    const waiting = hooked.acquire()
    await hooked.clock.advance(30)
    hooked.keeper.detach()
    const lent = await hooked.clock.until(waiting)
    hooked.release(lent)
    expect(await hooked.clock.until(hooked.acquire())).toBe(lent)
  })
})

describe('P-110: a one-time initialiser is an `onOpen` that remembers its promise', () => {
  test('it runs once, the first borrowers wait for it together, and it runs again when it failed', async () => {
    const runs: number[] = []
    let isDown = true
    let migrated: Promise<void> | undefined
    const migrate = async (): Promise<void> => {
      runs.push(hooked.clock.now())
      await new Promise<void>((resolve) => void hooked.clock.after(100, resolve))
      if (isDown) throw BAD
    }
    const hooked: SimulatedPool = pool({
      onOpen: () =>
        (migrated ??= migrate().catch((error: unknown) => {
          migrated = undefined
          throw error
        })),
    })
    const first = Promise.all([hooked.acquire(), hooked.acquire()].map((asked) => asked.catch((error: unknown) => error)))
    expect(await hooked.clock.until(first)).toEqual([BAD, BAD])
    expect(runs).toEqual([20])
    isDown = false
    await fill(hooked, 2)
    await hooked.clock.until(hooked.keeper.recycle())
    expect(runs).toEqual([20, 140])
  })
})

describe('`onAcquire` runs within the context of its caller', () => {
  const request = new AsyncLocalStorage<string>()

  test.each([
    ['who is served at once', 0],
    ['who waits, and for a check as well', 1_000],
  ])('%s', async (_who, silentMillis) => {
    const seen: unknown[] = []
    const hooked = pool({ max: 1, onAcquire: () => void seen.push(request.getStore()) })
    const first = await request.run('first', () => takeOne(hooked))
    const second = request.run('second', () => hooked.acquire())
    const third = request.run('third', () => hooked.acquire())
    await hooked.clock.advance(silentMillis)
    hooked.release(first)
    hooked.release(await hooked.clock.until(second))
    hooked.release(await hooked.clock.until(third))
    expect(seen).toEqual(['first', 'second', 'third'])
  })

  test('after a check that another one has begun', async () => {
    const seen: unknown[] = []
    const hooked = pool({ max: 1, onAcquire: () => void seen.push(request.getStore()) })
    await request.run('opener', () => use(hooked))
    await hooked.clock.advance(1_000)
    const lent = await request.run('checked', () => takeOne(hooked))
    hooked.release(lent)
    expect(seen).toEqual(['opener', 'checked'])
  })
})

test('hooks change with the policy while the pool runs', async () => {
  const calls: string[] = []
  const hooked = pool({ onAcquire: () => void calls.push('old') })
  await use(hooked)
  hooked.keeper.reconfigure({ onAcquire: () => void calls.push('new') })
  await use(hooked)
  expect(calls).toEqual(['old', 'new'])
})
