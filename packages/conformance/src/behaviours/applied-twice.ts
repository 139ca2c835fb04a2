import { isPoolkeeperError, type PoolkeeperError } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

const POLICY = { validateAfterIdleMillis: 700, name: 'applied twice' } as const

export const appliedTwice: Behaviour = {
  promise: 'the same policy again is the same keeper; another one is refused',
  proves: [],
  needs: [],
  tests: {
    'the same': async ({ expect, openBare }) => {
      const pool = await openBare()
      const keeper = pool.apply({ ...POLICY })
      const traces = pool.traces()
      expect(pool.apply({ ...POLICY }) === keeper).toBe(true)
      expect(pool.keeperOf() === keeper).toBe(true)
      expect(pool.traces()).toEqual(traces)
    },

    'another': async ({ expect, openBare }) => {
      const pool = await openBare()
      const keeper = pool.apply({ ...POLICY })
      const traces = pool.traces()
      const error = thrownBy(() => pool.apply({ ...POLICY, validateAfterIdleMillis: 701 }))
      expect(isPoolkeeperError(error)).toBe(true)
      expect((error as PoolkeeperError).code).toBe('ALREADY_APPLIED')
      expect(pool.keeperOf() === keeper).toBe(true)
      expect(pool.traces()).toEqual(traces)
    },

    'one that cannot be, on a pool without any': async ({ expect, openBare }) => {
      const pool = await openBare()
      const traces = pool.traces()
      const error = thrownBy(() => pool.apply({ max: -1 }))
      expect(isPoolkeeperError(error) && error.code).toBe('INVALID_POLICY')
      expect(pool.traces()).toEqual(traces)
      expect(thrownBy(() => pool.keeperOf())).toMatchObject({ code: 'NOT_APPLIED' })
    },
  },
}
