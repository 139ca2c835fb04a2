import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

export interface Child {
  readonly process: ChildProcess
  /** What it printed up to now. */
  output(): string
}

/** A program on a server; it is ended with its test. */
export function start(serverUrl: string, file: string, args: readonly string[]): Child {
  const env = { ...process.env, NODE_OPTIONS: '', FIXTURE_URL: serverUrl }
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

export async function ended({ process: child }: Child): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit')
  return child.exitCode
}

export async function saidReady({ process: child, output }: Child): Promise<void> {
  while (!output().includes('ready')) {
    if (child.exitCode !== null) throw new Error(`it ended early:\n${output()}`)
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')])
  }
}
