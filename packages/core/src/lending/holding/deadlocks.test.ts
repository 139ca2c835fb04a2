import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from 'vitest'
import { isPoolkeeperError, type PoolkeeperError } from '../../errors.ts'
import type { PoolPolicyOptions } from '../../policy/options.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../../testing/index.ts'
import { ofType, record, take, takeOne } from '../../testing/scenario.ts'
import { transaction } from '../../testing/within.ts'

function pool(policy: PoolPolicyOptions = {}): SimulatedPool {
  return simulatePool({ policy: { max: 2, detectNestedAcquire: 'fail', ...policy } })
}

/** A transaction whose work asks for one more connection, and goes on when it has it. */
function nested(simulated: SimulatedPool): Promise<unknown> {
  return transaction(simulated, async (held) => {
    await simulated.query(held)
    const second = await simulated.acquire()
    simulated.release(second)
    return 'done'
  })
}

type Outcome = 'done' | PoolkeeperError

function outcomes(works: readonly Promise<unknown>[]): Promise<Outcome[]> {
  return Promise.all(works.map((work) => work.then(() => 'done' as const, (error: unknown) => error as PoolkeeperError)))
}

const sleep = (simulated: SimulatedPool, millis: number): Promise<void> =>
  new Promise((resolve) => void simulated.clock.after(millis, resolve))

let warn: MockInstance<typeof process.emitWarning>

beforeEach(() => {
  warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})
afterEach(() => warn.mockRestore())

describe('P-036: an acquire within a transaction of the same pool', () => {
  test('is told, with the lines of both, and is served where there is room', async () => {
    const roomy = pool({ max: 3 })
    const events = record(roomy)
    expect(await roomy.clock.until(nested(roomy))).toBe('done')
    const [told, ...more] = ofType(events, 'nestedAcquire')
    expect(more).toEqual([])
    expect(told?.connection).toBe(1)
    expect(told?.site).toMatch(/deadlocks\.test\.ts:16$/)
    expect(told?.holderSite).toMatch(/deadlocks\.test\.ts:14$/)
    expect(told?.stack).toContain('deadlocks.test.ts')
    expect(told?.holderStack).toContain('nested')
  })

  test('is none before the transaction has its connection, and none when it is over', async () => {
    const roomy = pool()
    const events = record(roomy)
    let later = (): Promise<SimulatedConnection> => Promise.reject(new Error('too early'))
    await roomy.clock.until(
      transaction(roomy, async () => {
        await sleep(roomy, 1)
        const within = sleep(roomy, 50)
        later = async () => {
          await within
          return roomy.acquire()
        }
        void (async () => {
          await within
          roomy.release(await roomy.acquire())
        })()
      }),
    )
    await roomy.clock.advance(100)
    roomy.release(await roomy.clock.until(later()))
    expect(ofType(events, 'nestedAcquire')).toEqual([])
    expect(roomy.keeper.stats().acquires.ok).toBe(3)
  })

  test('is none in the transaction of another pool', async () => {
    const [one, other] = [pool(), pool()]
    const events = [record(one), record(other)]
    const acquired = await one.clock.until(transaction(one, async () => ({ later: other.acquire() })))
    other.release(await other.clock.until(acquired.later))
    expect(events.flatMap((heard) => ofType(heard, 'nestedAcquire'))).toEqual([])
    expect(other.keeper.stats().acquires.ok).toBe(1)
  })

  test('is not looked for, where nobody wants to know', async () => {
    const roomy = pool({ max: 3, detectNestedAcquire: false })
    const events = record(roomy)
    await roomy.clock.until(nested(roomy))
    expect(ofType(events, 'nestedAcquire')).toEqual([])
    expect(roomy.keeper.explain().connections.map(({ holder }) => holder)).not.toContainEqual(expect.anything())
  })
})

describe('where nobody listens', () => {
  test('it is a warning by line of code, once a minute, that says what to do', async () => {
    const roomy = pool({ max: 3, detectNestedAcquire: 'warn' })
    for (let round = 0; round < 3; round++) await roomy.clock.until(nested(roomy))
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]?.[0]).toMatch(/a second connection is acquired \(\S+:16\) within a transaction that holds one \(\S+:14\).*trx/)
    expect(warn.mock.calls[0]?.[1]).toEqual({ type: 'PoolkeeperWarning', code: 'POOLKEEPER_NESTED_ACQUIRE' })
  })
})

describe('P-036: a deadlock', () => {
  test('fails the youngest of those that wait, at once and by name, and the rest go on', async () => {
    const full = pool()
    const events = record(full)
    const [one, other] = await full.clock.until(outcomes([nested(full), nested(full)]))
    expect(one).toBe('done')
    if (!isPoolkeeperError(other)) throw new Error('somebody has to give way')
    expect(other.code).toBe('DEADLOCK')
    expect(full.clock.now()).toBeLessThan(250)
    expect(other.holders).toMatchObject([{ count: 2, site: expect.stringMatching(/test\.ts:14$/) as string }])
    expect(other.waiters).toMatchObject([{ count: 2, site: expect.stringMatching(/test\.ts:16$/) as string }])
    expect(other.message).toMatch(/deadlocked: all 2 connections are held .*2 held since 0\.1 s by \S+:14; 2 waiting since 0\.1 s by \S+:16/)
    expect(ofType(events, 'deadlock')).toMatchObject([{ site: expect.stringMatching(/test\.ts:16$/) as string }])
    expect(full.keeper.stats()).toMatchObject({ used: 0, pending: 0, acquires: { refused: 1 } })
  })

  test('of one connection alone is one as well', async () => {
    const tiny = pool({ max: 1 })
    const [outcome] = await tiny.clock.until(outcomes([nested(tiny)]))
    expect(outcome).toMatchObject({ code: 'DEADLOCK', message: expect.stringContaining('the only connection is held') as string })
  })

  test('is broken as often as it comes', async () => {
    const full = pool({ max: 5 })
    const all = await full.clock.until(outcomes(Array.from({ length: 12 }, () => nested(full))))
    expect(all.filter((outcome) => outcome === 'done').length).toBeGreaterThanOrEqual(3)
    expect(all.every((outcome) => outcome === 'done' || outcome.code === 'DEADLOCK')).toBe(true)
    expect(full.clock.now()).toBeLessThan(1_500)
    expect(full.keeper.stats()).toMatchObject({ used: 0, pending: 0 })
  })

  test('through a transaction within a transaction is one as well', async () => {
    const full = pool()
    const work = (): Promise<unknown> => transaction(full, () => transaction(full, async () => 'done'))
    const all = await full.clock.until(outcomes([work(), work()]))
    expect(all.filter((outcome) => outcome === 'done')).toHaveLength(1)
  })

  test('stays one, whoever else comes to wait', async () => {
    const full = pool()
    const works = outcomes([nested(full), nested(full)])
    for (let more = 0; more < 20; more++) full.clock.after(30 + 10 * more, () => void full.acquire().then((lent) => full.release(lent), () => {}))
    const all = await full.clock.until(works)
    expect(full.clock.now()).toBeLessThan(400)
    expect(all.filter((outcome) => outcome === 'done')).toHaveLength(1)
  })

  test('with `warn` lasts until the deadline: nobody is failed', async () => {
    const full = pool({ detectNestedAcquire: 'warn', acquireTimeoutMillis: 5_000 })
    record(full)
    const all = await full.clock.until(outcomes([nested(full), nested(full)]))
    expect(full.clock.now()).toBeGreaterThan(5_000)
    expect(all.every((outcome) => outcome !== 'done' && outcome.code === 'POOL_EXHAUSTED')).toBe(true)
  })
})

describe('no deadlock is', () => {
  /** Asks for one more, and does not wait for it. */
  const careless = (full: SimulatedPool, goesOn: (held: SimulatedConnection) => Promise<void>): Promise<unknown> =>
    transaction(full, async (held) => {
      const second = full.acquire().then((lent) => full.release(lent))
      await goesOn(held)
      return { second }
    })

  async function expectNoVictim(full: SimulatedPool, works: readonly Promise<unknown>[]): Promise<void> {
    const events = record(full)
    const all = await full.clock.until(outcomes(works))
    expect(all.every((outcome) => outcome === 'done')).toBe(true)
    await full.clock.advance(1_000)
    expect(ofType(events, 'deadlock')).toEqual([])
    expect(full.keeper.stats()).toMatchObject({ used: 0, pending: 0, acquires: { refused: 0, timedOut: 0 } })
  }

  test('work that goes on with statements, though it has one that it does not wait for', async () => {
    const full = pool()
    const goesOn = async (held: SimulatedConnection): Promise<void> => {
      for (let statement = 0; statement < 20; statement++) {
        await full.query(held)
        await sleep(full, 60)
      }
    }
    await expectNoVictim(full, [careless(full, goesOn), careless(full, goesOn)])
  })

  test('work whose statement takes long', async () => {
    const full = pool()
    const goesOn = async (held: SimulatedConnection): Promise<void> => {
      full.server.answerMillis = 2_000
      await full.query(held)
      full.server.answerMillis = 1
    }
    await expectNoVictim(full, [careless(full, goesOn), careless(full, goesOn)])
  })

  test('work beside somebody who holds a connection, and waits for nothing', async () => {
    const full = pool()
    const [other] = await take(full, 1)
    const work = nested(full)
    full.clock.after(2_000, () => void (other && full.release(other)))
    await expectNoVictim(full, [work])
  })

  test('a pool in which a connection is being opened', async () => {
    const full = pool()
    await takeOne(full).then((lent) => full.release(lent))
    full.server.openMillis = 2_000
    await expectNoVictim(full, [nested(full)])
  })

  test('a pool that may still lend above its size', async () => {
    const full = pool({ max: 1, overflow: 1, overflowAfterMillis: 1_000 })
    await expectNoVictim(full, [nested(full)])
  })

  test('a process that does not run: nobody can go on then', async () => {
    const full = pool()
    // One turn of work after each stall: the look comes first, and the work goes on right after it.
    const goesOn = async (): Promise<void> => {
      for (let stall = 0; stall < 10; stall++) await sleep(full, 20)
    }
    const events = record(full)
    const works = outcomes([careless(full, goesOn), careless(full, goesOn)])
    await full.clock.advance(45)
    for (let stall = 0; stall < 10; stall++) {
      await full.clock.stall(150)
      await full.clock.advance(1)
    }
    await full.clock.until(works)
    expect(ofType(events, 'deadlock')).toEqual([])
  })
})
