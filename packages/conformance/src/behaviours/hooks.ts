import { AsyncLocalStorage } from 'node:async_hooks'
import { findPoolkeeperError, type PoolkeeperErrorCode, type PoolPolicyOptions } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { failure, timed, until } from '../waiting.ts'

/** Notes who was called, of which connection, at once or later. */
function diary(isAsync: boolean): { readonly calls: string[]; readonly policy: PoolPolicyOptions } {
  const calls: string[] = []
  const note =
    (hook: string) =>
    (_connection: object, { connection }: { readonly connection: number }): Promise<void> | undefined => {
      calls.push(`${hook} ${connection}`)
      return isAsync ? Promise.resolve() : undefined
    }
  return { calls, policy: { onOpen: note('open'), onAcquire: note('acquire'), onRelease: note('release') } }
}

export const hooks: Behaviour = {
  promise: "the user's hooks run once where they should, in order, with the driver's own connection",
  proves: ['P-109'],
  needs: [],
  tests: {
    'in order, and as often as there is something to tell': async ({ expect, open }) => {
      for (const isAsync of [false, true]) {
        const { calls, policy } = diary(isAsync)
        const pool = await open({ max: 1, ...policy })
        await Promise.all([pool.query(), pool.query()])
        await until('it is given back', () => pool.keeper.stats().idle === 1)
        const twice = ['acquire 1', 'release 1', 'acquire 1', 'release 1']
        expect(calls).toEqual(['open 1', ...twice])
      }
    },

    'with one and the same object': async ({ expect, open }) => {
      const seen: object[] = []
      const see = (connection: object): void => void seen.push(connection)
      const pool = await open({ max: 1, onOpen: see, onAcquire: see, onRelease: see })
      await pool.query()
      await until('it is given back', () => pool.keeper.stats().idle === 1)
      expect(seen).toHaveLength(3)
      expect(new Set(seen).size).toBe(1)
    },

    '`onAcquire` within the context of its caller, also when he waits': async ({ expect, open }) => {
      const request = new AsyncLocalStorage<number>()
      const seen: (number | undefined)[] = []
      const pool = await open({ max: 1, onAcquire: () => void seen.push(request.getStore()) })
      await Promise.all([1, 2, 3].map((caller) => request.run(caller, () => pool.query())))
      expect(seen).toEqual([1, 2, 3])
    },

    'what a driver returns by accident is harmless': async ({ expect, open }) => {
      const values = [undefined, null, true, false, 0, 'ok', { rows: [] }, ['retire']]
      const pool = await open({ max: 1, onOpen: () => 'retire', onAcquire: () => values[0], onRelease: () => values.shift() })
      for (let uses = values.length; uses > 0; uses--) await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1 }, closes: { hook: 0 } })
    },

    "'refuse' turns one caller away, and keeps the connection": async ({ expect, open }) => {
      const answers = ['refuse', undefined]
      const pool = await open({ max: 1, onAcquire: async () => answers.shift() })
      expect(findPoolkeeperError(await failure(pool.query()))?.code).toBe('HOOK_REFUSED' satisfies PoolkeeperErrorCode)
      await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1 }, acquires: { ok: 1, refused: 1 }, closes: { hook: 0 } })
    },

    'a connection that `onOpen` does not like is a failed connect, with the error of the hook': async ({ expect, open }) => {
      const bad = new Error('no such tenant')
      const answers = [bad, undefined]
      const pool = await open({
        max: 1,
        onOpen() {
          const error = answers.shift()
          if (error !== undefined) throw error
        },
      })
      const { value: error, millis } = await timed(failure(pool.query()))
      expect((error as Error).message).toContain(bad.message)
      expect(millis).toBeLessThan(3_000)
      await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1, failed: 1 }, closes: { hook: 1 } })
    },
  },
}
