import { forgetKeeper, registerKeeper, type PoolKeeper } from '@poolkeeper/core'
import { simulatePool, VirtualClock } from '@poolkeeper/core/testing'
import { afterEach, expect, test } from 'vitest'
import type { Sink } from './ask.ts'
import type { Frame, Hello, History } from './frames.ts'
import { settingsOf, type DashboardOptions } from './options.ts'
import { RecentEvents, type EventLine } from './recent-events.ts'
import { Watch } from './watch.ts'

const undo: (() => void)[] = []

afterEach(() => {
  for (const one of undo.splice(0)) one()
})

function attend<K extends PoolKeeper>(keeper: K): K {
  const host = {}
  undo.push(() => forgetKeeper(host))
  registerKeeper(host, keeper, {})
  return keeper
}

function watchWith(options: DashboardOptions = {}): { clock: VirtualClock; watch: Watch } {
  const clock = new VirtualClock()
  const events = new RecentEvents(options.statements ?? false)
  undo.push(() => events.close())
  return { clock, watch: new Watch(settingsOf({ clock, ...options }), events) }
}

interface Messages {
  readonly hello: Hello
  readonly history: History
  readonly events: readonly EventLine[]
  readonly pools: Frame
}

/** A client that reads what it is told. */
class Client implements Sink {
  isBlocked = false
  isClosing = false
  isEnded = false
  text = ''

  write(text: string): void {
    this.text += text
  }

  end(): void {
    this.isEnded = true
  }

  heard<T extends keyof Messages>(type: T): Messages[T][] {
    return this.text.split('\n\n').flatMap((message) => {
      const [, event, data] = /(?:^|\n)event: (\w+)\ndata: (.*)$/.exec(message) ?? []
      return event === type && data !== undefined ? [JSON.parse(data) as Messages[T]] : []
    })
  }
}

test('who comes is told what is offered, what was, what went wrong, and what is', () => {
  const { watch } = watchWith({ authorize: () => true, operations: ['pause'] })
  attend(simulatePool({ policy: { name: 'orders', max: 4 } }).keeper)
  const client = new Client()
  watch.add(client)
  expect(client.text).toMatch(/^retry: 2000\nevent: hello\ndata: \{.*\}\n\nevent: history\ndata: .*\n\nevent: events\ndata: \[\]\n\nevent: pools\ndata: .*\n\n$/)
  expect(client.heard('hello')).toEqual([{ operations: ['pause'], statements: false }])
  expect(client.heard('history')).toEqual([[['orders', [[0, 0, 0, 0, 0, 4]]]]])
  expect(client.heard('pools')).toMatchObject([{ at: 0, otherPools: 0, pools: [{ name: 'orders', max: 4, used: 0, status: 'up' }] }])
})

test('every second brings a moment; who comes later is told of those before', { timeout: 30_000 }, async () => {
  const { clock, watch } = watchWith()
  attend(simulatePool({ policy: { name: 'orders' } }).keeper)
  const [first, second] = [new Client(), new Client()]
  watch.add(first)
  await clock.advance(3_000)
  expect(first.heard('pools').map(({ at }) => at)).toEqual([0, 1_000, 2_000, 3_000])
  watch.add(second)
  expect(second.heard('history')[0]?.[0]?.[1].map(([at]) => at)).toEqual([0, 1_000, 2_000, 3_000])
  await clock.advance(400_000)
  const third = new Client()
  watch.add(third)
  expect(third.heard('history')[0]?.[0]?.[1]).toHaveLength(300)
})

test('while nobody watches there is no timer, and nothing is kept', async () => {
  const { clock, watch } = watchWith()
  attend(simulatePool().keeper)
  expect(clock.pendingTimers).toBe(0)
  const leave = watch.add(new Client())
  await clock.advance(5_000)
  expect(clock.pendingTimers).toBe(1)
  leave()
  leave()
  expect([clock.pendingTimers, watch.watchers]).toEqual([0, 0])
  const later = new Client()
  watch.add(later)
  expect(later.heard('history')[0]?.[0]?.[1]).toHaveLength(1)
})

test('who is behind misses moments in place of piling them up, and is let go when he stays so', async () => {
  const { clock, watch } = watchWith()
  const [slow, gone] = [new Client(), new Client()]
  watch.add(slow)
  watch.add(gone)
  slow.isBlocked = true
  gone.isBlocked = true
  await clock.advance(20_000)
  slow.isBlocked = false
  await clock.advance(20_000)
  expect(slow.heard('pools')).toHaveLength(21)
  expect(gone.heard('pools')).toHaveLength(1)
  expect([slow.isEnded, gone.isEnded, watch.watchers]).toEqual([false, true, 1])
})

test('a stream ends when its server closes, and after ten minutes, so that it is authorised again', async () => {
  const { clock, watch } = watchWith()
  const [first, second] = [new Client(), new Client()]
  watch.add(first)
  watch.add(second)
  first.isClosing = true
  await clock.advance(1_000)
  expect([first.isEnded, second.isEnded]).toEqual([true, false])
  await clock.advance(10 * 60_000)
  expect([second.isEnded, clock.pendingTimers]).toEqual([true, 0])
})

test('all streams end when the dashboard is closed', () => {
  const { watch } = watchWith()
  const client = new Client()
  watch.add(client)
  watch.close()
  expect([client.isEnded, watch.watchers]).toEqual([true, 0])
})

test('no name can break out of its line', () => {
  const { watch } = watchWith()
  const name = 'a\n\nevent: pools\ndata: {}\r\r <script>alert(1)</script> __proto__'
  attend(simulatePool({ policy: { name } }).keeper)
  attend(simulatePool({ policy: { name: '__proto__' } }).keeper)
  const client = new Client()
  watch.add(client)
  expect(client.heard('pools').map(({ pools }) => pools.map((pool) => pool.name))).toEqual([[name, '__proto__']])
  expect(client.text).not.toContain('\r')
})

test('who holds what, and what he said last only where that is wanted', async () => {
  const pool = simulatePool({ policy: { leakThresholdMillis: 60_000 } })
  attend(pool.keeper)
  const connection = await pool.clock.until(pool.acquire())
  await pool.clock.until(pool.query(connection, 'select secret'))
  const [closed, open] = [new Client(), new Client()]
  watchWith().watch.add(closed)
  watchWith({ statements: true }).watch.add(open)
  expect(closed.heard('pools')[0]?.pools[0]?.connections).toMatchObject([{ connection: 1, state: 'used', uses: 1 }])
  expect(closed.heard('pools')[0]?.pools[0]?.connections[0]?.site).toContain('watch.test.ts')
  expect(closed.text).not.toContain('secret')
  expect(open.heard('pools')[0]?.pools[0]?.connections[0]?.statement).toBe('select secret')
})

test('a pool that cannot say how it is hides nothing else', () => {
  const { watch } = watchWith()
  const fail = (): never => {
    throw new Error('no answer')
  }
  attend(Object.assign(simulatePool({ policy: { name: 'broken', max: 7 } }).keeper, { health: fail, explain: fail }))
  attend(simulatePool({ policy: { name: 'orders' } }).keeper)
  const client = new Client()
  watch.add(client)
  expect(client.heard('pools')[0]?.pools).toMatchObject([{ name: 'broken', max: 7, status: 'unknown', connections: [] }, { name: 'orders', status: 'up' }])
})

test('more pools than a person reads are counted, and not shown', { timeout: 30_000 }, () => {
  const { watch } = watchWith()
  for (let number = 0; number < 103; number++) attend(simulatePool({ policy: { name: `tenant ${number}` } }).keeper)
  const client = new Client()
  watch.add(client)
  expect(client.heard('pools').map(({ pools, otherPools }) => [pools.length, otherPools])).toEqual([[100, 3]])
})

test('what went wrong before anybody looked is told, a storm of one kind as one line', async () => {
  const { clock, watch } = watchWith()
  const pool = simulatePool({ policy: { name: 'orders', max: 1, acquireTimeoutMillis: 100 } })
  attend(pool.keeper)
  await pool.clock.until(pool.acquire())
  for (let caller = 0; caller < 3; caller++) await expect(pool.clock.until(pool.acquire())).rejects.toThrow('orders')
  const client = new Client()
  watch.add(client)
  expect(client.heard('events')).toMatchObject([[{ pool: 'orders', type: 'acquireFailed', level: 'error', times: 3 }]])
  await clock.advance(2_000)
  expect(client.heard('events')).toHaveLength(1)
  pool.keeper.pause()
  await clock.advance(2_000)
  expect(client.heard('events').map((lines) => lines.map(({ type }) => type))).toEqual([['acquireFailed'], ['paused', 'acquireFailed']])
})

test('a leak is told without the statement that its holder sent, unless statements are wanted', async () => {
  const texts = await Promise.all(
    [false, true].map(async (statements) => {
      const { watch } = watchWith({ statements })
      const pool = simulatePool({ policy: { leakThresholdMillis: 1_000 } })
      attend(pool.keeper)
      const connection = await pool.clock.until(pool.acquire())
      await pool.clock.until(pool.query(connection, 'select secret'))
      await pool.clock.advance(60_000)
      const client = new Client()
      watch.add(client)
      return JSON.stringify(client.heard('events'))
    }),
  )
  expect(texts.map((text) => [text.includes('leaked'), text.includes('secret')])).toEqual([[true, false], [true, true]])
})
