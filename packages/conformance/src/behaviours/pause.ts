import { findPoolkeeperError, type PoolkeeperErrorCode } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { failure, pass, timed, until } from '../waiting.ts'

export const pause: Behaviour = {
  promise: 'a paused pool lends nothing, lets callers wait or answers them, and goes on in order',
  proves: ['P-166'],
  needs: [],
  tests: {
    'who holds a connection goes on, and who waits is served in order': async ({ expect, open }) => {
      const pool = await open({ max: 1 })
      const held = await pool.acquire()
      pool.keeper.pause()
      await held.query()
      await held.release()
      const served: number[] = []
      const callers = [1, 2, 3].map((caller) => pool.query().then(() => served.push(caller)))
      await until('they wait', () => pool.keeper.stats().pending === 3)
      await pass(50)
      expect(served).toEqual([])
      expect(pool.keeper.health().status).toBe('down')
      pool.keeper.resume()
      await Promise.all(callers)
      expect(served).toEqual([1, 2, 3])
      expect(pool.keeper.health().status).toBe('up')
    },

    'nothing is opened for who waits': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      pool.keeper.pause()
      const waiting = pool.query()
      await pass(50)
      expect(pool.keeper.stats()).toMatchObject({ pending: 1, opening: 0, opens: { ok: 0 } })
      pool.keeper.resume()
      await waiting
    },

    'each waits to his own deadline': async ({ expect, open }) => {
      const pool = await open({ acquireTimeoutMillis: 200, validationTimeoutMillis: 100 })
      pool.keeper.pause()
      const { value: error, millis } = await timed(() => failure(pool.acquire()))
      expect(findPoolkeeperError(error)?.code).toBe('PAUSED' satisfies PoolkeeperErrorCode)
      expect(millis).toBeGreaterThanOrEqual(190)
      pool.keeper.resume()
    },

    'with `fail`, who waits and who comes is answered at once': async ({ expect, open }) => {
      const pool = await open({ max: 1 })
      const held = await pool.acquire()
      const waiting = timed(failure(pool.acquire()))
      await until('he waits', () => pool.keeper.stats().pending === 1)
      pool.keeper.pause({ waiters: 'fail' })
      for (const { value: error, millis } of [await waiting, await timed(failure(pool.acquire()))]) {
        expect(findPoolkeeperError(error)?.code).toBe('PAUSED')
        expect(millis).toBeLessThan(1_000)
      }
      pool.keeper.resume()
      await held.release()
      await pool.query()
      expect(pool.keeper.stats().acquires).toMatchObject({ ok: 2, refused: 2 })
    },

    'a pool that is closed while it is paused ends': async ({ expect, open }) => {
      const pool = await open({ drainTimeoutMillis: 100 })
      await pool.query()
      pool.keeper.pause()
      const waiting = failure(pool.acquire())
      const { millis } = await timed(pool.end())
      expect(millis).toBeLessThan(2_000)
      expect(findPoolkeeperError(await waiting)?.code).toBe('DRAINING')
    },
  },
}
