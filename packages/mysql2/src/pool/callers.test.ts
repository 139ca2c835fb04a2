import { VirtualClock } from '@poolkeeper/core/testing'
import { describe, expect, test } from 'vitest'
import { Caller, Callers } from './callers.ts'
import type { Mysql2Queue, PoolConnection } from './mysql2-pool.ts'

/** As mysql2's own queues, as far as they are used. */
class ArrayQueue<T> implements Mysql2Queue<T> {
  readonly #items: T[] = []

  get length(): number {
    return this.#items.length
  }

  get(index: number): T | undefined {
    return this.#items[index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  unshift(item: T): void {
    this.#items.unshift(item)
  }

  shift(): T | undefined {
    return this.#items.shift()
  }

  pop(): T | undefined {
    return this.#items.pop()
  }

  removeOne(index: number): void {
    this.#items.splice(index, 1)
  }

  toArray(): T[] {
    return [...this.#items]
  }
}

const connection = (): PoolConnection => ({}) as PoolConnection

function setUp(timeoutMillis = 1_000): { clock: VirtualClock; callers: Callers; expired: number[]; come: () => Caller } {
  const clock = new VirtualClock()
  const expired: number[] = []
  const callers = new Callers(new ArrayQueue(), clock, (caller) => {
    expired.push(caller.number)
    callers.dismiss(caller)
  })
  callers.configure(timeoutMillis)
  const come = (): Caller => {
    const caller = new Caller(() => {}, undefined)
    callers.enqueue(caller)
    return caller
  }
  return { clock, callers, expired, come }
}

describe('callers', () => {
  test('are served in the order of their coming', () => {
    const { callers, come } = setUp()
    const [first, second] = [come(), come()]
    expect(callers.all()).toEqual([first, second])
    const served = [callers.next(), callers.next()]
    expect(served).toEqual([first, second])
    for (const caller of served) callers.served(caller)
    expect(callers.count).toBe(0)
  })

  test('whose connections were unfit go back to where they stood, in whatever order that is known', () => {
    const { callers, come } = setUp()
    const [first, second, third] = [come(), come(), come()]
    const asked = [callers.next(), callers.next()]
    for (const caller of asked) callers.ask(caller, connection())
    for (const caller of [...asked].reverse()) {
      callers.answered(caller)
      callers.requeue(caller)
    }
    expect([callers.next(), callers.next(), callers.next()]).toEqual([first, second, third])
  })

  test('for whom a verdict is awaited wait as well', () => {
    const { callers, come } = setUp()
    const [first, second] = [come(), come()]
    const asked = connection()
    callers.ask(callers.next(), asked)
    expect(callers.all()).toEqual([first, second])
    expect([callers.queued, callers.count, callers.isAsking(asked)]).toEqual([1, 2, true])
  })

  test('get the connection for which theirs was exchanged', () => {
    const { callers, come } = setUp()
    come()
    const caller = callers.next()
    const [silent, proven] = [connection(), connection()]
    callers.ask(caller, silent)
    callers.exchange(silent, proven)
    expect(callers.isAsking(silent)).toBe(false)
    expect(callers.answered(caller)).toBe(proven)
    expect(callers.answered(caller)).toBeUndefined()
  })
})

describe('deadlines', () => {
  test('are each caller\'s own, behind one timer', async () => {
    const { clock, expired, come } = setUp(1_000)
    come()
    await clock.advance(400)
    come()
    await clock.advance(599)
    expect(expired).toEqual([])
    await clock.advance(2)
    expect(expired).toEqual([1])
    await clock.advance(400)
    expect(expired).toEqual([1, 2])
  })

  test('pass over those who were served, and are kept for those who came after', async () => {
    const { clock, callers, expired, come } = setUp(1_000)
    come()
    callers.served(callers.next())
    await clock.advance(900)
    come()
    await clock.advance(200)
    expect(expired).toEqual([])
    await clock.advance(1_000)
    expect(expired).toEqual([2])
  })

  test('hold while a verdict is awaited', async () => {
    const { clock, callers, expired, come } = setUp(1_000)
    come()
    callers.ask(callers.next(), connection())
    await clock.advance(1_001)
    expect(expired).toEqual([1])
    expect(callers.all()).toEqual([])
  })

  test('are later by the time in which this process did not run', async () => {
    const { clock, callers, expired, come } = setUp(1_000)
    come()
    await clock.advance(500)
    callers.postpone(300)
    await clock.advance(700)
    expect(expired).toEqual([])
    await clock.advance(200)
    expect(expired).toEqual([1])
  })

  test('may be changed, and given up, while callers wait', async () => {
    const { clock, callers, expired, come } = setUp(1_000)
    come()
    callers.configure(Infinity)
    come()
    await clock.advance(10_000)
    expect(expired).toEqual([])
    callers.configure(10_500)
    await clock.advance(501)
    expect(expired).toEqual([1, 2])
  })
})
