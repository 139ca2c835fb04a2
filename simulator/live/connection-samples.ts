import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '@poolkeeper/core'
import type { AdminSql } from '../../test-integration/harness/admin-sql.ts'
import type { Step } from '../replay.ts'

const EVERY_MILLIS = 100

const COUNT = `select application_name as name, count(*)::int as connections, count(*) filter (where state = 'active')::int as in_use
  from pg_stat_activity where application_name = any($1) group by application_name`

interface Sample {
  readonly at: number
  readonly connections: number
  readonly inUse: number
}

interface Row {
  readonly name: string
  readonly connections: number
  readonly in_use: number
}

const NONE = { connections: 0, inUse: 0 }

/** How many connections each pool has by the server's own account, as long as it runs. */
export class ConnectionSamples {
  readonly #admin: AdminSql
  readonly #clock: Clock
  readonly #samples: ReadonlyMap<string, Sample[]>
  #isOver = false
  #running: Promise<void> = Promise.resolve()

  /** @param names - the `application_name` of each pool */
  constructor(admin: AdminSql, clock: Clock, names: readonly string[]) {
    this.#admin = admin
    this.#clock = clock
    this.#samples = new Map(names.map((name) => [name, []]))
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#take()
      if (this.#isOver) return
      await sleep(EVERY_MILLIS)
    }
  }

  async #take(): Promise<void> {
    const rows = await this.#admin.query<Row>(COUNT, [[...this.#samples.keys()]])
    const at = this.#clock.wallNow()
    for (const [name, samples] of this.#samples) {
      const found = rows.find((row) => row.name === name)
      samples.push({ at, ...(found === undefined ? NONE : { connections: found.connections, inUse: found.in_use }) })
    }
  }

  most(name: string): number {
    return Math.max(0, ...this.#of(name).map(({ connections }) => connections))
  }

  /** From one sample to the next, as many as the first one found. */
  connectionHours(name: string, from: number, to: number): number {
    const samples = this.#of(name)
    const spans = samples.map(({ at, connections }, index) => {
      const until = Math.min(to, samples[index + 1]?.at ?? to)
      return connections * Math.max(0, until - Math.max(from, at))
    })
    return spans.reduce((sum, each) => sum + each, 0) / 3_600_000
  }

  steps(name: string, from: number, to: number, stepMillis: number): Pick<Step, 'connections' | 'inUse'>[] {
    return Array.from({ length: Math.ceil((to - from) / stepMillis) }, (_, step) => {
      const [begin, end] = [from + step * stepMillis, from + (step + 1) * stepMillis]
      const inside = this.#of(name).filter(({ at }) => at >= begin && at < end)
      const mean = (of: 'connections' | 'inUse'): number =>
        inside.reduce((sum, sample) => sum + sample[of], 0) / Math.max(1, inside.length)
      return { connections: mean('connections'), inUse: mean('inUse') }
    })
  }

  #of(name: string): readonly Sample[] {
    return this.#samples.get(name) ?? []
  }
}
