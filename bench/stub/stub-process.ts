import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Figures } from '../pairs.ts'
import type { Host, Load, Variant } from './stub-variants.ts'
import type { Request } from './stub-worker.ts'

const WORKER = fileURLToPath(new URL('stub-worker.ts', import.meta.url))

/**
 * One variant in a process of its own. In one process the variants would share the compiled code
 * of tarn, and each would be measured with code that was made for the mixture.
 */
export class StubProcess {
  readonly #child: ChildProcess
  readonly #gone = new AbortController()

  constructor(host: Host, variant: Variant, load: Load, nodeOptions: readonly string[] = []) {
    this.#child = fork(WORKER, [host, variant, load], { execArgv: [...process.execArgv, ...nodeOptions] })
    this.#child.once('exit', (code, killer) => {
      this.#gone.abort(new Error(`the process that measures "${host} ${variant}" ended by ${killer ?? `code ${code}`}`))
    })
  }

  async ask(request: Request): Promise<Figures> {
    const { signal } = this.#gone
    signal.throwIfAborted()
    const answer = once(this.#child, 'message', { signal })
    this.#child.send(request)
    try {
      const [figures] = (await answer) as [Figures]
      return figures
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }

  async stop(): Promise<void> {
    if (this.#gone.signal.aborted) return
    const exit = once(this.#child, 'exit')
    this.#child.kill()
    await exit
  }
}
