import { setTimeout as sleep } from 'node:timers/promises'
import type { PostgresServer } from '../../test-integration/harness/postgres.ts'

const LOOK_EVERY_MILLIS = 25

/** The second door: how many connections of this name the server itself saw at most, until `stop`. */
export class ServerView {
  most = 0
  readonly #server: PostgresServer
  readonly #applicationName: string
  readonly #looking: Promise<void>
  #stopped = false

  constructor(server: PostgresServer, applicationName: string) {
    this.#server = server
    this.#applicationName = applicationName
    this.#looking = this.#look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#looking
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      const connections = await this.#server.connections({ applicationName: this.#applicationName })
      this.most = Math.max(this.most, connections.length)
      await sleep(LOOK_EVERY_MILLIS)
    }
  }
}
