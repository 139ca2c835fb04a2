import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolEvent, PoolEventType } from '@poolkeeper/core'
import type { BarePool, KeptPool, Lease } from './harness.ts'

const POLL_MILLIS = 5
const PATIENCE_MILLIS = 5_000

/** Lets time pass: for silence, which no event announces. */
export function pass(millis: number): Promise<void> {
  return sleep(millis)
}

/** Waits for a state; fails when it does not come. */
export async function until(
  state: string,
  holds: () => boolean | Promise<boolean>,
  patienceMillis: number = PATIENCE_MILLIS,
): Promise<void> {
  const deadline = performance.now() + patienceMillis
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${patienceMillis} ms: ${state}`)
    await sleep(POLL_MILLIS)
  }
}

export interface Timed<T> {
  readonly value: T
  readonly millis: number
}

/** How long it took; what must not be over too early is given as a function, so that its own beginning counts as well. */
export async function timed<T>(work: Promise<T> | (() => Promise<T>)): Promise<Timed<T>> {
  const startedAt = performance.now()
  const value = await (typeof work === 'function' ? work() : work)
  return { value, millis: performance.now() - startedAt }
}

/** The error of a promise that must fail. */
export async function failure(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (outcome === undefined) throw new Error('it should have failed, and did not')
  return outcome.error
}

/** Fails a promise that does not settle. */
export function within<T>(millis: number, what: string, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not within ${millis} ms`)), millis)
    work.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}

export function acquireMany(pool: BarePool, count: number): Promise<Lease[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()))
}

export async function releaseAll(leases: readonly Lease[]): Promise<void> {
  for (const lease of leases) await lease.release()
}

/** Fills a pool with that many idle connections; resolves with their numbers. */
export async function fill(pool: BarePool, count: number): Promise<number[]> {
  const leases = await acquireMany(pool, count)
  await releaseAll(leases)
  return leases.map(({ id }) => id)
}

export interface Burst {
  readonly failed: number
  readonly worstMillis: number
  readonly errors: readonly unknown[]
}

/** That many queries at once, in the host's ordinary way. */
export async function burst(pool: BarePool, count: number): Promise<Burst> {
  const errors: unknown[] = []
  const took = await Promise.all(
    Array.from({ length: count }, async () => {
      const startedAt = performance.now()
      await pool.query().catch((error: unknown) => errors.push(error))
      return performance.now() - startedAt
    }),
  )
  return { failed: errors.length, worstMillis: Math.max(...took), errors }
}

export async function serverIds(pool: BarePool): Promise<number[]> {
  return (await pool.server.connections()).map(({ id }) => id)
}

/** Resolves when the server has exactly that many connections of the pool. */
export function untilServerHas(pool: BarePool, count: number, patienceMillis?: number): Promise<void> {
  const state = `the server has ${count} connections`
  return until(state, async () => (await serverIds(pool)).length === count, patienceMillis)
}

/** The next event of a type that is as wanted; listening begins at once. */
export function nextEvent<T extends PoolEventType>(
  pool: KeptPool,
  type: T,
  isWanted: (event: Extract<PoolEvent, { type: T }>) => boolean = () => true,
): Promise<Extract<PoolEvent, { type: T }>> {
  let unsubscribe = (): void => {}
  const heard = new Promise<Extract<PoolEvent, { type: T }>>((resolve) => {
    unsubscribe = pool.keeper.subscribe((event) => {
      if (event.type === type && isWanted(event as Extract<PoolEvent, { type: T }>)) {
        resolve(event as Extract<PoolEvent, { type: T }>)
      }
    })
  })
  return within(PATIENCE_MILLIS, `the event "${type}"`, heard).finally(unsubscribe)
}

/** Everything that a pool tells from now on. */
export function record(pool: KeptPool): PoolEvent[] {
  const events: PoolEvent[] = []
  pool.keeper.subscribe((event) => void events.push(event))
  return events
}

/** Looks again and again while `work` goes on; resolves with the largest number seen. */
export async function largestDuring(look: () => number | Promise<number>, work: Promise<unknown>): Promise<number> {
  let isOver = false
  const end = work.finally(() => (isOver = true))
  // Handled below; meanwhile nobody else may be listening.
  end.catch(() => {})
  let largest = 0
  while (!isOver) {
    largest = Math.max(largest, await look())
    await sleep(1)
  }
  await end
  return largest
}
