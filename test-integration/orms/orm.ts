import type { PoolKeeper } from '@poolkeeper/core'
import { type Kysely, sql } from 'kysely'
import type { DataSource } from 'typeorm'
import { describe, expect, onTestFinished, test } from 'vitest'

export type Ask = (sql: string) => Promise<readonly object[]>

/** An ORM on a kept pool, as its users hold it. */
export interface Orm {
  readonly keeper: PoolKeeper
  readonly ask: Ask
  transaction(work: (ask: Ask) => Promise<void>): Promise<void>
  end(): Promise<void>
}

export interface OrmWay {
  readonly name: string
  open(): Orm | Promise<Orm>
}

export interface OrmServer {
  /** A statement that answers with the number of its connection, as `id`. */
  readonly whichConnection: string
  /** Ends the connections of the tests; this process's event loop has not seen it when it returns. */
  killUnseen(): void
}

export function onKysely(keeper: PoolKeeper, db: Kysely<unknown>): Orm {
  const askOf =
    (on: Kysely<unknown>): Ask =>
    async (text) =>
      (await sql.raw<object>(text).execute(on)).rows
  return {
    keeper,
    ask: askOf(db),
    transaction: (work) => db.transaction().execute((trx) => work(askOf(trx))),
    end: () => db.destroy(),
  }
}

export function onTypeorm(keeper: PoolKeeper, source: DataSource): Orm {
  return {
    keeper,
    ask: (text) => source.query(text),
    transaction: (work) => source.transaction((manager) => work((text) => manager.query(text))),
    end: () => source.destroy(),
  }
}

/** The policy of these tests: a connection is asked before each checkout, and nobody is waited for long. */
export const POLICY = { validateAfterIdleMillis: 0, drainTimeoutMillis: 5_000 } as const

/** What an ORM has of a kept pool, though nothing of ours knows that ORM. */
export function describeOrm({ name, open }: OrmWay, server: OrmServer): void {
  describe(name, () => {
    async function start(): Promise<Orm> {
      const orm = await open()
      let ending: Promise<void> | undefined
      const end = (): Promise<void> => (ending ??= orm.end())
      onTestFinished(end)
      await orm.ask('drop table if exists orm_notes')
      await orm.ask('create table orm_notes (author text)')
      return { ...orm, end }
    }

    test('a statement is one lease, and given back', async () => {
      const { keeper, ask } = await start()
      const before = keeper.stats().acquires.ok
      expect(await ask('select 1 as one')).toEqual([{ one: 1 }])
      expect(keeper.stats()).toMatchObject({ acquires: { ok: before + 1 }, used: 0, idle: 1 })
    })

    test('a transaction is one lease from its beginning to its commit', async () => {
      const { keeper, ask, transaction } = await start()
      const before = keeper.stats().acquires.ok
      await transaction(async (askWithin) => {
        await askWithin("insert into orm_notes values ('kept')")
        expect(keeper.stats().used).toBe(1)
      })
      expect(keeper.stats()).toMatchObject({ acquires: { ok: before + 1 }, used: 0 })
      expect(await ask('select author from orm_notes')).toEqual([{ author: 'kept' }])
    })

    test('a transaction that throws leaves nothing behind, neither a row nor a lease', async () => {
      const { keeper, ask, transaction } = await start()
      const events: string[] = []
      keeper.subscribe(({ type }) => events.push(type))
      const failing = transaction(async (askWithin) => {
        await askWithin("insert into orm_notes values ('lost')")
        throw new Error('on purpose')
      })
      await expect(failing).rejects.toThrow('on purpose')
      expect(await ask('select author from orm_notes')).toEqual([])
      expect(keeper.stats().used).toBe(0)
      expect(events).not.toContain('dirtyReturn')
    })

    test('a connection that died while it lay idle is not handed out', async () => {
      const { keeper, ask } = await start()
      const [before] = await ask(server.whichConnection)
      server.killUnseen()
      const [after] = await ask(server.whichConnection)
      expect(after).not.toEqual(before)
      const { fatal, invalid, stale } = keeper.stats().closes
      expect(fatal + invalid + stale).toBe(1)
    })

    test('a drain waits for a transaction, and the end of the pool is no error after it', async () => {
      const { keeper, ask, transaction, end } = await start()
      let draining: ReturnType<PoolKeeper['drain']> | undefined
      await transaction(async (askWithin) => {
        draining = keeper.drain()
        await askWithin("insert into orm_notes values ('late')")
      })
      expect(await draining).toMatchObject({ clean: true, blockers: [] })
      await expect(ask('select 1 as one')).rejects.toThrow()
      expect(keeper.stats()).toMatchObject({ used: 0, idle: 0, opening: 0, closing: 0 })
      await end()
    })
  })
}
