import { compare, measureBlocks, measureRound, type Round, type Side, type Sides } from '../pairs.ts'
import { ratioRow, type Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { LOAD_TITLES, LOADS, type Load } from './stub-load.ts'
import type { Variant } from './stub-pool.ts'
import { StubProcess } from './stub-process.ts'
import type { Request } from './stub-worker.ts'

const LIMIT = 1.15
const BLOCKS = 7
/** Megabytes; the checkouts of one measurement fit in several times over. */
const COLLECT_NOTHING = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']

/** Acquire and release, on connections that are plain objects. */
export async function stub(scale: Scale): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const times = await timesOf('kept', load, scale)
    const title = LOAD_TITLES[load]
    rows.push(
      ratioRow(`${title}: time`, 'ns', compare(times, 'nanos'), LIMIT),
      ratioRow(`${title}: CPU`, 'ns', compare(times, 'cpuNanos'), LIMIT),
      ratioRow(`${title}: bytes allocated`, 'B', compare(await allocationsOf('kept', load, scale), 'bytes')),
    )
  }
  return rows
}

/** The same while somebody listens to every event. */
export async function stubWithSubscriber(scale: Scale): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const times = await timesOf('kept with a subscriber', load, scale)
    rows.push(ratioRow(`${LOAD_TITLES[load]}: time`, 'ns', compare(times, 'nanos')))
  }
  return rows
}

/** Every pair has processes of its own, so that the luck of one process is one sample, not a bias. */
async function timesOf(variant: Variant, load: Load, { pairs }: Scale): Promise<Round<Side>[]> {
  const rounds: Round<Side>[] = []
  for (let pair = 0; pair < pairs; pair++) {
    await withProcesses(variant, load, [], async (sides) => {
      await measureRound(sides('warm up'))
      rounds.push(await measureBlocks(sides('time'), BLOCKS))
    })
  }
  return rounds
}

/** What is allocated hardly varies: one process a side is enough. */
async function allocationsOf(variant: Variant, load: Load, { pairs }: Scale): Promise<Round<Side>[]> {
  const rounds: Round<Side>[] = []
  await withProcesses(variant, load, COLLECT_NOTHING, async (sides) => {
    await measureRound(sides('warm up'))
    for (let pair = 0; pair < pairs; pair++) rounds.push(await measureRound(sides('allocation')))
  })
  return rounds
}

async function withProcesses(
  variant: Variant,
  load: Load,
  nodeOptions: readonly string[],
  use: (sides: (request: Request) => Sides<Side>) => Promise<void>,
): Promise<void> {
  const kept = new StubProcess(variant, load, nodeOptions)
  const bare = new StubProcess('bare', load, nodeOptions)
  const again = new StubProcess('bare', load, nodeOptions)
  try {
    await use((request) => ({
      kept: () => kept.ask(request),
      bare: () => bare.ask(request),
      again: () => again.ask(request),
    }))
  } finally {
    await Promise.all([kept, bare, again].map((process) => process.stop()))
  }
}
