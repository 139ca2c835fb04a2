import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'

/** A statement that was sent to a server, on the clock of `performance.now()`. */
export interface Write {
  readonly sentAt: number
  readonly endedAt: number
  readonly outcome: 'written' | 'refused' | 'lost'
}

export interface WriteLoad {
  readonly writes: readonly Write[]
  /** Callers that got no connection: nothing of theirs was sent. */
  readonly unserved: readonly unknown[]
  /** Resolves when the last writer has its answer. */
  end(): Promise<void>
}

const TABLE = 'failover_writes'
const PAUSE_MILLIS = 2

// "Only while reading": PostgreSQL's SQLSTATE, and MariaDB's number for a statement that an option prevents.
const REFUSALS: readonly unknown[] = ['25006', 1290]

/** So many writers, each with one row after another; a lost or refused one is not sent again. */
export async function startWriting(db: Knex, writers: number): Promise<WriteLoad> {
  await db.schema.createTable(TABLE, (table) => void table.increments())
  const load = { writes: [] as Write[], unserved: [] as unknown[], isWanted: true }
  const writing = Promise.all(Array.from({ length: writers }, () => writeInTurn(db, load)))
  return {
    writes: load.writes,
    unserved: load.unserved,
    end: async () => {
      load.isWanted = false
      await writing
    },
  }
}

async function writeInTurn(db: Knex, load: { writes: Write[]; unserved: unknown[]; isWanted: boolean }): Promise<void> {
  const client = db.client as Knex.Client
  while (load.isWanted) {
    // By hand, so that waiting for a connection is told from sending on one.
    const connection = (await client.acquireConnection().catch((error: unknown) => void load.unserved.push(error))) as unknown
    if (typeof connection === 'object' && connection !== null) {
      const sentAt = performance.now()
      const outcome = await db(TABLE).connection(connection).insert({}).then((): 'written' => 'written', outcomeOf)
      load.writes.push({ sentAt, endedAt: performance.now(), outcome })
      await client.releaseConnection(connection)
    }
    await sleep(PAUSE_MILLIS)
  }
}

function outcomeOf(error: unknown): 'refused' | 'lost' {
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  return REFUSALS.includes(code) || REFUSALS.includes(errno) ? 'refused' : 'lost'
}

/** What the old role was still asked after it had said for the first time that it takes no writes, and after `since`. */
export function sentAfterRefusal(writes: readonly Write[], since: number): Write[] {
  const refused = writes.filter(({ outcome }) => outcome === 'refused')
  const first = Math.max(since, Math.min(...refused.map(({ endedAt }) => endedAt)))
  return refused.filter(({ sentAt }) => sentAt > first)
}

/** From the promotion to the first row that was sent after it and written. */
export function millisToWrite(writes: readonly Write[], promotedAt: number): number {
  const written = writes.filter(({ sentAt, outcome }) => outcome === 'written' && sentAt > promotedAt)
  return Math.min(...written.map(({ endedAt }) => endedAt)) - promotedAt
}
