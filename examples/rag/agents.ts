import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { Lease, Way } from './ways.ts'

/** Where the time of one retrieval went, in milliseconds. */
export interface Retrieval {
  readonly hasFailed: boolean
  /** Until its connection was open; zero when that was open before it asked. */
  readonly connect: number
  /** Until it got that connection. */
  readonly wait: number
  readonly query: number
}

/** What an agent does with its connection, in its nth turn. */
export type Retrieve = (db: NodePgDatabase, agent: number, turn: number) => Promise<unknown>

export interface Load {
  readonly agents: number
  /** Of each agent, one after another. */
  readonly turns: number
  /** What an agent thinks after a turn, at most. */
  readonly thinkMillis: number
}

/** All agents at once, each one retrieval after another, with thoughts in between. */
export async function letAgentsAsk(way: Way, retrieve: Retrieve, { agents, turns, thinkMillis }: Load): Promise<Retrieval[]> {
  const agent = async (me: number): Promise<Retrieval[]> => {
    const retrievals: Retrieval[] = []
    for (let turn = 0; turn < turns; turn++) {
      retrievals.push(await timed(way, (db) => retrieve(db, me, turn)))
      await sleep(thinkMillis * shareOf(me, turn))
    }
    return retrievals
  }
  return (await Promise.all(Array.from({ length: agents }, (_, me) => agent(me)))).flat()
}

/** From 0 to 1, and the same in every run. */
function shareOf(agent: number, turn: number): number {
  return ((7 * agent + 3 * turn) % 10) / 9
}

async function timed(way: Way, retrieve: (db: NodePgDatabase) => Promise<unknown>): Promise<Retrieval> {
  const askedAt = performance.now()
  const lease = await way.lease().catch(() => undefined)
  const gotAt = performance.now()
  const hasFailed = lease === undefined || !(await succeeds(lease, retrieve))
  const query = performance.now() - gotAt
  const connect = Math.max(0, (lease?.openedAt ?? 0) - askedAt)
  return { hasFailed, connect, wait: gotAt - askedAt - connect, query }
}

async function succeeds({ client, release }: Lease, retrieve: (db: NodePgDatabase) => Promise<unknown>): Promise<boolean> {
  try {
    await retrieve(drizzle({ client }))
    return true
  } catch {
    return false
  } finally {
    release()
  }
}
