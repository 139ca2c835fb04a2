import diagnosticsChannel from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { channelName, EVENT_TYPES, type PoolEvent, type PoolEventType } from './events.ts'
import { Reporter, type PoolObserver } from './reporter.ts'
import { VirtualClock } from './testing/index.ts'

let clock: VirtualClock
let reporter: Reporter

beforeEach(() => {
  clock = new VirtualClock()
  reporter = new Reporter('orders', clock)
})

afterEach(() => {
  vi.restoreAllMocks()
})

function emit(): void {
  reporter.emit('retired', { connection: 7, reason: 'idle' })
}

describe('observers', () => {
  test('hear each event, with its type, pool and wall time', async () => {
    const heard: PoolEvent[] = []
    reporter.subscribe((event) => void heard.push(event))
    clock.wallOffset = 1_700_000_000_000
    await clock.advance(5)
    emit()
    expect(heard).toEqual([{ type: 'retired', pool: 'orders', at: 1_700_000_000_005, connection: 7, reason: 'idle' }])
  })

  test('nothing is heard where nobody listens, so that no event need be built', () => {
    expect(EVENT_TYPES.some((type) => reporter.hears(type))).toBe(false)
    expect(reporter.hearsLeases).toBe(false)
    const unsubscribe = reporter.subscribe(() => {})
    expect(EVENT_TYPES.every((type) => reporter.hears(type))).toBe(true)
    expect(reporter.hearsLeases).toBe(true)
    unsubscribe()
    expect(EVENT_TYPES.some((type) => reporter.hears(type))).toBe(false)
  })

  test('one that subscribes twice hears twice, and is undone once at a time', () => {
    const observer = vi.fn()
    const first = reporter.subscribe(observer)
    const second = reporter.subscribe(observer)
    emit()
    expect(observer).toHaveBeenCalledTimes(2)
    first()
    first()
    emit()
    expect(observer).toHaveBeenCalledTimes(3)
    second()
    emit()
    expect(observer).toHaveBeenCalledTimes(3)
  })

  test('P-168: one that throws keeps nothing from the others, and is reported as a warning', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const observer = vi.fn()
    reporter.subscribe(() => {
      throw new Error('observer is broken')
    })
    reporter.subscribe(observer)
    expect(emit).not.toThrow()
    expect(observer).toHaveBeenCalledTimes(1)
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('observer is broken'), {
      type: 'PoolkeeperWarning',
      code: 'POOLKEEPER_OBSERVER_THREW',
    })
  })

  test('one that is asynchronous and rejects is caught like one that throws', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    reporter.subscribe(() => Promise.reject(new Error('observer is broken')))
    emit()
    await Promise.resolve()
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('observer is broken'), expect.anything())
  })

  test.each([[7], ['text'], [null], [{ then: 'no function' }], [Promise.resolve()]])('what an observer returns does not matter: %s', (returned) => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const observer: unknown = () => returned
    reporter.subscribe(observer as PoolObserver)
    expect(emit).not.toThrow()
    expect(warn).not.toHaveBeenCalled()
  })

  test('P-168: one that leaves while it is told keeps nothing from the others', () => {
    const heard: string[] = []
    const unsubscribe = reporter.subscribe(() => {
      heard.push('first')
      unsubscribe()
    })
    reporter.subscribe(() => void heard.push('second'))
    emit()
    emit()
    expect(heard).toEqual(['first', 'second', 'second'])
  })

  test('one that subscribes another while it is told ends', () => {
    let count = 0
    const again = (): void => {
      if (++count < 1_000) reporter.subscribe(again)
    }
    reporter.subscribe(again)
    emit()
    expect(count).toBe(1)
  })
})

describe('diagnostics channels', () => {
  test.each(EVENT_TYPES)('an event of type %s goes to its own channel', (type) => {
    const heard: unknown[] = []
    const listener = (message: unknown): void => void heard.push(message)
    diagnosticsChannel.subscribe(`poolkeeper:${type}`, listener)
    try {
      expect(channelName(type)).toBe(`poolkeeper:${type}`)
      expect(EVENT_TYPES.filter((each) => reporter.hears(each))).toEqual([type])
      expect(reporter.hearsLeases).toBe(type === 'acquired' || type === 'released')
      reporter.emit<PoolEventType>(type, { connection: 7, reason: 'idle' })
      expect(heard).toEqual([expect.objectContaining({ type, pool: 'orders', at: 0 })])
    } finally {
      diagnosticsChannel.unsubscribe(`poolkeeper:${type}`, listener)
    }
  })
})

describe('warnings', () => {
  test('come once a minute for each code', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const texts = (): unknown[] => warn.mock.calls.map(([text]) => text)
    reporter.warn('LEAK', 'first')
    reporter.warn('LEAK', 'too soon')
    reporter.warn('OTHER', 'another code')
    expect(texts()).toEqual(['pool "orders": first', 'pool "orders": another code'])
    await clock.advance(59_999)
    reporter.warn('LEAK', 'still too soon')
    await clock.advance(1)
    reporter.warn('LEAK', 'a minute later')
    expect(texts().slice(2)).toEqual(['pool "orders": a minute later'])
  })
})
