import { startPostgres } from '../../test-integration/harness/postgres.ts'
import { startRedis } from '../../test-integration/harness/redis.ts'
import { figuresOf, measureBlocks, measureRound, ratioOf, type Comparison, type Figures, type Round, type Sides } from '../pairs.ts'
import { RunningProgram } from '../programs.ts'
import { leastRow, ratioRow, type Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { median } from '../statistics.ts'
import type { PgWay } from './pg-ways.ts'
import type { RedisWay } from './redis-ways.ts'
import { LOAD_TITLES, type Load } from './way.ts'
import type { Request } from './way-worker.ts'

/** Of the throughput of bare ioredis. */
const LEAST_OF_BARE = 0.97
/** Of that of other pools. */
const AHEAD = 1
/** Short blocks in quick alternation: a machine that is busy with something else is so for all sides alike. */
const BLOCKS = 11

/** Each way, and the one that all are measured against once more, to show the noise. */
type Side<W extends string> = W | 'again'

const OTHER_POOLS = ['generic-pool', 'generic-pool, testOnBorrow', 'node-redis’s pool', 'node-redis’s pool of 100'] as const

/** Ordinary commands of Redis, four GET to a SET, on a server at the other end of the loopback. */
export async function ioredisLoopback(scale: Scale): Promise<Row[]> {
  const server = await startRedis()
  try {
    const rows: Row[] = []
    for (const load of ['sequential', 'hundred'] as const) {
      rows.push(...(await plainRows(load, server.url, scale)), ...(await autopipeliningRows(load, server.url, scale)))
    }
    return rows
  } finally {
    await server.stop()
  }
}

async function plainRows(load: Load, url: string, scale: Scale): Promise<Row[]> {
  const rounds = await roundsOf<RedisWay>(['pool', 'bare', ...OTHER_POOLS], 'bare', load, url, scale)
  const title = LOAD_TITLES[load]
  return [
    leastRow(`${title}: throughput`, 'per second', comparisonOf(rounds, 'perSecond', 'pool', 'bare'), LEAST_OF_BARE),
    ratioRow(`${title}: client CPU`, 'µs', comparisonOf(rounds, 'cpuMicros', 'pool', 'bare')),
    ...OTHER_POOLS.map((other) => {
      const comparison = { ...comparisonOf(rounds, 'perSecond', 'pool', other), noise: noiseOf(rounds, 'perSecond', 'bare') }
      return leastRow(`${title}: throughput, to ${other}`, 'per second', comparison, AHEAD)
    }),
  ]
}

async function autopipeliningRows(load: Load, url: string, scale: Scale): Promise<Row[]> {
  const rounds = await roundsOf<RedisWay>(['pool, autopipelining', 'bare, autopipelining'], 'bare, autopipelining', load, url, scale)
  const compare = (name: string): Comparison => comparisonOf(rounds, name, 'pool, autopipelining', 'bare, autopipelining')
  const title = `${LOAD_TITLES[load]}, autopipelining`
  return [
    leastRow(`${title}: throughput`, 'per second', compare('perSecond'), LEAST_OF_BARE),
    ratioRow(`${title}: client CPU`, 'µs', compare('cpuMicros')),
  ]
}

/** A query of PostgreSQL on a kept pool that everybody looks at, against one that nobody does. */
export async function pgLoopbackSeen(scale: Scale): Promise<Row[]> {
  const server = await startPostgres()
  try {
    const rounds = await roundsOf<PgWay>(['seen', 'unseen'], 'unseen', 'ten', server.url, scale)
    return [
      ratioRow('seen against unseen, 10 callers: time', 'µs', comparisonOf(rounds, 'micros', 'seen', 'unseen')),
      ratioRow('seen against unseen, 10 callers: client CPU', 'µs', comparisonOf(rounds, 'cpuMicros', 'seen', 'unseen')),
    ]
  } finally {
    await server.stop()
  }
}

/** Every pair has processes of its own, so that the luck of one process is one sample, not a bias. */
async function roundsOf<W extends string>(ways: readonly W[], base: W, load: Load, url: string, { pairs }: Scale): Promise<Round<Side<W>>[]> {
  const rounds: Round<Side<W>>[] = []
  for (let pair = 0; pair < pairs; pair++) {
    const programs = new Map<Side<W>, RunningProgram>()
    const start = (side: Side<W>, way: W): unknown => programs.set(side, new RunningProgram('way-worker', [way, load, url]))
    for (const way of ways) start(way, way)
    start('again', base)
    try {
      await Promise.all([...programs.values()].map((program) => program.hear()))
      await measureRound(sidesOf(programs, 'warm up'))
      rounds.push(await measureBlocks(sidesOf(programs, 'measure'), BLOCKS))
    } finally {
      await Promise.all([...programs.values()].map((program) => program.stop()))
    }
  }
  return rounds
}

function sidesOf<S extends string>(programs: ReadonlyMap<S, RunningProgram>, request: Request): Sides<S> {
  const sides = [...programs].map(([side, program]) => [side, () => program.ask<Figures>(request)])
  return Object.fromEntries(sides) as Sides<S>
}

function comparisonOf<W extends string>(rounds: readonly Round<Side<W>>[], name: string, side: W, to: W): Comparison {
  return { ratio: ratioOf(rounds, name, side, to), noise: noiseOf(rounds, name, to), base: median(figuresOf(rounds, to, name)) }
}

/** Once more against itself. */
function noiseOf<W extends string>(rounds: readonly Round<Side<W>>[], name: string, base: W): Comparison['noise'] {
  return ratioOf<Side<W>>(rounds, name, 'again', base)
}
