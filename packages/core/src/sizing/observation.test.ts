import { expect, test } from 'vitest'
import { measured, type LoadSample } from './observation.ts'

const start: LoadSample = { at: 0, served: 0, left: 0, waited: 0, heldMillis: 0, pending: 0 }

test('offered load is the rate of arrivals × the time held', () => {
  // Fifty a second, each for 200 ms.
  const after = { ...start, at: 2_000, served: 100, heldMillis: 20_000 }
  expect(measured(start, after)).toMatchObject({ arrivalsPerSecond: 50, servedPerSecond: 50, holdMillis: 200, inUse: 10, load: 10 })
})

test('those who wait count as if they held one, and those who left as if they had', () => {
  const after = { ...start, at: 1_000, served: 10, heldMillis: 5_000, pending: 3, left: 2 }
  expect(measured(start, after)).toMatchObject({ arrivalsPerSecond: 15, inUse: 5, load: 5 + 3 + 1 })
})

test('a queue that was served is no new arrival', () => {
  const after = { ...start, at: 1_000, served: 10, heldMillis: 1_000, waited: 10 }
  expect(measured({ ...start, pending: 10 }, after)).toMatchObject({ arrivalsPerSecond: 0, servedPerSecond: 10, waitedShare: 1 })
})

test('what was closed under its holder takes its time along, and makes no load negative', () => {
  expect(measured({ ...start, heldMillis: 5_000 }, { ...start, at: 1_000, heldMillis: 1_000 })).toMatchObject({ inUse: 0, load: 0 })
})

test('with nobody there everything is zero', () => {
  const nothing = { arrivalsPerSecond: 0, servedPerSecond: 0, holdMillis: 0, inUse: 0, load: 0, waitedShare: 0 }
  expect(measured(start, { ...start, at: 1_000 })).toEqual({ windowMillis: 1_000, ...nothing })
})
