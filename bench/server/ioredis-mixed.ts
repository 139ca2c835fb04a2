import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { compare, figuresOf, measureBlocks, measureRound, type Figures, type Round, type Side } from '../pairs.ts'
import { rangeRow, ratioRow, type Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { quantile } from '../statistics.ts'
import { openLoop } from './open-loop.ts'
import type { Address } from './pools.ts'
import { bareWorld, keptWorld, TASKS, WORKERS, type World } from './redis-worlds.ts'

const P99_LIMIT = 1.2
const READS_A_SECOND = 1_000
const JOBS_A_SECOND = 200
/** Of each task, in each slice. */
const COUNTS_A_TASK = 2
const SLICE_MILLIS = 1_000
const BLOCKS = 3

/** GETs beside workers that block and tasks that watch: through one pool, and through a client with sockets of their own for the rest. */
export async function ioredisMixed({ pairs }: Scale, { url }: Address): Promise<Row[]> {
  const worlds = { kept: await keptWorld(url, 'kept'), bare: await bareWorld(url, 'bare'), again: await bareWorld(url, 'again') }
  const loads = { kept: new MixedLoad(worlds.kept), bare: new MixedLoad(worlds.bare), again: new MixedLoad(worlds.again) }
  const sides = { kept: () => loads.kept.slice(), bare: () => loads.bare.slice(), again: () => loads.again.slice() }
  await measureRound(sides)
  const rounds: Round<Side>[] = []
  for (let pair = 0; pair < pairs; pair++) rounds.push(await measureBlocks(sides, BLOCKS))
  const lost = await Promise.all(Object.values(loads).map((load) => load.end()))
  return [
    ratioRow('GET beside blocking and WATCH, p50', 'ms', compare(rounds, 'p50')),
    ratioRow('GET beside blocking and WATCH, p99', 'ms', compare(rounds, 'p99'), P99_LIMIT),
    ratioRow('client CPU', 'ms a second', compare(rounds, 'cpuMillis')),
    rangeRow('attempts at an increment, kept', figuresOf(rounds, 'kept', 'attempts')),
    rangeRow('attempts at an increment, bare', figuresOf(rounds, 'bare', 'attempts')),
    rangeRow('increments and jobs lost', lost, 0),
  ]
}

/** What is laid upon one world: the same upon each, by the clock and not by how fast it is. */
class MixedLoad {
  readonly #world: World
  readonly #workers: Promise<unknown>
  #pushed = 0
  #taken = 0
  #counted = 0

  constructor(world: World) {
    this.#world = world
    this.#workers = Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#work(worker)))
  }

  async slice(): Promise<Figures> {
    const cpu = process.cpuUsage()
    const [latencies, attempts] = await Promise.all([
      openLoop(() => this.#world.read(), READS_A_SECOND, SLICE_MILLIS),
      this.#countAll(),
      openLoop(() => this.#world.push(String(this.#pushed++)), JOBS_A_SECOND, SLICE_MILLIS),
    ])
    const { user, system } = process.cpuUsage(cpu)
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), cpuMillis: (user + system) / SLICE_MILLIS, attempts }
  }

  /** How many increments and jobs were acknowledged, and are not there. */
  async end(): Promise<number> {
    for (let worker = 0; worker < WORKERS; worker++) await this.#world.push('end')
    await this.#workers
    const total = await this.#world.total()
    await this.#world.end()
    return Math.abs(this.#counted - total) + Math.abs(this.#pushed - this.#taken)
  }

  async #work(worker: number): Promise<void> {
    while ((await this.#world.takeJob(worker)) !== 'end') this.#taken++
  }

  async #countAll(): Promise<number> {
    const start = performance.now()
    const attempts = await Promise.all(Array.from({ length: TASKS }, (_, task) => this.#count(task, start)))
    return attempts.reduce((sum, more) => sum + more, 0)
  }

  async #count(task: number, start: number): Promise<number> {
    let attempts = 0
    for (let turn = 0; turn < COUNTS_A_TASK; turn++) {
      const dueAt = start + ((turn + task / TASKS) * SLICE_MILLIS) / COUNTS_A_TASK
      await sleep(Math.max(0, dueAt - performance.now()))
      attempts += await this.#world.count(task)
      this.#counted++
    }
    return attempts
  }
}
