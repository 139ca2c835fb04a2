import type { Behaviour } from '../behaviour.ts'
import { fill, nextEvent, pass } from '../waiting.ts'

const HOUR_MILLIS = 3_600_000
const IDLE_TIMEOUT_MILLIS = 400

export const wallClock: Behaviour = {
  promise: 'a wall clock that jumps closes nothing, and keeps nothing for ever',
  proves: ['P-085'],
  needs: ['replacement'],
  tests: {
    'an hour forth and an hour back': async ({ expect, open, untilOpen }) => {
      const { now } = Date
      const pool = await open({ min: 0, max: 2, idleTimeoutMillis: IDLE_TIMEOUT_MILLIS })
      try {
        await fill(pool, 2)
        Date.now = () => now() + HOUR_MILLIS
        await pass(IDLE_TIMEOUT_MILLIS / 2)
        await fill(pool, 2)
        Date.now = () => now() - HOUR_MILLIS
        await pass(IDLE_TIMEOUT_MILLIS / 2)
        await untilOpen(pool, 2)
        expect(pool.keeper.stats().closes).toMatchObject({ idle: 0, maxLifetime: 0 })
        expect(await nextEvent(pool, 'closed')).toMatchObject({ reason: 'idle' })
      } finally {
        Date.now = now
      }
    },
  },
}
