import { findPoolkeeperError, type PoolPolicyOptions } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import type { BarePool, KeptPool } from '../harness.ts'
import { acquireMany, burst, failure, fill, pass, releaseAll, serverIds, timed, until } from '../waiting.ts'

const called = (): never => {
  throw new Error('a hook was called')
}

/** It would close, ask, refuse and open at every step. */
const STRICT: PoolPolicyOptions = {
  mode: 'observe',
  min: 1,
  max: 1,
  minIdle: 1,
  maxPending: 0,
  maxUses: 1,
  acquireTimeoutMillis: 100,
  validationTimeoutMillis: 100,
  validateAfterIdleMillis: 0,
  maxLifetimeMillis: 1_000,
  keepaliveMillis: 1_000,
  onReturn: 'check',
  onOpen: called,
  onAcquire: called,
  onRelease: called,
}

/** What callers and server see of a pool in ordinary use; the same for each of its runs. */
async function useOf(pool: BarePool): Promise<object> {
  const before = await fill(pool, 2)
  for (let use = 0; use < 4; use++) await pool.query()
  const lease = await pool.acquire()
  await lease.failingQuery()
  await lease.release()
  const after = await fill(pool, 2)
  const seen = { isReused: after.every((id) => before.includes(id)), connections: (await serverIds(pool)).length }
  return { ...seen, failed: (await burst(pool, 10)).failed }
}

/** Callers do not notice within a second or so: a dead connection costs each host what it costs it. */
async function untilServed(pool: KeptPool): Promise<void> {
  await until('it serves again', () =>
    pool.query().then(
      () => true,
      () => false,
    ),
  )
}

export const observe: Behaviour = {
  promise: 'a policy that only observes changes nothing for the host, counts what it would have done, and is switched live',
  proves: [],
  needs: ['server', 'network', 'replacement'],
  tests: {
    'a bare pool and an observed one are used alike': async ({ expect, open, openBare }) => {
      const bare = await useOf(await openBare())
      const pool = await open(STRICT)
      expect(await useOf(pool)).toEqual(bare)
      const { closes, observed, validations } = pool.keeper.stats()
      expect(Object.values(closes).every((count) => count === 0)).toBe(true)
      expect(validations).toMatchObject({ ok: 0, failed: 0 })
      expect(observed.retire.maxUses).toBeGreaterThan(0)
    },

    'nobody is asked, closed or opened while it rests': async ({ expect, open }) => {
      const pool = await open(STRICT)
      await pool.query()
      const [before] = await pool.server.connections()
      await pass(1_300)
      const after = await pool.server.connections()
      expect(after.map(({ id }) => id)).toEqual([before?.id])
      expect(after[0]?.silentMillis).toBeGreaterThan(1_200)
    },

    "the host's own limit and deadline hold": async ({ expect, open }) => {
      const pool = await open(STRICT)
      const { max } = pool.keeper.stats()
      const leases = await acquireMany(pool, max)
      const waiting = pool.acquire()
      await pass(250)
      expect(pool.keeper.stats()).toMatchObject({ used: max, pending: 1 })
      await releaseAll(leases)
      await (await waiting).release()
      expect(pool.keeper.stats().observed.refuse).toBeGreaterThan(0)
    },

    'a dying connection does not end the process, and the pool serves on': async ({ expect, open }) => {
      const pool = await open({ mode: 'observe' })
      await fill(pool, 2)
      await pool.server.kill()
      await until('the deaths are seen', () => pool.keeper.stats().observed.retire.fatal > 0)
      await untilServed(pool)
      expect((await burst(pool, 4)).failed).toBe(0)
    },

    'it is switched over and back while it runs': async ({ expect, open }) => {
      const pool = await open({ mode: 'observe', maxUses: 2 })
      for (let use = 0; use < 4; use++) await pool.query()
      expect(pool.keeper.stats()).toMatchObject({ opens: { ok: 1 }, closes: { maxUses: 0 } })
      pool.keeper.reconfigure({ mode: 'enforce' })
      for (let use = 0; use < 4; use++) await pool.query()
      await until('it is closed', () => pool.keeper.stats().closes.maxUses >= 2)
      pool.keeper.reconfigure({ mode: 'observe' })
      const { opens, closes } = pool.keeper.stats()
      for (let use = 0; use < 6; use++) await pool.query()
      expect(pool.keeper.stats().opens.ok).toBeLessThanOrEqual(opens.ok + 1)
      expect(pool.keeper.stats().closes).toEqual(closes)
    },

    'what an operator asks for by name is done, or refused by name': async ({ expect, open }) => {
      const pool = await open({ mode: 'observe' })
      await pool.keeper.ready()
      await fill(pool, 2)
      expect(await pool.keeper.evictIdle()).toBeGreaterThan(0)
      for (const refused of [pool.keeper.recycle(), pool.keeper.resize({ max: 9 })]) {
        expect(findPoolkeeperError(await failure(refused))?.code).toBe('OBSERVING')
      }
    },

    "the host's own close ends, also with dead connections": async ({ expect, open }) => {
      const pool = await open({ mode: 'observe' })
      const held = await pool.acquire()
      await pool.query()
      pool.network.blackhole()
      held.query().catch(() => {})
      const { millis } = await timed(pool.end())
      expect(millis).toBeLessThan(4_000)
      await until('no socket is left', () => pool.network.openConnections === 0)
    },
  },
}
