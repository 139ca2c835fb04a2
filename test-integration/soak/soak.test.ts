import { setTimeout as sleep } from 'node:timers/promises'
import { keeperOf, withPoolPolicy, type PoolEvent, type PoolPolicyOptions } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { expect, test } from 'vitest'
import { heapInUse, MEBIBYTE } from './heap.ts'
import { stubConfig } from './stub-knex.ts'

const CHECKOUTS = 2_000_000
const WARM_UP = 100_000
const CALLERS = 20
const POOLS = 1_000
const LIMIT = 2 * MEBIBYTE

/** Everything that costs memory while it is on. */
const EVERYTHING: PoolPolicyOptions = {
  min: 2,
  minIdle: 1,
  maxPending: 1_000,
  maxConcurrentCreates: 4,
  overflow: 2,
  overflowAfterMillis: 10,
  createRetry: true,
  circuit: 5,
  credentials: async () => ({ password: 'secret', expiresAt: Date.now() + 5_000 }),
  maxLifetimeMillis: 1_500,
  keepaliveMillis: 1_000,
  maxUses: 20_000,
  validateAfterIdleMillis: 500,
  leakThresholdMillis: 60_000,
  reclaimLeaks: true,
  detectNestedAcquire: 'fail',
  onOpen: async () => {},
  onAcquire: (_connection, { uses }) => (uses % 1_000 === 0 ? Promise.resolve() : undefined),
  onRelease: () => {},
}

interface RawClient {
  acquireConnection(): Promise<object>
  releaseConnection(connection: object): Promise<void>
}

/** Timers and rounds of upkeep come to their turn in between, as they do between requests. */
const PARTS = 50

async function checkOut(db: Knex, times: number): Promise<void> {
  const client = db.client as RawClient
  const caller = async (): Promise<void> => {
    for (let left = times / PARTS / CALLERS; left > 0; left--) await client.releaseConnection(await client.acquireConnection())
  }
  for (let part = 0; part < PARTS; part++) {
    await Promise.all(Array.from({ length: CALLERS }, caller))
    await sleep(1)
  }
}

test('two million checkouts with everything switched on leave the heap as it was', { timeout: 300_000 }, async () => {
  const heard: Partial<Record<PoolEvent['type'], number>> = {}
  const db = knex(withPoolPolicy(stubConfig(10), EVERYTHING))
  const keeper = keeperOf(db)
  keeper.subscribe(({ type }) => void (heard[type] = (heard[type] ?? 0) + 1))
  await checkOut(db, WARM_UP)
  const before = await heapInUse()
  const startedAt = performance.now()
  await checkOut(db, CHECKOUTS / 2)
  keeper.reconfigure({ validateAfterIdleMillis: 0 })
  await checkOut(db, CHECKOUTS / 2)
  const seconds = (performance.now() - startedAt) / 1_000
  const grownBy = (await heapInUse()) - before
  const { acquires, closes, opens, validations } = keeper.stats()
  console.log(`  ${CHECKOUTS} checkouts in ${seconds.toFixed(1)} s: heap grown by ${Math.round(grownBy / 1_024)} KiB`, { opens, closes, validations })
  expect(acquires).toMatchObject({ ok: WARM_UP + CHECKOUTS, timedOut: 0, failed: 0, refused: 0 })
  expect(heard).toMatchObject({ acquired: acquires.ok, opened: opens.ok })
  expect(validations.ok).toBeGreaterThan(CHECKOUTS / 4)
  expect(closes.maxUses + closes.maxLifetime).toBeGreaterThan(50)
  expect(grownBy).toBeLessThan(LIMIT)
  await db.destroy()
})

test('P-172: a thousand pools that were opened, used and closed leave the heap as it was', { timeout: 120_000 }, async () => {
  const openAndClose = async (): Promise<void> => {
    const db = knex(withPoolPolicy(stubConfig(2), EVERYTHING))
    keeperOf(db).subscribe(() => {})
    await keeperOf(db).ready()
    const client = db.client as RawClient
    await client.releaseConnection(await client.acquireConnection())
    await db.destroy()
  }
  for (let pool = 0; pool < POOLS / 2; pool++) await openAndClose()
  const before = await heapInUse()
  for (let pool = 0; pool < POOLS; pool++) await openAndClose()
  const grownBy = (await heapInUse()) - before
  console.log(`  ${POOLS} pools: heap grown by ${Math.round(grownBy / 1_024)} KiB`)
  expect(grownBy).toBeLessThan(LIMIT)
})
