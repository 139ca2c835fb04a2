import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('postgres')
const require = createRequire(import.meta.url)
const CLI = join(dirname(require.resolve('knex')), 'bin/cli.js')
const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

interface Child {
  readonly process: ChildProcess
  /** What it printed up to now. */
  output(): string
}

function start(file: string, args: readonly string[]): Child {
  const env = { ...process.env, NODE_OPTIONS: '', FIXTURE_URL: address.url }
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { process: child, output: () => output }
}

async function ended({ process: child }: Child): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit')
  return child.exitCode
}

async function saidReady({ process: child, output }: Child): Promise<void> {
  while (!output().includes('ready')) {
    if (child.exitCode !== null) throw new Error(`it ended early:\n${output()}`)
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')])
  }
}

address.describe('Knex in a process of its own', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  test.each(['knexfile.cjs', 'knexfile.mjs'])("Knex's command line takes a policy from %s, and ends", async (name) => {
    const child = start(CLI, ['migrate:latest', '--knexfile', fixture(name)])
    expect(await ended(child), child.output()).toBe(0)
    expect(child.output()).toContain('Batch 1 run: 1 migrations')
    expect(child.output()).not.toContain('Warning')
    const again = start(CLI, ['migrate:latest', '--knexfile', fixture(name)])
    expect(await ended(again), again.output()).toBe(0)
    expect(again.output()).toContain('Already up to date')
  })

  describe('P-088: exits as it does with a bare pool', () => {
    test.each(['unused', 'destroyed', 'emptied'])('a pool that was %s does not hold it', async (ending) => {
      const children = ['bare', 'kept'].map((way) => start(fixture('exit.ts'), [way, ending]))
      for (const child of children) expect(await ended(child), child.output()).toBe(0)
    })

    test('a pool with idle connections holds it', async () => {
      const children = ['bare', 'kept'].map((way) => start(fixture('exit.ts'), [way, 'left']))
      await Promise.all(children.map(saidReady))
      await sleep(1_500)
      for (const child of children) expect(child.process.exitCode, child.output()).toBe(null)
    })
  })
})
