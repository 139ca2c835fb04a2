import { describe, expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { simulatePool, VirtualClock } from '../testing/index.ts'
import { ofType, record, takeOne } from '../testing/scenario.ts'
import { Waiting } from './waiting.ts'
import { WaitingList } from './waiting-list.ts'

class Guest extends Waiting {
  readonly name: string

  constructor(name = '') {
    super(undefined)
    this.name = name
  }
}

interface Room {
  readonly clock: VirtualClock
  readonly list: WaitingList<Guest>
  /** Who was answered at his deadline, and when. */
  readonly answered: [name: string, at: number][]
  /** Somebody begins to wait now. */
  come(name?: string): Guest
}

function room(timeoutMillis = 1_000, timersOf?: (clock: VirtualClock) => Clock['after']): Room {
  const clock = new VirtualClock()
  const answered: Room['answered'] = []
  const timed: Clock = {
    now: () => clock.now(),
    wallNow: () => clock.wallNow(),
    afterInput: (callback) => clock.afterInput(callback),
    after: timersOf?.(clock) ?? ((millis, callback) => clock.after(millis, callback)),
  }
  const list = new WaitingList<Guest>(timed, ({ name }) => answered.push([name, clock.now()]))
  list.configure(timeoutMillis)
  const come = (name?: string): Guest => {
    const guest = new Guest(name)
    list.add(guest)
    return guest
  }
  return { clock, list, answered, come }
}

describe('those who wait', () => {
  test('stand in the order of their coming, and are numbered by it', () => {
    const { list, come } = room()
    const [first, second, third] = [come(), come(), come()]
    expect(list.take(second)).toBe(true)
    expect(list.all()).toEqual([first, third])
    expect(list.first).toBe(first)
    expect([first, second, third].map(({ number }) => number)).toEqual([1, 2, 3])
    expect(list.count).toBe(2)
  })

  test('leave once, and can say later for how long they waited', async () => {
    const { clock, list, come } = room()
    const guest = come()
    await clock.advance(300)
    expect([list.take(guest), list.take(guest)]).toEqual([true, false])
    expect(guest.waitedMillis(clock.now())).toBe(300)
  })

  test('do not include whoever was served in the turn in which he asked', () => {
    const { list } = room()
    const guest = new Guest()
    expect(list.take(guest)).toBe(false)
    expect([guest.since, guest.waitedMillis(1_000)]).toEqual([undefined, 0])
  })
})

describe('the deadlines of those who wait', () => {
  test('are each one\'s own: a full timeout after he came', async () => {
    const { clock, list, answered, come } = room(1_000)
    for (const name of ['early', 'late', 'later']) {
      come(name)
      await clock.advance(100)
    }
    await clock.advance(2_000)
    expect(answered).toEqual([['early', 1_000], ['late', 1_100], ['later', 1_200]])
    expect(list.count).toBe(0)
  })

  test('are one timer for all, and none when nobody waits', () => {
    const { clock, list, come } = room()
    const all = Array.from({ length: 1_000 }, () => come())
    expect(clock.pendingTimers).toBe(1)
    for (const guest of all) list.take(guest)
    expect(clock.pendingTimers).toBe(0)
  })

  test('keep the process alive while somebody waits', () => {
    const kept: unknown[] = []
    const { list } = room(1_000, (clock) => (millis, callback, isAwaited) => {
      kept.push(isAwaited)
      return clock.after(millis, callback)
    })
    list.add(new Guest())
    expect(kept).toEqual([true])
  })

  test('pass over those who were served meanwhile', async () => {
    const { clock, list, answered, come } = room(1_000)
    const served = come('served')
    await clock.advance(900)
    come('waiting')
    list.take(served)
    await clock.advance(5_000)
    expect(answered).toEqual([['waiting', 1_900]])
  })

  test('pass once, also for one whose answer takes its time', async () => {
    const { clock, list, answered, come } = room(100)
    come('slow')
    await clock.advance(10_000)
    expect(answered).toEqual([['slow', 100]])
    expect([list.count, clock.pendingTimers]).toEqual([0, 0])
  })

  test('do not answer a caller twice who was served in the very moment', async () => {
    const { clock, list, answered, come } = room(100)
    const guest = come()
    clock.arrival(100, () => void list.take(guest))
    await clock.advance(1_000)
    expect(answered).toEqual([])
  })

  test('hold for the others when the answer to one throws', async () => {
    const clock = new VirtualClock()
    const answered: string[] = []
    const list = new WaitingList<Guest>(clock, ({ name }) => {
      answered.push(name)
      if (name === 'first') throw new Error('from the code of a user')
    })
    list.configure(100)
    for (const name of ['first', 'second']) list.add(new Guest(name))
    await expect(clock.advance(100)).rejects.toThrow('from the code of a user')
    await clock.advance(100)
    expect(answered).toEqual(['first', 'second'])
    expect([list.count, clock.pendingTimers]).toEqual([0, 0])
  })

  test('hold for one who comes while another is answered', async () => {
    const clock = new VirtualClock()
    const answered: [string, number][] = []
    const list = new WaitingList<Guest>(clock, ({ name }) => {
      answered.push([name, clock.now()])
      if (name === 'first') list.add(new Guest('second'))
    })
    list.configure(100)
    list.add(new Guest('first'))
    await clock.advance(1_000)
    expect(answered).toEqual([['first', 100], ['second', 200]])
  })

  test('are later by the time in which this process did not run', async () => {
    const { clock, list, answered, come } = room(1_000)
    come('stopped')
    await clock.advance(500)
    list.postpone(300)
    come('after')
    await clock.advance(2_000)
    expect(answered).toEqual([['stopped', 1_300], ['after', 1_500]])
  })

  test('change with the timeout for those who wait already, earlier as well as later', async () => {
    const { clock, list, answered, come } = room(1_000)
    come('first')
    await clock.advance(500)
    list.configure(5_000)
    come('second')
    await clock.advance(1_000)
    expect(answered).toEqual([])
    list.configure(1_200)
    await clock.advance(1_000)
    expect(answered).toEqual([['first', 1_501], ['second', 1_700]])
  })

  test('are none without a timeout, until there is one', async () => {
    const { clock, list, answered, come } = room(Infinity)
    come('patient')
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(100_000)
    list.configure(100_500)
    await clock.advance(1_000)
    expect(answered).toEqual([['patient', 100_500]])
  })

  test('may be farther away than a timer can be: one that ends early is set again', async () => {
    const longest = 1_000
    const { clock, answered, come } = room(10_500, (real) => (millis, callback) => real.after(Math.min(millis, longest), callback))
    come('patient')
    await clock.advance(10_499)
    expect(answered).toEqual([])
    await clock.advance(1)
    expect(answered).toEqual([['patient', 10_500]])
  })
})

describe('two hundred thousand who wait', () => {
  const MANY = 200_000

  /** Counts how often anybody's time is looked at. */
  class Watched extends Guest {
    static looks = 0

    constructor() {
      super()
      let since: number | undefined
      Object.defineProperty(this, 'since', {
        get: () => {
          Watched.looks++
          return since
        },
        set: (value: number) => (since = value),
      })
    }
  }

  function crowd(count: number): { clock: VirtualClock; list: WaitingList<Watched>; answered: () => number } {
    const clock = new VirtualClock()
    let answered = 0
    const list = new WaitingList<Watched>(clock, () => answered++)
    list.configure(1_000)
    for (let each = 0; each < count; each++) list.add(new Watched())
    return { clock, list, answered: () => answered }
  }

  test('are all answered at their deadline', async () => {
    const { clock, list, answered } = crowd(MANY)
    await clock.advance(1_000)
    expect([answered(), list.count, clock.pendingTimers]).toEqual([MANY, 0, 0])
  })

  test.each([10, MANY])('cost a deadline no more than few do: of %i, one is answered after few looks', async (count) => {
    const { clock, list, answered } = crowd(1)
    await clock.advance(500)
    for (let each = 1; each < count; each++) list.add(new Watched())
    Watched.looks = 0
    await clock.advance(500)
    expect(answered()).toBe(1)
    expect(Watched.looks).toBeLessThanOrEqual(3)
  })
})

describe('P-087: an event loop that was blocked over a deadline', () => {
  test('serves the caller whose connection came back unread, instead of failing him', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 }, answerMillis: 900 })
    const held = await takeOne(pool)
    void pool.query(held).then(() => pool.release(held))
    const waiting = pool.acquire()
    await pool.clock.advance(500)
    await pool.clock.stall(2_000)
    expect(await waiting).toBe(held)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: 2, timedOut: 0 })
  })

  test('fails him when nothing had arrived, and says that this process was blocked', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 1_000 } })
    await takeOne(pool)
    const waiting = pool.acquire().catch((error: unknown) => error)
    await pool.clock.advance(500)
    await pool.clock.stall(2_000)
    expect(((await waiting) as Error).message).toContain('the event loop of this process was blocked for 1500 ms')
  })
})

describe('a process that was stopped for half a minute', () => {
  test('does not hold it against those who wait: each has what was left of his deadline', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 5_000 } })
    const events = record(pool)
    const held = await takeOne(pool)
    const since = pool.clock.now()
    const waiting = pool.acquire()
    await pool.clock.advance(1_000)
    await pool.clock.stall(30_000)
    expect(ofType(events, 'froze')).toHaveLength(1)
    await pool.clock.advance(3_000)
    expect(pool.keeper.stats().pending).toBe(1)
    pool.release(held)
    await pool.clock.until(waiting)
    expect(pool.clock.now() - since).toBeGreaterThanOrEqual(34_000)
    expect(ofType(events, 'acquired').at(-1)?.waitMillis).toBeLessThan(5_000)
  })

  test('still answers him at the end of it', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 5_000 } })
    await takeOne(pool)
    const waiting = pool.acquire().catch((error: unknown) => error)
    await pool.clock.advance(1_000)
    await pool.clock.stall(30_000)
    await pool.clock.advance(4_500)
    expect(await waiting).toMatchObject({ code: 'POOL_EXHAUSTED' })
  })
})
