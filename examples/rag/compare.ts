import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { PoolConfig } from 'pg'
import { letAgentsAsk, type Load, type Retrieval, type Retrieve } from './agents.ts'
import { type Passage, QUESTIONS, readCorpus } from './corpus.ts'
import { chooseStore, dropStore } from './stores.ts'
import { barePool, keptPool, noPool, type Way } from './ways.ts'

export interface Comparison {
  /** How the embeddings are stored. */
  readonly kind: string
  readonly passages: number
  /** What is found for the first question. */
  readonly found: readonly Passage[]
  readonly phases: readonly Phase[]
}

/** What the agents went through, by the way in which they came by their connections. */
export interface Phase {
  readonly title: string
  readonly ways: ReadonlyMap<string, readonly Retrieval[]>
}

const WAYS: readonly ((config: PoolConfig) => Way)[] = [noPool, barePool, keptPool]

/** An idle connection is closed after a second, where pg-pool's default is ten. */
const IDLE_MILLIS = 1_000
const NIGHT_MILLIS = 1_500
const KILLS = 3
const KILL_EVERY_MILLIS = 30

/** The same agents with the same questions, without a pool, on a bare pool and on a kept one. */
export async function compare(url: string, load: Load): Promise<Comparison> {
  const db = drizzle({ connection: { connectionString: url, max: 1 } })

  /** One that is within a statement, if there is one. */
  async function killOneOf(application: string): Promise<boolean> {
    const { rowCount } = await db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = ${application} order by state = 'active' desc limit 1`)
    return rowCount === 1
  }

  try {
    const store = await chooseStore(db)
    const corpus = readCorpus()
    await store.fill(db, corpus)
    const retrieve: Retrieve = (lent, agent, turn) => store.search(lent, questionOf(agent, turn))
    const days = new Map<string, Day>()
    for (const make of WAYS) {
      const application = `poolkeeper rag ${days.size}`
      const way = make({ connectionString: url, application_name: application, idleTimeoutMillis: IDLE_MILLIS })
      days.set(way.name, await liveThrough(way, retrieve, load, () => killOneOf(application)))
    }
    return { kind: store.kind, passages: corpus.length, found: await store.search(db, questionOf(0, 0)), phases: phasesOf(days) }
  } finally {
    await dropStore(db)
    await db.$client.end()
  }
}

/** Phase by phase. */
type Day = Readonly<Record<string, readonly Retrieval[]>>

async function liveThrough(way: Way, retrieve: Retrieve, load: Load, kill: () => Promise<boolean>): Promise<Day> {
  const burst: Load = { ...load, turns: 1 }
  try {
    await way.start()
    return {
      'first questions after a start': await letAgentsAsk(way, retrieve, burst),
      'at work': await letAgentsAsk(way, retrieve, load),
      'a burst after an idle night': await sleep(NIGHT_MILLIS).then(() => letAgentsAsk(way, retrieve, burst)),
      [`${KILLS} connections killed at work`]: await underAttack(letAgentsAsk(way, retrieve, load), kill),
    }
  } finally {
    await way.end()
  }
}

async function underAttack(asking: Promise<Retrieval[]>, kill: () => Promise<boolean>): Promise<Retrieval[]> {
  let isOver = false
  void asking.then(() => (isOver = true))
  for (let killed = 0; killed < KILLS && !isOver; ) {
    await sleep(KILL_EVERY_MILLIS)
    if (await kill()) killed++
  }
  return asking
}

function phasesOf(days: ReadonlyMap<string, Day>): Phase[] {
  const titles = Object.keys([...days.values()][0] ?? {})
  return titles.map((title) => ({ title, ways: new Map([...days].map(([way, day]) => [way, day[title] ?? []])) }))
}

/** Two agents seldom ask the same at the same time. */
function questionOf(agent: number, turn: number): string {
  return QUESTIONS[(agent + turn) % QUESTIONS.length] ?? ''
}
