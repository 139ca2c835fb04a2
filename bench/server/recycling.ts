import { applyPoolPolicy, type PoolPolicyOptions } from '@poolkeeper/knex'
import type { Knex } from 'knex'
import { figuresOf, measureRound, ratioOf, type Figures, type Round } from '../pairs.ts'
import { rangeRow, ratioRow, type Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { median, quantile } from '../statistics.ts'
import { openLoop } from './open-loop.ts'
import { PaidConnects } from './paid-connects.ts'
import { bareKnex, fillPool, POOL_SIZE, type Address } from './pools.ts'
import { Replacements } from './replacements.ts'
import { ServerView } from './server-view.ts'

const REQUESTS_A_SECOND = 200
const RECYCLING: PoolPolicyOptions = { maxLifetimeMillis: 2_000 }
const NO_RECYCLING: PoolPolicyOptions = { maxLifetimeMillis: false }
/** `replaceAhead` allows one above `max` by default. */
const MOST_CONNECTIONS = POOL_SIZE + 1
const LARGEST_SHARE = 0.25

type RecyclingSide = 'recycling' | 'kept' | 'bare' | 'again'

/** What users notice when the connections of a pool that was filled at once grow old together. */
export async function recycling({ pairs, recyclingMillis }: Scale, address: Address): Promise<Row[]> {
  const measure = (policy?: PoolPolicyOptions) => () => measurePool(address, recyclingMillis, policy)
  const sides = { recycling: measure(RECYCLING), kept: measure(NO_RECYCLING), bare: measure(), again: measure() }
  const rounds: Round<RecyclingSide>[] = []
  for (let pair = 0; pair < pairs; pair++) rounds.push(await measureRound(sides))
  return rowsOf(rounds)
}

function rowsOf(rounds: readonly Round<RecyclingSide>[]): Row[] {
  const latency = (name: string): Row =>
    ratioRow(`latency, ${name}, to kept without recycling`, 'ms', {
      ratio: ratioOf(rounds, name, 'recycling', 'kept'),
      noise: ratioOf(rounds, name, 'again', 'bare'),
      base: median(figuresOf(rounds, 'kept', name)),
    })
  const range = (title: string, name: string, limit?: number): Row =>
    rangeRow(title, figuresOf(rounds, 'recycling', name), limit)
  return [
    ...['p50', 'p99', 'p99.9'].map(latency),
    range('acquires that paid for a connect', 'paid', 0),
    range('most connections that the server saw', 'most', MOST_CONNECTIONS),
    range('greatest share being replaced at once', 'share', LARGEST_SHARE),
    range('connections replaced', 'replaced'),
  ]
}

async function measurePool(address: Address, millis: number, policy?: PoolPolicyOptions): Promise<Figures> {
  const name = 'bench recycling'
  const db = bareKnex(address, name)
  const keeper = policy === undefined ? undefined : applyPoolPolicy(db, policy)
  const view = new ServerView(address.adminUrl, name)
  try {
    await fillPool(db)
    const paid = new PaidConnects(db)
    const replacements = new Replacements()
    const unsubscribe = keeper?.subscribe(replacements.observe)
    const latencies = await openLoop(() => query(db), REQUESTS_A_SECOND, millis)
    unsubscribe?.()
    return {
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      'p99.9': quantile(latencies, 0.999),
      paid: paid.count,
      most: view.most,
      share: replacements.mostAtOnce / POOL_SIZE,
      replaced: replacements.finished,
    }
  } finally {
    await view.stop()
    await db.destroy()
  }
}

async function query(db: Knex): Promise<void> {
  await db.raw('select 1')
}
