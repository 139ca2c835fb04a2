// Fills a pool, holds one connection of it in a transaction, and lets a caller wait for the only connection of another
// pool. It is stopped then; its requests begin in the first moment in which it runs again, before anything else does.
import { setTimeout as sleep } from 'node:timers/promises'
import { keeperOf, withPoolPolicy, type PoolEvent, type PoolPolicyOptions } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { failed, fill, inTurn, worst } from './load.ts'
import type { Aftermath } from './stopped.ts'

const MAX = 5
const DUE_MILLIS = 1_000
const HOLD_ON_MILLIS = 200
const POLICY: PoolPolicyOptions = { acquireTimeoutMillis: 10_000, leakThresholdMillis: 10_000 }

const config = JSON.parse(process.argv[2] ?? '') as Knex.Config

function open(max: number, events: PoolEvent[]): Knex {
  const db = knex(withPoolPolicy({ ...config, pool: { min: 0, max } }, POLICY))
  keeperOf(db).subscribe((event) => void events.push(event))
  return db
}

const events: PoolEvent[] = []
const db = open(MAX, events)
const crowded = open(1, events)
await fill(db, MAX)
const [held, crowd] = [await db.transaction(), await crowded.transaction()]
const inUse = [await numberOf(held), await numberOf(crowd)]

process.once('message', () => {
  const waiting = crowded.raw('select 1').then(() => 'served', String)
  setTimeout(() => void runAgain(waiting), DUE_MILLIS)
  process.send?.('due')
})
process.send?.(inUse)

async function numberOf(transaction: Knex.Transaction): Promise<number> {
  const number = config.client === 'pg' ? 'pg_backend_pid()' : 'connection_id()'
  const answer = await transaction.select(transaction.raw(`${number} as number`))
  return (answer as { number: number }[])[0]?.number ?? 0
}

async function runAgain(waiting: Promise<string>): Promise<void> {
  const requests = await inTurn(db, 20, 1_000)
  const holding = await held.raw('select 1').then(() => held.commit()).then(() => 'committed', String)
  await sleep(HOLD_ON_MILLIS)
  await crowd.commit()
  const aftermath: Aftermath = {
    requests: requests.length,
    errors: failed(requests).map(({ error }) => String(error)),
    worstMillis: worst(requests),
    holding,
    waiting: await waiting,
    frozenMillis: events.flatMap((event) => (event.type === 'froze' ? [event.frozenMillis] : [])),
    complaints: events.flatMap(({ type }) => (['acquireFailed', 'leaked'].includes(type) ? [type] : [])),
    acquires: [db, crowded].map((pool) => keeperOf(pool).stats().acquires),
  }
  process.send?.(aftermath)
  await Promise.all([db.destroy(), crowded.destroy()])
  process.disconnect()
}
