import { findPoolkeeperError, type PoolCredentials } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { acquireMany, failure, fill, largestDuring, record, releaseAll, serverIds, until } from '../waiting.ts'

const LIFE_MILLIS = 3_000

export const credentials: Behaviour = {
  promise: 'what the provider gives opens connections, one answer for all, and none of them outlives it',
  proves: ['P-079'],
  needs: ['server', 'replacement', 'login'],
  tests: {
    'three that are opened together share one answer, and are replaced before its end': async ({ expect, open }) => {
      const ends: number[] = []
      const provider = async (): Promise<PoolCredentials> => {
        const expiresAt = Date.now() + LIFE_MILLIS
        ends.push(expiresAt)
        return { password: '', expiresAt }
      }
      const pool = await open({ min: 3, max: 3, credentials: provider })
      const events = record(pool)
      const first = await fill(pool, 3)
      expect(ends).toHaveLength(1)
      const allAreReplaced = until('all are replaced', async () => {
        const ids = await serverIds(pool)
        return !first.some((id) => ids.includes(id))
      })
      const most = await largestDuring(async () => (await serverIds(pool)).length, allAreReplaced)
      expect(most).toBeLessThanOrEqual(4)
      const retired = events.filter((event) => event.type === 'retired')
      expect(retired.map(({ reason }) => reason)).toEqual(['credential', 'credential', 'credential'])
      for (const { at } of retired) expect(at).toBeLessThan(ends[0] ?? 0)
      expect(ends).toHaveLength(2)
      expect(pool.keeper.stats()).toMatchObject({ replacements: 3, opens: { ok: 6, failed: 0 } })
    },

    'a provider that fails is the answer, with its cause, and gives the place back': async ({ expect, open, untilOpen }) => {
      const cause = new Error('the secret store is down')
      let isDown = true
      const provider = async (): Promise<PoolCredentials> => {
        if (isDown) throw cause
        return { password: '' }
      }
      const pool = await open({ max: 3, credentials: provider })
      for (let attempt = 0; attempt < 5; attempt++) {
        expect(findPoolkeeperError(await failure(pool.query()))).toMatchObject({ code: 'CREDENTIALS_FAILED', cause })
      }
      isDown = false
      await releaseAll(await acquireMany(pool, 3))
      expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 3, opening: 0, pending: 0, acquires: { failed: 5 } })
      await untilOpen(pool, 3)
    },
  },
}
