import { compare, differences, measureBlocks, measureRound, type Figures, type Round, type Side, type Sides } from '../pairs.ts'
import { RunningProgram } from '../programs.ts'
import { differenceRow, ratioRow, type Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { LOAD_TITLES, LOADS, type Host, type Load, type Variant } from './stub-variants.ts'
import type { Request } from './stub-worker.ts'

const LIMIT = 1.15
const SEEN_LIMIT = 1.1
const ADDED_NANOS_LIMIT = 300
const BLOCKS = 7
/** Megabytes; the checkouts of one measurement fit in several times over. */
const COLLECT_NOTHING = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']

interface Subject {
  readonly host: Host
  readonly variant: Variant
  readonly load: Load
  /** What it is compared with, if not the bare pool. */
  readonly against?: Variant
}

/** Acquire and release on a raw tarn pool, of connections that are plain objects. */
export function stub(scale: Scale): Promise<Row[]> {
  return measureHost('tarn', scale)
}

/** The same through Knex, whose own check of a connection is asked at every checkout. */
export function stubThroughKnex(scale: Scale): Promise<Row[]> {
  return measureHost('knex', scale)
}

/**
 * On mysql2's own promise pool, whose checkout is so short that a ratio says little: what is promised
 * is how many nanoseconds come on top of it.
 */
export function stubMysql2(scale: Scale): Promise<Row[]> {
  return nanosOnTop('mysql2', scale)
}

/** The same on pg-pool, with clients that lead nowhere. */
export function stubPgPool(scale: Scale): Promise<Row[]> {
  return nanosOnTop('pg-pool', scale)
}

/** The same on generic-pool, of plain objects. */
export function stubGenericPool(scale: Scale): Promise<Row[]> {
  return nanosOnTop('generic-pool', scale)
}

async function nanosOnTop(host: Host, scale: Scale): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const times = await timesOf({ host, variant: 'kept', load }, scale)
    rows.push(
      differenceRow(`${LOAD_TITLES[load]}: nanoseconds on top`, differences(times, 'nanos'), ADDED_NANOS_LIMIT),
      ratioRow(`${LOAD_TITLES[load]}: time`, 'ns', compare(times, 'nanos')),
      ratioRow(`${LOAD_TITLES[load]}: CPU`, 'ns', compare(times, 'cpuNanos')),
    )
  }
  return rows
}

/** The raw pool again, while somebody listens to every event. */
export function stubWithSubscriber(scale: Scale): Promise<Row[]> {
  return timeOnly('tarn', ['kept with a subscriber'], scale)
}

/** The raw pool again, with `onAcquire` and `onRelease` that do nothing. */
export function stubWithHooks(scale: Scale): Promise<Row[]> {
  return timeOnly('tarn', ['kept with hooks', 'kept with async hooks'], scale)
}

/** Through Knex, while the stack of every acquire is taken. */
export function stubWithLeakTracking(scale: Scale): Promise<Row[]> {
  return timeOnly('knex', ['kept with leak tracking'], scale)
}

/** Through Knex, when Node follows asynchronous work since a first transaction: nothing is nested here. */
export function stubWithNestedDetection(scale: Scale): Promise<Row[]> {
  return timeOnly('knex', ['kept after a transaction'], scale)
}

/** Kept and seen by Prometheus, OpenTelemetry and a log, against kept and seen by nobody. */
export async function stubSeen(scale: Scale): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const times = await timesOf({ host: 'tarn', variant: 'kept and seen', load, against: 'kept' }, scale)
    rows.push(ratioRow(`seen against unseen, ${LOAD_TITLES[load]}: time`, 'ns', compare(times, 'nanos'), SEEN_LIMIT))
  }
  return rows
}

async function timeOnly(host: Host, variants: readonly Variant[], scale: Scale): Promise<Row[]> {
  const rows: Row[] = []
  for (const variant of variants) {
    for (const load of LOADS) {
      const times = await timesOf({ host, variant, load }, scale)
      rows.push(ratioRow(`${variant}, ${LOAD_TITLES[load]}: time`, 'ns', compare(times, 'nanos')))
    }
  }
  return rows
}

async function measureHost(host: Host, scale: Scale): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const subject = { host, variant: 'kept', load } as const
    const times = await timesOf(subject, scale)
    const allocations = await allocationsOf(subject, scale)
    const title = LOAD_TITLES[load]
    rows.push(
      ratioRow(`${title}: time`, 'ns', compare(times, 'nanos'), LIMIT),
      ratioRow(`${title}: CPU`, 'ns', compare(times, 'cpuNanos'), LIMIT),
      ratioRow(`${title}: bytes allocated`, 'B', compare(allocations, 'bytes')),
    )
  }
  return rows
}

/**
 * Every pair has processes of its own, so that the luck of one process is one sample, not a bias.
 * In one process the variants would share the compiled code of tarn, made for the mixture.
 */
async function timesOf(subject: Subject, { pairs }: Scale): Promise<Round<Side>[]> {
  const rounds: Round<Side>[] = []
  for (let pair = 0; pair < pairs; pair++) {
    await withProcesses(subject, [], async (sides) => {
      await measureRound(sides('warm up'))
      rounds.push(await measureBlocks(sides('time'), BLOCKS))
    })
  }
  return rounds
}

/** What is allocated hardly varies: one process a side is enough. */
async function allocationsOf(subject: Subject, { pairs }: Scale): Promise<Round<Side>[]> {
  const rounds: Round<Side>[] = []
  await withProcesses(subject, COLLECT_NOTHING, async (sides) => {
    await measureRound(sides('warm up'))
    for (let pair = 0; pair < pairs; pair++) rounds.push(await measureRound(sides('allocation')))
  })
  return rounds
}

async function withProcesses(
  { host, variant, load, against = 'bare' }: Subject,
  nodeOptions: readonly string[],
  use: (sides: (request: Request) => Sides<Side>) => Promise<void>,
): Promise<void> {
  const start = (side: Variant): RunningProgram => new RunningProgram('stub-worker', [host, side, load], nodeOptions)
  const kept = start(variant)
  const bare = start(against)
  const again = start(against)
  try {
    await use((request) => ({
      kept: () => kept.ask<Figures>(request),
      bare: () => bare.ask<Figures>(request),
      again: () => again.ask<Figures>(request),
    }))
  } finally {
    await Promise.all([kept, bare, again].map((worker) => worker.stop()))
  }
}
