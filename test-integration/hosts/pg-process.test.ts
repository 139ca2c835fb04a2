import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { ended, fixture, saidReady, start, type Child } from './child.ts'

const address = requireServer('postgres')

address.describe('A pool of pg in a process of its own', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const both = (ending: string): Child[] =>
    ['bare', 'kept'].map((way) => start(address.url, fixture('pg-exit.ts'), [way, ending]))

  describe('P-088: exits as it does with a bare pool', () => {
    // Half of the ten seconds after which pg-pool closes what is idle.
    test.each(['unused', 'ended', 'emptied', 'allowed'])('a pool that was %s does not hold it', { timeout: 5_000 }, async (ending) => {
      for (const child of both(ending)) expect(await ended(child), child.output()).toBe(0)
    })

    test('a pool with idle connections holds it', async () => {
      const children = both('left')
      await Promise.all(children.map(saidReady))
      await sleep(1_500)
      for (const child of children) expect(child.process.exitCode, child.output()).toBe(null)
    })
  })

  test('P-136: the death of a client in use, to whose errors nobody listens, ends a process with a bare pool only', async () => {
    const [bare, kept] = ['bare', 'kept'].map((way) => start(address.url, fixture('pg-died.ts'), [way]))
    if (bare === undefined || kept === undefined) throw new Error('no processes')
    expect(await ended(kept), kept.output()).toBe(0)
    expect(kept.output()).toContain('survived')
    expect(await ended(bare)).toBe(1)
    expect(bare.output()).toContain('terminating connection due to administrator command')
  })
})
