import { expect, test } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

/** A clock, and what happened on it: `note(name)` is a callback that writes down its name and the time. */
function notebook(): { clock: VirtualClock; notes: string[]; note: (name: string) => () => void } {
  const clock = new VirtualClock()
  const notes: string[] = []
  return { clock, notes, note: (name) => () => void notes.push(`${name}@${clock.now()}`) }
}

test('time stands still until somebody lets it pass', async () => {
  const { clock, notes, note } = notebook()
  clock.after(0, note('now'))
  await Promise.resolve()
  expect(clock.now()).toBe(0)
  expect(notes).toEqual([])
})

test('timers fire in the order of their moments, each at its own', async () => {
  const { clock, notes, note } = notebook()
  clock.after(30, note('third'))
  clock.after(10, note('first'))
  clock.after(20, note('second'))
  await clock.advance(30)
  expect(notes).toEqual(['first@10', 'second@20', 'third@30'])
})

test('of two timers that are due at the same moment, the one that was set first fires first', async () => {
  const { clock, notes, note } = notebook()
  for (const name of ['a', 'b', 'c']) clock.after(10, note(name))
  await clock.advance(10)
  expect(notes).toEqual(['a@10', 'b@10', 'c@10'])
})

test('a timer beyond the time that passes does not fire', async () => {
  const { clock, notes, note } = notebook()
  clock.after(11, note('late'))
  await clock.advance(10)
  expect(notes).toEqual([])
  expect(clock.pendingTimers).toBe(1)
  expect(clock.now()).toBe(10)
})

test('a cancelled timer does not fire, also when it is cancelled by another of the same moment', async () => {
  const { clock, notes, note } = notebook()
  clock.after(10, () => second.cancel())
  const second = clock.after(10, note('second'))
  const third = clock.after(20, note('third'))
  third.cancel()
  await clock.advance(30)
  expect(notes).toEqual([])
  expect(clock.pendingTimers).toBe(0)
})

test('what a timer sets off in promises is settled before the next timer', async () => {
  const { clock, notes, note } = notebook()
  clock.after(10, () => {
    void Promise.resolve()
      .then(() => Promise.resolve())
      .then(note('chain'))
  })
  clock.after(20, note('timer'))
  await clock.advance(20)
  expect(notes).toEqual(['chain@10', 'timer@20'])
})

test('a timer that is set by a timer fires within the same advance when it is due', async () => {
  const { clock, notes, note } = notebook()
  clock.after(10, () => void clock.after(5, note('child')))
  await clock.advance(20)
  expect(notes).toEqual(['child@15'])
})

test('a delay below zero is no delay', async () => {
  const { clock, notes, note } = notebook()
  await clock.advance(10)
  clock.after(-5, note('now'))
  await clock.advance(0)
  expect(notes).toEqual(['now@10'])
})

test('at one moment come timers first, then arrivals from the network, then what waits for input', async () => {
  const { clock, notes, note } = notebook()
  clock.after(10, () => clock.afterInput(note('after input')))
  clock.arrival(10, note('arrival'))
  clock.after(10, note('timer'))
  await clock.advance(10)
  expect(notes).toEqual(['timer@10', 'arrival@10', 'after input@10'])
})

test('a stall makes everything late: timers run first, though an answer had arrived before them', async () => {
  const { clock, notes, note } = notebook()
  clock.arrival(5, note('answer'))
  clock.after(1_000, () => {
    note('deadline')()
    clock.afterInput(note('judged'))
  })
  await clock.stall(2_000)
  expect(notes).toEqual(['deadline@2000', 'answer@2000', 'judged@2000'])
})

test('the wall clock may be wrong, and the monotonic one does not care', async () => {
  const clock = new VirtualClock()
  await clock.advance(100)
  clock.wallOffset = -3_600_000
  expect(clock.wallNow()).toBe(100 - 3_600_000)
  expect(clock.now()).toBe(100)
})

test('until() lets no more time pass than a promise needs, and hands over its value', async () => {
  const { clock, notes, note } = notebook()
  const promise = new Promise<string>((resolve) => void clock.after(25, () => resolve('done')))
  clock.after(26, note('later'))
  await expect(clock.until(promise)).resolves.toBe('done')
  expect(clock.now()).toBe(25)
  expect(notes).toEqual([])
})

test('until() passes a rejection on', async () => {
  const clock = new VirtualClock()
  const promise = new Promise((_, reject) => void clock.after(25, () => reject(new Error('no'))))
  await expect(clock.until(promise)).rejects.toThrow('no')
})

test('until() gives up when nothing can settle the promise, or not in time', async () => {
  const clock = new VirtualClock()
  await expect(clock.until(new Promise(() => {}))).rejects.toThrow('not settled')
  const late = new Promise<void>((resolve) => void clock.after(1_001, resolve))
  await expect(clock.until(late, 1_000)).rejects.toThrow('not settled within 1000 ms')
})

test('time does not pass twice at once', async () => {
  const clock = new VirtualClock()
  const passing = clock.advance(100)
  await expect(clock.advance(5)).rejects.toThrow('time is passing already')
  await expect(clock.until(Promise.resolve())).rejects.toThrow('time is passing already')
  await passing
  await clock.advance(5)
  expect(clock.now()).toBe(105)
})
