import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TemporaryFolder } from './temporary-folder.ts'
import { UNPRIVILEGED } from './unprivileged.ts'
import { forgetProcess, watchProcess } from './watchdog.ts'
import { waitSync } from './wait-sync.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Output goes to a log in here. */
  readonly folder: TemporaryFolder
  /** What ends it at once, and its own children with it. */
  readonly endSignal: NodeJS.Signals
}

const END_GRACE_MILLIS = 8_000
const STOP_ATTEMPTS = 1_000
const LOG_TAIL_CHARACTERS = 2_000

/** A child in a group of its own, unprivileged, that keeps nothing alive and dies with this process. */
export class WatchedProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #command: Command

  constructor(command: Command) {
    this.#command = command
    const log = openSync(logOf(command.folder), 'a')
    this.#child = spawn(command.file, command.args, {
      ...UNPRIVILEGED,
      cwd: command.folder.path,
      detached: true,
      env: { ...process.env, ...command.env },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    this.#child.on('error', () => {})
    if (this.#child.pid === undefined) throw new Error(`${command.file} could not be started`)
    const pid = this.#child.pid
    this.pid = pid
    watchProcess(pid, command.endSignal)
    this.#child.once('exit', () => forgetProcess(pid))
    this.#child.unref()
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The last of what it printed, for an error message. */
  get logTail(): string {
    return readFileSync(logOf(this.#command.folder), 'utf8').slice(-LOG_TAIL_CHARACTERS).trim()
  }

  /** SIGSTOP for it and its children: connections stay open, and nothing answers. */
  pause(): void {
    // The parent first, so that it makes no child that would be missed.
    freeze([this.pid])
    freeze(childrenOf(this.pid))
  }

  resume(): void {
    for (const child of childrenOf(this.pid)) sendSignal(child, 'SIGCONT')
    sendSignal(this.pid, 'SIGCONT')
  }

  /** Sends a signal, by default the one that ends it at once, and waits until it is gone. */
  async end(signal: NodeJS.Signals = this.#command.endSignal): Promise<void> {
    if (!this.running) return
    const impatience = setTimeout(() => sendSignal(this.pid, 'SIGKILL'), END_GRACE_MILLIS)
    sendSignal(this.pid, signal)
    this.resume()
    await this.exit()
    clearTimeout(impatience)
  }

  /** Waits until it is gone by itself; resolves to its exit code, which a signal leaves `null`. */
  async exit(): Promise<number | null> {
    this.#child.ref()
    if (this.running) await once(this.#child, 'exit')
    return this.#child.exitCode
  }
}

/** Runs a short program to its end, as the user that servers run as. */
export async function runToEnd(command: Omit<Command, 'endSignal'>): Promise<void> {
  const program = new WatchedProcess({ ...command, endSignal: 'SIGKILL' })
  const code = await program.exit()
  if (code !== 0) throw new Error(`${command.file} failed:\n${program.logTail}`)
}

// A thread that runs goes on until the signal reaches its processor, and may answer one more query.
function freeze(pids: readonly number[]): void {
  for (const pid of pids) sendSignal(pid, 'SIGSTOP')
  for (let attempt = 0; attempt < STOP_ATTEMPTS && pids.some(hasRunningThread); attempt += 1) {
    waitSync(1)
  }
}

function hasRunningThread(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.some((thread) => !isStopped(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')))
  } catch {
    return false
  }
}

// The state is the word behind the program's name, whose parentheses may hold any others.
function isStopped(stat: string): boolean {
  return /^.*\) [TtZX]/s.test(stat)
}

export function isAlive(pid: number): boolean {
  return sendSignal(pid, 0)
}

function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function childrenOf(pid: number): number[] {
  return listChildren(pid).trim().split(/\s+/).filter(Boolean).map(Number)
}

function listChildren(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  } catch {
    return spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' }).stdout ?? ''
  }
}

function logOf(folder: TemporaryFolder): string {
  return join(folder.path, 'server.log')
}
