import { findPoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import type { Lease } from '../harness.ts'
import { failure, fill, timed, until } from '../waiting.ts'

export const hostClose: Behaviour = {
  promise: "the host's own close does what it did, answers who waits, and ends also with dead connections",
  proves: ['P-089', 'P-161', 'P-164'],
  needs: ['server', 'network'],
  tests: {
    'an idle pool': async ({ expect, open, untilOpen }) => {
      const pool = await open()
      await fill(pool, 3)
      await pool.end()
      await untilOpen(pool, 0)
      expect(pool.keeper.stats().closes.drain).toBe(3)
      await failure(pool.acquire())
    },

    'dead connections, idle and in use': async ({ expect, open }) => {
      const pool = await open({ max: 3 })
      const held = await pool.acquire()
      await fill(pool, 2)
      pool.network.blackhole()
      held.query().catch(() => {})
      const { millis } = await timed(pool.end())
      expect(millis).toBeLessThan(4_000)
      await until('no socket is left', () => pool.network.openConnections === 0)
    },

    'callers that wait': async ({ expect, harness, open }) => {
      const pool = await open({ max: 1 })
      const held = await pool.acquire()
      const waiting = timed(pool.acquire().catch((error: unknown) => error))
      const closing = pool.end()
      if (harness.servesOnClose === true) await held.release()
      const { value: answer, millis } = await waiting
      if (harness.servesOnClose === true) await (answer as Lease).release()
      else expect(findPoolkeeperError(answer)?.code).toBe('DRAINING')
      expect(millis).toBeLessThan(2_000)
      await held.release()
      await closing
    },

    'a server that accepts, and says nothing': async ({ expect, open }) => {
      const pool = await open({ acquireTimeoutMillis: 2_000 })
      pool.network.blackhole({ newConnections: true })
      const answer = failure(pool.acquire())
      await until('the attempt is under way', () => pool.network.openConnections === 1)
      const { millis } = await timed(pool.end())
      expect(millis).toBeLessThan(2_000)
      await answer
    },
  },
}
