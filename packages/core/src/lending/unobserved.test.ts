import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { PoolEvent } from '../events.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { HostCounts, LendingPort } from '../port.ts'
import { policyOf } from '../testing/fixtures.ts'
import { simulatePool, VirtualClock } from '../testing/index.ts'
import { LendingKeeper } from './lending-keeper.ts'

class CountingClock extends VirtualClock {
  reads = 0
  wallReads = 0

  override now(): number {
    this.reads++
    return super.now()
  }

  override wallNow(): number {
    this.wallReads++
    return super.wallNow()
  }
}

const above = (): void => {}

/** A keeper with one connection that was proven a moment ago, and what a host tells it in the course of one lease. */
function oneLease(options: PoolPolicyOptions = {}): { clock: CountingClock; keeper: LendingKeeper<object>; lease(): void } {
  const clock = new CountingClock()
  const counts: HostCounts = { used: 0, idle: 1, withdrawn: 0, opening: 0, closing: 0, pending: 0 }
  const port = { counts: () => counts, idle: () => [], lent: () => [], isBroken: () => false, transactionStatus: () => 'idle' }
  const keeper = new LendingKeeper<object>(port as unknown as LendingPort<object>, policyOf(options), { clock })
  const connection = {}
  keeper.opened(keeper.opening(), connection)
  const lease = (): void => {
    expect(keeper.admit()).toBeUndefined()
    const origin = keeper.origin(above)
    expect(keeper.lend(connection)).toBe(true)
    keeper.acquired(connection, undefined, origin)
    expect(keeper.returned(connection, above)).toBe('keep')
    keeper.settled()
  }
  return { clock, keeper, lease }
}

describe('a checkout that nobody looks at', () => {
  test('reads the clock for its proof, once when it begins and once when it ends', () => {
    const { clock, lease } = oneLease()
    lease()
    const [reads, wallReads] = [clock.reads, clock.wallReads]
    const realTime = [vi.spyOn(performance, 'now'), vi.spyOn(Date, 'now')]
    lease()
    expect(realTime.map((spy) => spy.mock.calls.length)).toEqual([0, 0])
    for (const spy of realTime) spy.mockRestore()
    expect(clock.reads - reads).toBe(2)
    // Whether this process stood still in between.
    expect(clock.wallReads - wallReads).toBeLessThanOrEqual(1)
  })

  test('costs no look at the clock more when somebody does, but the time of each event', () => {
    const { clock, keeper, lease } = oneLease()
    lease()
    const [before, wallBefore] = [clock.reads, clock.wallReads]
    lease()
    const [unheard, wallUnheard] = [clock.reads - before, clock.wallReads - wallBefore]
    const events: PoolEvent[] = []
    keeper.subscribe((event) => void events.push(event))
    lease()
    expect(events.map(({ type }) => type)).toEqual(['acquired', 'released'])
    expect(clock.reads - before - unheard).toBe(unheard)
    expect(clock.wallReads - wallBefore - wallUnheard).toBe(wallUnheard + events.length)
  })

  test('leaves nothing behind for Node to follow, also when it had to wait', async () => {
    const followed: string[] = []
    const hook = createHook({ init: (_id, type) => void followed.push(type) }).enable()
    onTestFinished(() => void hook.disable())
    const { lease } = oneLease()
    lease()
    followed.length = 0
    lease()
    expect(followed).toEqual([])
    const pool = simulatePool({ policy: { max: 1 } })
    const leave = pool.keeper.subscribe(() => {})
    await waitOnce(pool)
    expect(followed).not.toContain('POOLKEEPER_ACQUIRE')
    leave()
  })
})

async function waitOnce({ acquire, clock, release }: ReturnType<typeof simulatePool>): Promise<void> {
  const held = await clock.until(acquire())
  const waiting = acquire()
  await clock.advance(10)
  release(held)
  release(await clock.until(waiting))
}

describe('an observer that asks to be told within the caller', () => {
  const request = new AsyncLocalStorage<string>()

  test('hears of the end of each wait within the context in which the caller asked', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 } })
    const heard: unknown[] = []
    pool.keeper.subscribe(({ type }) => void heard.push([type, request.getStore()]), { withinCaller: true })
    const held = await request.run('holder', () => pool.clock.until(pool.acquire()))
    heard.length = 0
    const first = request.run('first', () => pool.acquire())
    const second = request.run('second', () => pool.acquire())
    const late = request.run('late', () => pool.acquire().catch(() => 'left'))
    await pool.clock.advance(10)
    request.run('holder', () => pool.release(held))
    const lent = await pool.clock.until(first)
    request.run('first', () => pool.release(lent))
    expect(await pool.clock.until(second)).toBe(lent)
    await pool.clock.advance(1_000)
    expect(await late).toBe('left')
    const ends = heard.filter((entry) => String((entry as string[])[0]).startsWith('acquire'))
    expect(ends).toEqual([['acquired', 'first'], ['acquired', 'second'], ['acquireFailed', 'late']])
  })

  test('and leaves costs nobody anything any more, also when it leaves twice', () => {
    const { keeper } = oneLease()
    const undos = [0, 1].map(() => keeper.subscribe(() => {}, { withinCaller: true }))
    keeper.subscribe(() => {})
    expect(keeper.wantsContext).toBe(true)
    undos[0]?.()
    undos[0]?.()
    expect(keeper.wantsContext).toBe(true)
    undos[1]?.()
    expect(keeper.wantsContext).toBe(false)
  })
})
