import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'

/** One request as its caller met it. */
export interface Request {
  /** On the clock of `performance.now()`. */
  readonly startedAt: number
  readonly millis: number
  /** `undefined` when it was answered. */
  readonly error: unknown
}

/** A pool under load, whoever's it is. */
export interface LoadedPool {
  /** One round trip, in its most ordinary way. */
  query(): Promise<unknown>
  acquire(): Promise<HeldConnection>
}

export interface HeldConnection {
  readonly connection: object
  release(): unknown
}

/** What can be laid a load upon. */
export type Loaded = Knex | LoadedPool

function poolOf(loaded: Loaded): LoadedPool {
  if (typeof loaded !== 'function') return loaded
  const client = loaded.client as Knex.Client
  return {
    query: () => loaded.raw('select 1'),
    async acquire() {
      const connection = (await client.acquireConnection()) as object
      return { connection, release: () => client.releaseConnection(connection) }
    },
  }
}

async function request(db: Loaded): Promise<Request> {
  const startedAt = performance.now()
  const error = await poolOf(db).query().then(
    () => undefined,
    (reason: unknown) => reason ?? new Error('rejected with nothing'),
  )
  return { startedAt, millis: performance.now() - startedAt, error }
}

/** So many requests at once. */
export function burst(db: Loaded, count: number): Promise<Request[]> {
  return Promise.all(Array.from({ length: count }, () => request(db)))
}

/** So many callers, each with one request after another, until there were so many requests. */
export async function inTurn(db: Loaded, callers: number, total: number): Promise<Request[]> {
  const requests: Request[] = []
  let begun = 0
  await burstOf(callers, async () => {
    while (begun++ < total) requests.push(await request(db))
  })
  return requests
}

/** So many callers, each with one request after another, as long as it is wanted; a failed one pauses. */
export async function whileWanted(db: Loaded, callers: number, isWanted: () => boolean): Promise<Request[]> {
  const requests: Request[] = []
  await burstOf(callers, async () => {
    while (isWanted()) {
      const made = await request(db)
      requests.push(made)
      await sleep(made.error === undefined ? 1 : 20)
    }
  })
  return requests
}

/** Requests at a steady rate, whether the earlier ones are answered or not. */
export async function steadily(db: Loaded, perSecond: number, millis: number): Promise<Request[]> {
  const requests: Promise<Request>[] = []
  const startedAt = performance.now()
  while (performance.now() - startedAt < millis) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond)
    while (requests.length < due) requests.push(request(db))
    await sleep(1)
  }
  return Promise.all(requests)
}

async function burstOf(count: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, work))
}

export function failed(requests: readonly Request[]): Request[] {
  return requests.filter(({ error }) => error !== undefined)
}

export function worst(requests: readonly Request[]): number {
  return Math.max(...requests.map(({ millis }) => millis))
}

/** The answers of requests that nobody waits for any longer than so. */
export async function answersWithin(db: Loaded, count: number, millis: number): Promise<Request[]> {
  const answered: Request[] = []
  const all = Promise.all(Array.from({ length: count }, async () => void answered.push(await request(db))))
  await Promise.race([all, sleep(millis)])
  return [...answered]
}

/** Holds that many connections at once; resolves with how long it took until it had them. */
export async function timeToHold(db: Loaded, count: number): Promise<number> {
  const pool = poolOf(db)
  const startedAt = performance.now()
  const held = await Promise.all(Array.from({ length: count }, () => pool.acquire()))
  const millis = performance.now() - startedAt
  if (new Set(held.map(({ connection }) => connection)).size !== count) throw new Error('one connection was lent twice')
  for (const { release } of held) await release()
  return millis
}

/** Opens that many connections, and leaves them idle. */
export async function fill(db: Loaded, count: number): Promise<void> {
  await timeToHold(db, count)
}

/** Prints a figure beside what it must not exceed. */
export function report(figure: string, values: Readonly<Record<string, number | string>>): void {
  const texts = Object.entries(values).map(([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value) : value}`)
  console.log(`  ${figure}: ${texts.join(' · ')}`)
}
