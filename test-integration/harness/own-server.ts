import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './ports.ts'
import { type Command, WatchedProcess } from './process.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

export interface ServerPlan {
  readonly name: string
  readonly command: Command
  /** Resolves when the server answers. */
  readonly ping: () => Promise<unknown>
}

const START_TIMEOUT_MILLIS = 30_000
const POLL_MILLIS = 20
const PORT_ATTEMPTS = 3

/** A server in a temporary folder, with one address for its whole life. */
export class OwnServer {
  readonly #plan: ServerPlan
  #process: WatchedProcess | undefined

  constructor(plan: ServerPlan) {
    this.#plan = plan
  }

  async start(): Promise<void> {
    this.#process = new WatchedProcess(this.#plan.command)
    await untilReady(this.#plan, this.#process)
  }

  async restart(signal: NodeJS.Signals, whileDown?: () => Promise<void>): Promise<void> {
    await this.end(signal)
    await whileDown?.()
    await this.start()
  }

  pause(): void {
    this.#process?.pause()
  }

  resume(): void {
    this.#process?.resume()
  }

  /** By default at once: what it holds is thrown away. */
  async end(signal?: NodeJS.Signals): Promise<void> {
    await this.#process?.end(signal)
  }

  async stop(): Promise<void> {
    await this.end()
    await this.#plan.command.folder.remove()
  }
}

/** Starts what `plan` makes of a free port; the folder goes with a server that does not start. */
export async function startOwnServer(folder: TemporaryFolder, plan: (port: number) => ServerPlan): Promise<OwnServer> {
  try {
    return await onFreePort(async (port) => {
      const server = new OwnServer(plan(port))
      await server.start().catch(async (error: unknown) => {
        await server.end()
        throw error
      })
      return server
    })
  } catch (error) {
    await folder.remove()
    throw error
  }
}

/** What only a server of our own can be asked for. */
export function requireOwn<S>(server: S | undefined, deed: string): S {
  if (server === undefined) throw new Error(`a server that others started cannot be ${deed}`)
  return server
}

async function untilReady({ name, ping }: ServerPlan, server: WatchedProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MILLIS
  for (;;) {
    const failure = await ping().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!server.running) throw new Error(`${name} exited at once:\n${server.logTail}`)
    if (failure === undefined) return
    if (performance.now() > deadline) {
      throw new Error(`${name} did not get ready:\n${server.logTail}`, { cause: failure })
    }
    await sleep(POLL_MILLIS)
  }
}

// Between the choice of a port and its use another process may take it.
async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort())
    } catch (error) {
      const taken = error instanceof Error && /address already in use/i.test(error.message)
      if (!taken || attempt === PORT_ATTEMPTS) throw error
    }
  }
}
