import type { Behaviour, Trial } from '../behaviour.ts'
import { pass } from '../waiting.ts'

const SILENCE_MILLIS = 400

async function silenceSeenByServer({ open }: Trial, validateAfterIdleMillis: number | false): Promise<{ silent: number; checks: number }> {
  const pool = await open({ validateAfterIdleMillis, max: 1 })
  await pool.query()
  await pass(SILENCE_MILLIS)
  const lease = await pool.acquire()
  const [connection] = await pool.server.connections()
  await lease.release()
  return { silent: connection?.silentMillis ?? 0, checks: pool.keeper.stats().validations.ok }
}

export const checkWindow: Behaviour = {
  promise: 'a connection proven within the window is lent unasked, and asked once after it',
  proves: ['P-051', 'P-052'],
  needs: ['server'],
  tests: {
    'inside the window the server hears nothing': async (trial) => {
      const { silent, checks } = await silenceSeenByServer(trial, 10_000)
      trial.expect(silent).toBeGreaterThanOrEqual(SILENCE_MILLIS - 20)
      trial.expect(checks).toBe(0)
    },

    'after it, one check': async (trial) => {
      const { silent, checks } = await silenceSeenByServer(trial, 100)
      trial.expect(silent).toBeLessThan(SILENCE_MILLIS - 20)
      trial.expect(checks).toBe(1)
    },

    'with the window off, none': async (trial) => {
      const { silent, checks } = await silenceSeenByServer(trial, false)
      trial.expect(silent).toBeGreaterThanOrEqual(SILENCE_MILLIS - 20)
      trial.expect(checks).toBe(0)
    },

    'a window of 0 asks at every checkout, but not what was just opened': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: 0 })
      await pool.query()
      expect(pool.keeper.stats().validations.ok).toBe(0)
      await pool.query()
      await pool.query()
      expect(pool.keeper.stats().validations.ok).toBe(2)
    },

    'the text of the check is the one that the policy names': async ({ expect, open }) => {
      const pool = await open({ validateAfterIdleMillis: 0, validationQuery: 'select 1' })
      await pool.query()
      await pool.query()
      expect(pool.keeper.stats().validations).toMatchObject({ ok: 1, failed: 0, timedOut: 0 })
    },
  },
}
