import { describe, expect, test } from 'vitest'
import type { PoolCounts } from '../counts.ts'
import type { PoolEvent } from '../events.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { Waiter } from '../port.ts'
import { policyOf } from '../testing/fixtures.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { SharedKeeper } from './shared-keeper.ts'
import type { SharedPort } from './shared-port.ts'

interface Line {
  /** Milliseconds until it answers; `false`: never. */
  answersAfter: number | false
  isBusy: boolean
}

/** A host whose connections answer as they are told. */
class SimulatedLines implements SharedPort<Line> {
  readonly host = 'simulated'
  readonly lines: Line[] = []
  readonly killed: Line[] = []
  pending: Waiter[] = []
  probes = 0
  readonly retired: Line[] = []
  opened = 0
  isServerThere = true
  isDetached = false
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  counts(): Omit<PoolCounts, 'validating'> {
    const used = this.lines.filter(({ isBusy }) => isBusy).length
    return { used, idle: this.lines.length - used, opening: 0, closing: 0, pending: this.pending.length }
  }

  connections(): readonly Line[] {
    return this.lines
  }

  isIdle(line: Line): boolean {
    return !line.isBusy
  }

  waiters(): readonly Waiter[] {
    return this.pending
  }

  postponeDeadlines(): void {}
  configure(): void {}

  probe(line: Line): Promise<void> {
    this.probes++
    return new Promise((resolve) => {
      if (line.answersAfter !== false) this.#clock.arrival(line.answersAfter, resolve)
    })
  }

  knock(): { answer: Promise<void>; abandon(): void } {
    const answer = new Promise<void>((resolve) => {
      if (this.isServerThere) this.#clock.arrival(2, resolve)
    })
    return { answer, abandon: () => {} }
  }

  kill(line: Line): void {
    this.killed.push(line)
    this.lines.splice(this.lines.indexOf(line), 1)
  }

  retire(lines: readonly Line[]): void {
    this.retired.push(...lines)
  }

  open(count: number): Promise<void> {
    this.opened = count
    return Promise.resolve()
  }

  wake(): void {}

  rejectWaiters(): number {
    return this.pending.splice(0).length
  }

  close(): Promise<void> {
    this.lines.length = 0
    return Promise.resolve()
  }

  detach(): void {
    this.isDetached = true
  }
}

function pool(options: PoolPolicyOptions = {}, count = 3) {
  const clock = new VirtualClock()
  const port = new SimulatedLines(clock)
  const keeper = new SharedKeeper(port, policyOf(options), { clock, draw: () => 0 })
  const events: PoolEvent[] = []
  keeper.subscribe((event) => events.push(event))
  for (let index = 0; index < count; index++) {
    const line: Line = { answersAfter: 1, isBusy: false }
    port.lines.push(line)
    keeper.opened(keeper.opening(), line)
  }
  return { clock, port, keeper, told: (type: PoolEvent['type']) => events.filter((event) => event.type === type) }
}

describe('whether commands may go out', () => {
  test('at once, while all that rest were proven within the window', async () => {
    const { clock, keeper, port } = pool()
    await clock.advance(499)
    expect(keeper.clear()).toBe(true)
    expect(port.probes).toBe(0)
  })

  test('P-051: after it when all of them have answered, each asked once', async () => {
    const { clock, keeper, port } = pool()
    await clock.advance(600)
    const clear = keeper.clear()
    expect(keeper.clear()).not.toBe(true)
    await clock.until(clear as Promise<void>)
    expect(port.probes).toBe(3)
    expect(keeper.clear()).toBe(true)
    expect(keeper.stats().validations).toMatchObject({ ok: 3, failed: 0 })
  })

  test('what answered a command is proven as well, and what is in use is not asked', async () => {
    const { clock, keeper, port } = pool({}, 2)
    const [one, two] = port.lines as [Line, Line]
    await clock.advance(600)
    keeper.busy(one)
    keeper.rested(one)
    two.isBusy = true
    expect(keeper.clear()).toBe(true)
    expect(port.probes).toBe(0)
  })

  test('with a window of 0 a proof counts for who had come before it', async () => {
    const { clock, keeper, port } = pool({ validateAfterIdleMillis: 0 }, 1)
    await clock.advance(600)
    keeper.busy(port.lines[0] as Line)
    keeper.rested(port.lines[0] as Line)
    const cameAt = clock.now()
    await clock.until(keeper.clear(cameAt + 1) as Promise<void>)
    expect(keeper.clear(cameAt)).toBe(true)
    expect(keeper.clear()).not.toBe(true)
  })

  test('not while the pool is paused', async () => {
    const { clock, keeper } = pool()
    keeper.pause()
    const clear = keeper.clear()
    expect(clear).not.toBe(true)
    keeper.resume()
    await clock.until(clear as Promise<void>)
    expect(keeper.clear()).toBe(true)
  })
})

describe('P-054: a connection that does not answer', () => {
  test('is killed soon where the server answers a knock, and its peers with it', async () => {
    const { clock, keeper, port, told } = pool()
    await clock.advance(600)
    for (const line of port.lines) line.answersAfter = false
    await clock.until(keeper.clear() as Promise<void>)
    expect(clock.now()).toBeLessThan(600 + 510)
    expect(port.killed).toHaveLength(3)
    expect(told('generationBumped')).toHaveLength(1)
    expect(told('rivalStarted')).toHaveLength(1)
    expect(keeper.clear()).toBe(true)
  })

  test('is killed at its deadline where the server answers nobody', async () => {
    const { clock, keeper, port } = pool()
    await clock.advance(600)
    port.isServerThere = false
    for (const line of port.lines) line.answersAfter = false
    await clock.until(keeper.clear() as Promise<void>)
    expect(clock.now()).toBe(1_600)
    expect(keeper.stats().validations).toMatchObject({ ok: 0, timedOut: 3 })
  })

  test('lives when it is only slow, and so is the server', async () => {
    const { clock, keeper, port } = pool()
    await clock.advance(600)
    port.isServerThere = false
    for (const line of port.lines) line.answersAfter = 900
    await clock.until(keeper.clear() as Promise<void>)
    expect(port.killed).toEqual([])
    expect(keeper.stats().validations.ok).toBe(3)
  })
})

test('one death makes the others prove themselves, at once while the pool is in use', async () => {
  const { clock, keeper, port, told } = pool()
  keeper.admit()
  const [dead, ...others] = port.lines as [Line, ...Line[]]
  port.lines.splice(0, 1)
  keeper.closed(dead, 'fatal', new Error('gone'))
  expect(port.probes).toBe(others.length)
  expect(told('generationBumped')).toHaveLength(1)
  await clock.advance(5)
  expect(keeper.stats()).toMatchObject({ generation: 1, closes: { fatal: 1 }, validations: { ok: 2 } })
})

test('P-059: what rests is kept alive when the policy names it, and left alone when nobody uses the pool', async () => {
  const kept = pool({ keepaliveMillis: 1_000 })
  await kept.clock.advance(5_000)
  expect(kept.port.probes).toBeGreaterThanOrEqual(3 * 4)
  const quiet = pool()
  await quiet.clock.advance(600_000)
  expect(quiet.port.probes).toBe(0)
})

test('the minimum is kept when the policy names it', async () => {
  const { clock, keeper, port } = pool({ min: 4 }, 1)
  keeper.start()
  await clock.advance(5_000)
  expect(port.opened).toBe(4)
})

test('P-160: a drain refuses who comes, rejects who waits, and names what was in use at its deadline', async () => {
  const { clock, keeper, port } = pool()
  const line = port.lines[0] as Line
  line.isBusy = true
  keeper.busy(line)
  port.pending = [{ since: 0, origin: undefined }]
  const draining = keeper.drain({ timeoutMillis: 1_000 })
  expect(keeper.admit()?.code).toBe('DRAINING')
  const report = await clock.until(draining)
  expect(report).toMatchObject({ clean: false, durationMillis: 1_000, rejectedWaiters: 1, blockers: [{ connection: 1 }] })
  expect(keeper.health().status).toBe('down')
})

test('what this host cannot do is refused, by name', async () => {
  const { keeper } = pool()
  await expect(keeper.resize()).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
})

test('P-132: recycling is done when the last of the old ones is gone, and evicting leaves the minimum', async () => {
  const { clock, keeper, port, told } = pool({ min: 1 })
  const evicting = keeper.evictIdle()
  expect(port.retired).toHaveLength(2)
  for (const line of port.retired.splice(0)) {
    port.lines.splice(port.lines.indexOf(line), 1)
    keeper.closed(line, 'fatal')
  }
  expect(await clock.until(evicting)).toBe(2)
  const recycling = keeper.recycle()
  const [last] = port.retired as [Line]
  keeper.closed(last, 'fatal')
  await clock.until(recycling)
  expect(keeper.stats().closes).toMatchObject({ idle: 2, recycle: 1, fatal: 0 })
  expect(told('generationBumped')).toEqual([])
})
