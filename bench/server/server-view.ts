import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const LOOK_EVERY_MILLIS = 25
const COUNT = 'select count(*)::integer as count from pg_stat_activity where application_name = $1'

/** The second door: how many connections of this name the server itself saw at most, until `stop`. */
export class ServerView {
  most = 0
  readonly #name: string
  readonly #admin: pg.Client
  readonly #looking: Promise<void>
  #stopped = false

  constructor(adminUrl: string, name: string) {
    this.#name = name
    this.#admin = new pg.Client(adminUrl)
    this.#looking = this.#look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#looking
  }

  async #look(): Promise<void> {
    await this.#admin.connect()
    while (!this.#stopped) {
      const { rows } = await this.#admin.query<{ count: number }>(COUNT, [this.#name])
      this.most = Math.max(this.most, rows[0]?.count ?? 0)
      await sleep(LOOK_EVERY_MILLIS)
    }
    await this.#admin.end()
  }
}
