import type { Behaviour } from '../behaviour.ts'
import { failure, within } from '../waiting.ts'

export const lastAnswer: Behaviour = {
  promise: 'a query under way on a connection that is closed under its holder gets its error',
  proves: ['P-160'],
  needs: ['server', 'network'],
  tests: {
    'at the deadline of a drain': async ({ open }) => {
      const pool = await open({ max: 2 })
      const lease = await pool.acquire()
      pool.network.blackhole()
      const answer = failure(lease.query())
      await pool.keeper.drain({ timeoutMillis: 100 })
      await within(1_000, 'the answer', answer)
      await lease.release()
    },

    "in the host's own close": async ({ open }) => {
      const pool = await open({ drainTimeoutMillis: 100 })
      const lease = await pool.acquire()
      pool.network.blackhole()
      const answer = failure(lease.query())
      await pool.end()
      await within(1_000, 'the answer', answer)
    },
  },
}
