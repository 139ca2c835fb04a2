import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { build } from 'tsdown'

/** The processes in which something is measured. */
const PROGRAMS = {
  'stub-worker': 'stub/stub-worker.ts',
  'server-worker': 'server/server-worker.ts',
  'way-worker': 'ways/way-worker.ts',
} as const

export type Program = keyof typeof PROGRAMS

const HERE = fileURLToPath(new URL('.', import.meta.url))
const HOSTS = ['@opentelemetry/api', '@redis/client', 'generic-pool', 'ioredis', 'knex', 'mysql2', 'pg', 'postgres', 'prom-client', 'tarn']

/**
 * What is measured is built as the packages are. Run from its sources, every function would be
 * given its name at the moment it is made, and a checkout with a listener would cost half as much again.
 */
export function buildPrograms(): Promise<unknown> {
  return build({
    cwd: HERE,
    config: false,
    entry: PROGRAMS,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    fixedExtension: false,
    dts: false,
    deps: { neverBundle: HOSTS, alwaysBundle: /^@poolkeeper\// },
    logLevel: 'error',
  })
}

/** A program in a process of its own. */
export class RunningProgram {
  readonly #child: ChildProcess
  readonly #ended = new AbortController()

  constructor(program: Program, programArguments: readonly string[], nodeOptions: readonly string[] = []) {
    const file = new URL(`dist/${program}.js`, import.meta.url)
    this.#child = fork(file, programArguments, { execArgv: [...nodeOptions] })
    this.#child.once('exit', (code, killer) => {
      this.#ended.abort(new Error(`${program} ${programArguments.join(' ')} ended by ${killer ?? `code ${code}`}`))
    })
  }

  /** What it says next. */
  async hear<T>(): Promise<T> {
    const { signal } = this.#ended
    try {
      const [message] = (await once(this.#child, 'message', { signal })) as [T]
      return message
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }

  ask<T>(question: string): Promise<T> {
    const answer = this.hear<T>()
    if (this.#child.connected) this.#child.send(question)
    return answer
  }

  async stop(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const exit = once(this.#child, 'exit')
    this.#child.kill()
    await exit
  }
}
