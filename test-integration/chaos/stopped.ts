import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { PoolStats } from '@poolkeeper/core'
import type { Knex } from 'knex'
import { forgetProcess, watchProcess } from '../harness/watchdog.ts'

/** What a process met that was stopped and runs again. */
export interface Aftermath {
  readonly requests: number
  readonly errors: readonly string[]
  readonly worstMillis: number
  /** What became of the transaction that was open meanwhile. */
  readonly holding: string
  /** What became of the caller that waited meanwhile. */
  readonly waiting: string
  readonly frozenMillis: readonly number[]
  /** The types of events that blame somebody. */
  readonly complaints: readonly string[]
  readonly acquires: readonly PoolStats['acquires'][]
}

export interface StoppedProcess {
  /** The server's numbers of the connections that it had in use. */
  readonly inUse: readonly number[]
  /** Lets it run again, when it was stopped for so long. */
  runAgainAfter(millis: number): Promise<Aftermath>
  end(): void
}

/** Starts a process of its own with pools of Knex, and stops it as a debugger or a full machine would. */
export async function stopProcess(config: Knex.Config): Promise<StoppedProcess> {
  const fixture = fileURLToPath(new URL('stopped.fixture.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, JSON.stringify(config)], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error('the process could not be started')
  watchProcess(pid, 'SIGKILL')
  child.once('exit', () => forgetProcess(pid))
  const inUse = (await message(child)) as number[]
  child.send('soon')
  await message(child)
  child.kill('SIGSTOP')
  const stoppedAt = performance.now()
  return {
    inUse,
    async runAgainAfter(millis) {
      await sleep(Math.max(0, stoppedAt + millis - performance.now()))
      const aftermath = message(child)
      child.kill('SIGCONT')
      return (await aftermath) as Aftermath
    },
    end: () => void child.kill('SIGKILL'),
  }
}

async function message(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]: unknown[]) => {
    throw new Error(`the process ended early, with ${String(code)}`)
  })
  ended.catch(() => {})
  const [said] = (await Promise.race([once(child, 'message'), ended])) as unknown[]
  return said
}
