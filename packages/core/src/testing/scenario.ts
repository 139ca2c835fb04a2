import type { PoolEvent, PoolEventType } from '../events.ts'
import type { SimulatedPool } from './simulated-pool.ts'
import type { SimulatedConnection } from './simulated-server.ts'

/** Acquires so many at once, and waits until all are there. */
export function take(pool: SimulatedPool, count: number): Promise<SimulatedConnection[]> {
  return pool.clock.until(Promise.all(Array.from({ length: count }, () => pool.acquire())))
}

export async function takeOne(pool: SimulatedPool): Promise<SimulatedConnection> {
  return pool.clock.until(pool.acquire())
}

/** Leaves so many connections idle; the coldest first. */
export async function fill(pool: SimulatedPool, count: number): Promise<SimulatedConnection[]> {
  const connections = await take(pool, count)
  for (const connection of connections) pool.release(connection)
  return connections
}

/** Uses the pool, so that upkeep takes it for one that is in use; one connection, one moment. */
export async function use(pool: SimulatedPool): Promise<void> {
  pool.release(await takeOne(pool))
}

/** Asks so often, and says for each how long he waited, or why he got nothing; lets no time pass. */
export function askers(pool: SimulatedPool, count: number, holdMillis: number = 0): Promise<(number | Error)[]> {
  const one = async (): Promise<number | Error> => {
    const since = pool.clock.now()
    try {
      const connection = await pool.acquire()
      const waited = pool.clock.now() - since
      pool.clock.after(holdMillis, () => pool.release(connection))
      return waited
    } catch (error) {
      return error as Error
    }
  }
  return Promise.all(Array.from({ length: count }, one))
}

/** The same, and lets time pass until all have their answer. */
export function waits(pool: SimulatedPool, count: number, holdMillis: number = 0): Promise<(number | Error)[]> {
  return pool.clock.until(askers(pool, count, holdMillis))
}

/** What the pool reports from now on. */
export function record(pool: SimulatedPool): PoolEvent[] {
  const events: PoolEvent[] = []
  pool.keeper.subscribe((event) => void events.push(event))
  return events
}

export function ofType<T extends PoolEventType>(events: readonly PoolEvent[], type: T): Extract<PoolEvent, { type: T }>[] {
  return events.filter((event): event is Extract<PoolEvent, { type: T }> => event.type === type)
}

/** The reasons for which connections were closed, without those that never occurred. */
export function closes(pool: SimulatedPool): Record<string, number> {
  return Object.fromEntries(Object.entries(pool.keeper.stats().closes).filter(([, count]) => count > 0))
}

/** The error that a promise rejects with, on virtual time. */
export async function failureOf(pool: SimulatedPool, promise: Promise<unknown>): Promise<unknown> {
  return pool.clock.until(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )
}
