import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from './clock.ts'

test('the monotonic clock does not go back, and the wall clock knows the date', () => {
  const before = systemClock.now()
  expect(systemClock.now()).toBeGreaterThanOrEqual(before)
  expect(Math.abs(systemClock.wallNow() - Date.now())).toBeLessThan(1_000)
})

test('a timer calls back, unless it is cancelled', async () => {
  const heard: string[] = []
  const cancelled = systemClock.after(0, () => heard.push('cancelled'))
  cancelled.cancel()
  const keepAlive = setInterval(() => {}, 1_000)
  await new Promise<void>((resolve) => {
    systemClock.after(1, () => {
      heard.push('fired')
      resolve()
    })
  })
  clearInterval(keepAlive)
  expect(heard).toEqual(['fired'])
})

test('a timer that is to be longer than Node can hold is as long as it can be, and does not fire at once', () => {
  const setTimeout = vi.spyOn(globalThis, 'setTimeout')
  onTestFinished(() => setTimeout.mockRestore())
  for (const millis of [2_147_483_647.000_000_2, 2_147_483_648, Infinity]) systemClock.after(millis, () => {}).cancel()
  expect(setTimeout.mock.calls.map(([, millis]) => millis)).toEqual([2_147_483_647, 2_147_483_647, 2_147_483_647])
})

test('what waits for input comes after what has arrived already', async () => {
  const order: string[] = []
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      systemClock.afterInput(() => {
        order.push('after input')
        resolve()
      })
      process.nextTick(() => order.push('arrived'))
    }, 0)
  })
  expect(order).toEqual(['arrived', 'after input'])
})
