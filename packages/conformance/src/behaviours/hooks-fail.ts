import { findPoolkeeperError, type PoolkeeperErrorCode, type PoolPolicyOptions } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, failure, releaseAll, timed, until, untilServerHas } from '../waiting.ts'

const TIMES = 10
const BOUND_MILLIS = 300

const throws = (): never => {
  throw new Error('a hook of no manners')
}
const rejects = async (): Promise<never> => throws()
const hangs = (): Promise<never> => new Promise(() => {})

/** Each way in which a hook may fail. */
const FAILURES: Readonly<Record<string, (isBad: () => boolean) => PoolPolicyOptions>> = Object.fromEntries(
  (['onOpen', 'onAcquire', 'onRelease'] as const).flatMap((hook) =>
    Object.entries({ throws, rejects }).map(([how, fail]) => [
      `${hook} ${how}`,
      (isBad: () => boolean): PoolPolicyOptions => ({ [hook]: () => (isBad() ? fail() : undefined) }),
    ]),
  ),
)

export const hooksFail: Behaviour = {
  promise: 'a hook that throws, hangs or retires costs its connection, and never a slot',
  proves: ['P-107'],
  needs: ['server', 'replacement'],
  tests: {
    [`each throws ${TIMES} times, and all slots are free`]: async ({ expect, open, untilOpen }) => {
      for (const policy of Object.values(FAILURES)) {
        let isBad = true
        const pool = await open({ max: 3, ...policy(() => isBad) })
        pool.keeper.subscribe(() => {})
        for (let round = 0; round < TIMES; round++) await pool.query().catch(() => {})
        isBad = false
        await until('the bad ones are gone', () => pool.keeper.stats().closes.hook === TIMES)
        const leases = await acquireMany(pool, 3)
        expect(new Set(leases.map(({ id }) => id)).size).toBe(3)
        for (const lease of leases) await lease.query()
        await untilOpen(pool, 3)
        await releaseAll(leases)
      }
    },

    "'retire' closes the connection, and the caller gets another one": async ({ expect, open }) => {
      const answers = [undefined, 'retire', undefined]
      const pool = await open({ max: 1, onAcquire: async () => answers.shift() })
      const first = await pool.acquire()
      await first.release()
      const second = await pool.acquire()
      expect(second.id === first.id).toBe(false)
      await second.query()
      await second.release()
      expect(pool.keeper.stats()).toMatchObject({ closes: { hook: 1 }, acquires: { ok: 2, failed: 0 } })
      await untilServerHas(pool, 1)
    },

    'a throw of `onAcquire` is told to the caller, with its cause': async ({ expect, open }) => {
      const pool = await open({ max: 1, onAcquire: throws })
      const error = findPoolkeeperError(await failure(pool.acquire()))
      expect(error?.code).toBe('HOOK_FAILED' satisfies PoolkeeperErrorCode)
      expect((error?.cause as Error).message).toBe('a hook of no manners')
    },

    'one that hangs is given up at the deadline, and the slot is free': async ({ expect, open }) => {
      for (const hook of ['onOpen', 'onAcquire'] as const) {
        let isBad = true
        const deadlines = { acquireTimeoutMillis: BOUND_MILLIS, connectTimeoutMillis: BOUND_MILLIS, validationTimeoutMillis: 100 }
        const pool = await open({ max: 1, ...deadlines, [hook]: () => (isBad ? hangs() : undefined) })
        const { millis } = await timed(failure(pool.acquire()))
        expect(millis).toBeLessThan(BOUND_MILLIS + 2_000)
        isBad = false
        await until('its connection is gone', () => pool.keeper.stats().closes.hook === 1)
        await pool.query()
        await untilServerHas(pool, 1)
      }
    },

    '`onRelease` that hangs holds up nobody who can be served otherwise': async ({ expect, open }) => {
      const pool = await open({ max: 2, acquireTimeoutMillis: 4 * BOUND_MILLIS, validationTimeoutMillis: 100, onRelease: hangs })
      pool.keeper.subscribe(() => {})
      await (await pool.acquire()).release()
      expect(pool.keeper.stats()).toMatchObject({ idle: 0, used: 0, validating: 1 })
      const { value: lease, millis } = await timed(pool.acquire())
      expect(millis).toBeLessThan(4 * BOUND_MILLIS)
      await until('it is given up', () => pool.keeper.stats().closes.hook === 1)
      await lease.query()
      await lease.release()
    },

    'the host closes in bounded time under hooks that hang': async ({ expect, open, untilOpen }) => {
      const pool = await open({ max: 2, drainTimeoutMillis: 100, onRelease: hangs })
      pool.keeper.subscribe(() => {})
      await (await pool.acquire()).release()
      const { millis } = await timed(pool.end())
      expect(millis).toBeLessThan(2_000)
      await untilOpen(pool, 0)
    },
  },
}
