import { performance } from 'node:perf_hooks'
import { compare, measureBlocks, measureRound, type Figures, type Round, type Side } from '../pairs.ts'
import { ratioRow, type Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { median, quantile } from '../statistics.ts'
import { POOL_SIZE } from './pools.ts'

const LATENCY_LIMIT = 1.05
const CPU_LIMIT = 1.15
const CALLERS = POOL_SIZE
const QUERIES_A_CALLER = 200
/** Short blocks in quick alternation: a machine that is busy with something else is so for all sides alike. */
const BLOCKS = 11
/** Brings the connections back into use: how long a side waited for its turn is no part of what is measured. */
const FIRST_QUERIES_A_CALLER = 10
const WARM_UP_ROUNDS = 6

/** A pool of ten, whoever's it is. */
export interface LoopbackPool {
  /** `SELECT 1`, in its most ordinary way. */
  query(): Promise<unknown>
  /** Opens every connection that it may have. */
  fill(): Promise<void>
  end(): Promise<void>
}

/** `SELECT 1`, ten callers at once, on a server at the other end of the loopback. */
export async function loopback(
  { pairs }: Scale,
  open: (side: Side) => LoopbackPool,
  limits: 'with limits' | 'without limits' = 'with limits',
): Promise<Row[]> {
  const [latencyLimit, cpuLimit] = limits === 'with limits' ? [LATENCY_LIMIT, CPU_LIMIT] : []
  const pools = { kept: open('kept'), bare: open('bare'), again: open('again') }
  const all = Object.values(pools)
  await Promise.all(all.map((pool) => pool.fill()))
  const sides = { kept: () => block(pools.kept), bare: () => block(pools.bare), again: () => block(pools.again) }
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await measureRound(sides)
  const rounds: Round<Side>[] = []
  for (let pair = 0; pair < pairs; pair++) rounds.push(await measureBlocks(sides, BLOCKS))
  await Promise.all(all.map((pool) => pool.end()))
  return [
    ratioRow('latency, mean', 'ms', compare(rounds, 'mean'), latencyLimit),
    ratioRow('latency, median', 'ms', compare(rounds, 'median'), latencyLimit),
    ratioRow('latency, p99', 'ms', compare(rounds, 'p99')),
    ratioRow('client CPU', 'µs', compare(rounds, 'cpuMicros'), cpuLimit),
  ]
}

async function block(pool: LoopbackPool): Promise<Figures> {
  await callers(pool, FIRST_QUERIES_A_CALLER, [])
  const latencies: number[] = []
  const before = process.cpuUsage()
  await callers(pool, QUERIES_A_CALLER, latencies)
  const { user, system } = process.cpuUsage(before)
  return {
    mean: latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length,
    median: median(latencies),
    p99: quantile(latencies, 0.99),
    cpuMicros: (user + system) / latencies.length,
  }
}

async function callers(pool: LoopbackPool, queries: number, latencies: number[]): Promise<void> {
  const caller = async (): Promise<void> => {
    for (let query = 0; query < queries; query++) {
      const start = performance.now()
      await pool.query()
      latencies.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}
