import type { Behaviour } from '../behaviour.ts'
import { burst, fill, pass, serverIds, until } from '../waiting.ts'

const WINDOW_MILLIS = 50
const SLOW_MILLIS = 300

export const slowServer: Behaviour = {
  promise: 'a server that is slow, and not dead, costs no connection',
  proves: [],
  needs: ['server', 'network'],
  tests: {
    'slower than its checks have ever been': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: WINDOW_MILLIS, validationTimeoutMillis: 2_000 })
      const ids = await fill(pool, 3)
      for (let visit = 0; visit < 2; visit++) {
        await pass(2 * WINDOW_MILLIS)
        await fill(pool, 3)
      }
      await pass(2 * WINDOW_MILLIS)
      pool.network.delay(SLOW_MILLIS)
      expect(await burst(pool, 6)).toMatchObject({ failed: 0 })
      pool.network.delay(0)
      await until('the pool is at rest', () => {
        const { validating, opening, closing, idle } = pool.keeper.stats()
        return validating + opening + closing === 0 && idle <= 3
      })
      const { closes, validations } = pool.keeper.stats()
      const { overflow, ...others } = closes
      expect(Object.values(others).every((count) => count === 0), JSON.stringify(closes)).toBe(true)
      expect(validations).toMatchObject({ failed: 0, timedOut: 0 })
      const left = await serverIds(pool)
      expect(ids.filter((id) => !left.includes(id)).length).toBeLessThanOrEqual(overflow)
    },
  },
}
