import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { ended, fixture, saidReady, start } from './child.ts'

const address = requireServer('postgres')
const require = createRequire(import.meta.url)
const CLI = join(dirname(require.resolve('knex')), 'bin/cli.js')

address.describe('Knex in a process of its own', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  test.each(['knexfile.cjs', 'knexfile.mjs'])("Knex's command line takes a policy from %s, and ends", async (name) => {
    const child = start(address.url, CLI, ['migrate:latest', '--knexfile', fixture(name)])
    expect(await ended(child), child.output()).toBe(0)
    expect(child.output()).toContain('Batch 1 run: 1 migrations')
    expect(child.output()).not.toContain('Warning')
    const again = start(address.url, CLI, ['migrate:latest', '--knexfile', fixture(name)])
    expect(await ended(again), again.output()).toBe(0)
    expect(again.output()).toContain('Already up to date')
  })

  describe('P-088: exits as it does with a bare pool', () => {
    test.each(['unused', 'destroyed', 'emptied'])('a pool that was %s does not hold it', async (ending) => {
      const children = ['bare', 'kept'].map((way) => start(address.url, fixture('exit.ts'), [way, ending]))
      for (const child of children) expect(await ended(child), child.output()).toBe(0)
    })

    test('a pool with idle connections holds it', async () => {
      const children = ['bare', 'kept'].map((way) => start(address.url, fixture('exit.ts'), [way, 'left']))
      await Promise.all(children.map(saidReady))
      await sleep(1_500)
      for (const child of children) expect(child.process.exitCode, child.output()).toBe(null)
    })
  })
})
