import { expect, test } from 'vitest'
import { dayOfLoad, SHOWN_SEEDS, TUNING_SEEDS } from './loads.ts'

const HOUR = 3_600_000

test('a seed gives the same day every time, and another one another day', () => {
  const first = (seed: number): number[] => {
    const [one, two] = dayOfLoad(seed).arrivals
    return [one?.atMillis ?? 0, two?.holdMillis ?? 0, dayOfLoad(seed).flash.from]
  }
  expect(first(1)).toEqual(first(1))
  expect(first(1)).not.toEqual(first(2))
})

test('arrivals follow the curve of the day, hour by hour, and are held as long as they should be', { timeout: 60_000 }, () => {
  const { arrivals, holdMillis, perSecond } = dayOfLoad(1)
  const came = Array<number>(24).fill(0)
  const expected = Array<number>(24).fill(0)
  let [count, held, last] = [0, 0, 0]
  let isInOrder = true
  for (const { atMillis, holdMillis: each } of arrivals) {
    const hour = Math.floor(atMillis / HOUR)
    came[hour] = (came[hour] ?? 0) + 1
    isInOrder &&= atMillis >= last
    last = atMillis
    count++
    held += each
  }
  expect(isInOrder).toBe(true)
  for (let second = 0; second < 86_400; second++) {
    const hour = Math.floor(second / 3_600)
    expected[hour] = (expected[hour] ?? 0) + perSecond(second * 1_000)
  }
  // Chance scatters by the root; five of it come once in millions.
  for (const [hour, mean] of expected.entries()) expect(Math.abs((came[hour] ?? 0) - mean)).toBeLessThan(5 * Math.sqrt(mean))
  expect(held / count / holdMillis).toBeCloseTo(1, 1)
})

test('the flash crowd is there within five seconds, and at another hour on every day', () => {
  const days = [...TUNING_SEEDS, ...SHOWN_SEEDS].map((seed) => dayOfLoad(seed))
  for (const { flash, perSecond } of days) {
    expect(perSecond(flash.from + 5_000) - perSecond(flash.from - 1)).toBeGreaterThan(30)
    expect(perSecond(flash.to) - perSecond(flash.to - 1)).toBeLessThan(-30)
  }
  expect(new Set(days.map(({ flash }) => flash.from)).size).toBe(days.length)
})

test('what is shown was not tuned with', () => {
  expect(SHOWN_SEEDS.filter((seed) => TUNING_SEEDS.includes(seed))).toEqual([])
})
