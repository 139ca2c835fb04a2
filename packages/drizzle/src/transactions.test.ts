import { registerKeeper, type PolicyValues } from '@poolkeeper/core'
import { MySql2Session } from 'drizzle-orm/mysql2'
import { NodePgSession } from 'drizzle-orm/node-postgres'
import { describe, expect, test } from 'vitest'
import * as mysql2 from './mysql2.ts'
import * as nodePostgres from './node-postgres.ts'
import { attendTransactions, sessionClassOf, type Sessions } from './transactions.ts'

class Connection {
  releases = 0

  release(): void {
    this.releases++
  }
}

class Pool {
  readonly connection = new Connection()

  connect(): Promise<Connection> {
    return Promise.resolve(this.connection)
  }
}

/** Begins, works and releases as Drizzle does before 1.0: what fails at the beginning is not released. */
function sessions(): new (client: Pool) => { transaction(work: () => Promise<unknown>, canBegin?: boolean): Promise<unknown> } {
  return class Session {
    readonly client: Pool

    constructor(client: Pool) {
      this.client = client
    }

    async transaction(work: () => Promise<unknown>, canBegin = true): Promise<unknown> {
      if (!(this.client instanceof Pool)) throw new Error('this is no pool')
      const connection = await this.client.connect()
      if (!canBegin) throw new Error('BEGIN was refused')
      try {
        return await work()
      } finally {
        connection.release()
      }
    }
  }
}

const SESSIONS: Sessions = { acquire: 'connect', poolBelow: (client) => client }

/** A pool with a keeper, whose transactions are attended. */
function keptSession(mode: PolicyValues['mode'] = 'enforce'): { pool: Pool; session: InstanceType<ReturnType<typeof sessions>>; within: number } {
  const pool = new Pool()
  const Session = sessions()
  const kept = { pool, session: new Session(pool), within: 0 }
  const tracking = {
    runWithin: (_above: unknown, work: () => unknown) => {
      kept.within++
      return work()
    },
  }
  registerKeeper(pool, { policy: { mode }, tracking } as never, {})
  for (let times = 0; times < 2; times++) attendTransactions(SESSIONS, Session)
  return kept
}

describe('a transaction of a kept pool', () => {
  test('whose BEGIN is refused gives its connection back', async () => {
    const { pool, session } = keptSession()
    await expect(session.transaction(async () => {}, false)).rejects.toThrow('BEGIN was refused')
    expect(pool.connection.releases).toBe(1)
  })

  test('that gives its connection back itself does it once', async () => {
    const { pool, session } = keptSession()
    expect(await session.transaction(async () => 'done')).toBe('done')
    await expect(session.transaction(() => Promise.reject(new Error('thrown')))).rejects.toThrow('thrown')
    expect(pool.connection.releases).toBe(2)
  })

  test('is known to the keeper while it goes on, once though attended twice', async () => {
    const kept = keptSession()
    await kept.session.transaction(async () => {})
    expect(kept.within).toBe(1)
  })
})

describe('goes straight on', () => {
  test('what is only observed', async () => {
    const kept = keptSession('observe')
    await expect(kept.session.transaction(async () => {}, false)).rejects.toThrow('BEGIN was refused')
    expect(kept).toMatchObject({ within: 0, pool: { connection: { releases: 0 } } })
  })

  test('what nobody keeps, of the same class', async () => {
    const kept = keptSession()
    const bare = new Pool()
    const Session = kept.session.constructor as ReturnType<typeof sessions>
    await expect(new Session(bare).transaction(async () => {}, false)).rejects.toThrow('BEGIN was refused')
    expect([bare.connection.releases, kept.within]).toEqual([0, 0])
  })
})

test('withPoolPolicy attends the sessions of the Drizzle that is imported', () => {
  nodePostgres.withPoolPolicy('postgres://nobody@127.0.0.1:1/none')
  mysql2.withPoolPolicy('mysql://nobody@127.0.0.1:1/none')
  const attended = Symbol.for('poolkeeper.drizzle.transactions/v1')
  for (const { prototype } of [NodePgSession, MySql2Session]) expect(attended in prototype).toBe(true)
})

test('the sessions of a database are found, and what has none is left alone', () => {
  const Session = sessions()
  const session = new Session(new Pool())
  expect(sessionClassOf({ session })?.prototype).toBe(Session.prototype)
  expect(sessionClassOf({})).toBe(undefined)
})
