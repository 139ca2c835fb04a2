import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('postgres')
const FIXTURE = fileURLToPath(new URL('fixtures/postgres-js-exit.ts', import.meta.url))

function start(way: string, ending: string): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', FIXTURE, way, ending], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: '', FIXTURE_URL: address.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit')
  return child.exitCode
}

address.describe('P-088: postgres.js exits as it does bare', () => {
  test.each(['unused', 'ended', 'emptied'])('an instance that was %s does not hold the process', async (ending) => {
    for (const child of [start('bare', ending), start('kept', ending)]) expect(await ended(child)).toBe(0)
  })

  test('idle connections hold it', async () => {
    const children = [start('bare', 'left'), start('kept', 'left')]
    for (const child of children) await once(child.stdout ?? child, 'data')
    await sleep(1_500)
    for (const child of children) expect(child.exitCode).toBe(null)
  })
})
