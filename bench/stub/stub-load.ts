import type { Pool } from 'tarn'
import type { StubConnection } from './stub-pool.ts'

export const LOADS = ['sequential', 'contended'] as const
export type Load = (typeof LOADS)[number]

const CALLERS: Readonly<Record<Load, number>> = { sequential: 1, contended: 100 }

export const LOAD_TITLES: Readonly<Record<Load, string>> = {
  sequential: 'one caller, sequential',
  contended: '100 callers on 10',
}

/** So many checkouts, each an acquire and a release, shared among the load's callers. */
export async function runLoad(pool: Pool<StubConnection>, load: Load, checkouts: number): Promise<void> {
  const callers = CALLERS[load]
  await Promise.all(Array.from({ length: callers }, () => checkOut(pool, checkouts / callers)))
}

async function checkOut(pool: Pool<StubConnection>, times: number): Promise<void> {
  for (let time = 0; time < times; time++) pool.release(await pool.acquire().promise)
}
