import { expect, test } from 'vitest'
import { Ledger } from '../../ledger.ts'
import { Counters } from '../../stats.ts'
import { VirtualClock } from '../../testing/index.ts'
import { sampleLoad } from './load.ts'

test('what is lent counts for as long as it is held, and not at all while nobody has it in hand', async () => {
  const clock = new VirtualClock()
  const ledger = new Ledger<object>(() => 0.5)
  const counters = new Counters()
  counters.use.record(500)
  const [held, between, foreign] = [{}, {}, {}]
  ledger.open(held, 0, 0).lentAt = 0
  ledger.open(between, 0, 0)
  await clock.advance(2_000)
  const port = { lent: () => [held, between, foreign], counts: () => ({ pending: 3 }) }
  const sample = sampleLoad({ clock, counters, ledger, port })
  expect(sample).toEqual({ at: 2_000, served: 0, left: 0, waited: 0, heldMillis: 2_500, pending: 3 })
})
