import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolEvent, PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy, findPoolkeeperError, keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { type KeptPostgres, keptPostgres } from './postgres-js-kept.ts'
import { postgresDoor } from './postgres-wire.ts'

const WINDOW_MILLIS = 100

const address = requireServer('postgres')

address.describe('what the policy does with postgres.js', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(address)
  })
  afterAll(() => server.stop())

  const kept = (policy: PoolPolicyOptions = {}): Promise<KeptPostgres> => keptPostgres(server, policy)
  const parallel = (sql: Sql, count: number): Promise<unknown[]> => Promise.all(Array.from({ length: count }, () => sql`select pg_sleep(0.02)`))
  const fill = (sql: Sql): Promise<unknown> => parallel(sql, 3)
  const rest = (): Promise<void> => sleep(2 * WINDOW_MILLIS)

  describe('P-051: a connection proven within the window is used unasked, and asked once after it', () => {
    test.each([
      { window: 10_000, checks: 0 },
      { window: WINDOW_MILLIS, checks: 3 },
      { window: false as const, checks: 0 },
    ])('window $window: $checks checks', async ({ window, checks }) => {
      const { sql, keeper } = await kept({ validateAfterIdleMillis: window })
      await fill(sql)
      await rest()
      await fill(sql)
      await sql`select 1`
      expect(keeper.stats().validations).toMatchObject({ ok: checks, failed: 0, timedOut: 0 })
    })

    test('a window of 0 asks before every query that finds connections idle, in the words of the policy', async () => {
      const { sql, keeper } = await kept({ max: 1, validateAfterIdleMillis: 0, validationQuery: 'select 1, 2' })
      await sql`select 1`
      await sleep(600)
      const rows = await sql`select ${'a'}::text as word, 3 as number`
      expect(rows).toEqual([{ word: 'a', number: 3 }])
      expect(keeper.stats().validations).toMatchObject({ ok: 1, failed: 0 })
    })
  })

  test('P-054: the check has a deadline of its own, its socket is destroyed, and the query was sent once, elsewhere', async () => {
    const { sql, keeper, proxy } = await kept({ max: 1, validateAfterIdleMillis: WINDOW_MILLIS, validationTimeoutMillis: 300 })
    await sql`select 1`
    await sql.unsafe('create table if not exists kept_counter (at serial); truncate kept_counter')
    await rest()
    proxy.blackhole()
    const startedAt = performance.now()
    await sql`insert into kept_counter default values`
    expect(performance.now() - startedAt).toBeLessThan(1_500)
    expect(await sql`select count(*)::int as n from kept_counter`).toEqual([{ n: 1 }])
    expect(keeper.stats()).toMatchObject({ validations: { timedOut: 1 }, closes: { invalid: 1 }, generation: 1 })
    await vi.waitUntil(() => proxy.openConnections === 1, 1_000)
    await sql`drop table kept_counter`
  })

  test.each(['query', 'transaction', 'reserved', 'parameters', 'cursor', 'notify'])(
    'P-050: connections that died unseen cost nobody an error: %s',
    async (what) => {
      const { sql, label } = await kept({ validateAfterIdleMillis: WINDOW_MILLIS })
      await fill(sql)
      await rest()
      postgresDoor(server, label).killUnseen()
      if (what === 'query') expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
      if (what === 'parameters') expect(await sql`select ${7}::int + ${5}::int as sum`).toEqual([{ sum: 12 }])
      if (what === 'notify') await sql.notify('nobody', 'hears')
      if (what === 'transaction') {
        expect(await sql.begin(async (transaction) => transaction`select 2 as two`)).toEqual([{ two: 2 }])
      }
      if (what === 'reserved') {
        const reserved = await sql.reserve()
        expect(await reserved`select 3 as three`).toEqual([{ three: 3 }])
        reserved.release()
      }
      if (what === 'cursor') {
        const seen: unknown[] = []
        for await (const [row] of sql`select generate_series(1, 3) as n`.cursor()) seen.push(row?.['n'])
        expect(seen).toEqual([1, 2, 3])
      }
    },
  )

  test('P-129: inside the window a death costs what was in flight, with its own error, and nothing after it', async () => {
    const { sql, keeper, label } = await kept({ validateAfterIdleMillis: 60_000 })
    await fill(sql)
    postgresDoor(server, label).killUnseen()
    const answers = await Promise.allSettled([1, 2, 3].map(() => sql`select 1`))
    expect(answers.map(({ status }) => status)).toContain('rejected')
    for (let round = 0; round < 5; round++) await parallel(sql, 6)
    expect(keeper.stats().closes.fatal + keeper.stats().closes.stale).toBe(3)
    expect(keeper.stats().generation).toBe(1)
  })

  test('P-020: who waits has an answer by his deadline, and leaves nothing in the queue', async () => {
    const { sql, keeper } = await kept({ max: 1, acquireTimeoutMillis: 200, validationTimeoutMillis: 100 })
    const held = sql.begin(async (transaction) => transaction`select pg_sleep(0.6)`)
    await sleep(100)
    const error = await sql`select 1`.catch((thrown: unknown) => thrown)
    expect(findPoolkeeperError(error)).toMatchObject({ code: 'POOL_EXHAUSTED', counts: { used: 1 } })
    await expect(sql.reserve()).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' })
    await held
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    expect(keeper.stats()).toMatchObject({ pending: 0, used: 0, acquires: { timedOut: 2 } })
  })

  test('P-020: a connect that comes after the deadline serves the next one', async () => {
    const { sql, proxy } = await kept({ max: 1, acquireTimeoutMillis: 150, validationTimeoutMillis: 100 })
    proxy.delay(120)
    await expect(sql`select 1`).rejects.toMatchObject({ name: 'PoolkeeperError' })
    proxy.delay(0)
    await sleep(700)
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('callers beyond `maxPending` are turned away at once', async () => {
    const { sql, keeper } = await kept({ max: 1, maxPending: 0 })
    const held = sql.begin(async (transaction) => transaction`select pg_sleep(0.3)`)
    await sleep(100)
    await expect(sql`select 1`).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' })
    await held
    expect(keeper.stats().acquires.refused).toBe(1)
  })

  test('`min` is opened ahead, `ready()` waits for it, and it is refilled after a loss', async () => {
    const { sql, keeper, label } = await kept({ min: 2 })
    await keeper.ready()
    expect(keeper.stats()).toMatchObject({ idle: 2, opens: { ok: 2, failed: 0 }, acquires: { ok: 0 } })
    await postgresDoor(server, label).kill()
    await vi.waitUntil(() => keeper.stats().opens.ok === 4 && keeper.stats().idle === 2, 8_000)
    await sql`select 1`
  })

  test('`ready()` says why it is not', async () => {
    const { keeper, proxy } = await kept({ min: 1 })
    proxy.refuse()
    await expect(keeper.ready({ timeoutMillis: 2_000 })).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
  })

  test('P-170: counters, events and the server agree at rest', async () => {
    const { sql, keeper, label } = await kept()
    const events: PoolEvent[] = []
    keeper.subscribe((event) => events.push(event))
    await parallel(sql, 10)
    await sql`select nothing from nowhere`.catch(() => {})
    await keeper.recycle()
    await parallel(sql, 4)
    await vi.waitUntil(() => keeper.stats().used === 0)
    const { acquires, closes, idle, opens } = keeper.stats()
    expect(acquires).toEqual({ ok: 15, timedOut: 0, aborted: 0, refused: 0, failed: 0 })
    expect(opens.ok - closes.recycle).toBe(idle)
    expect(closes.recycle).toBe(3)
    expect(events.filter(({ type }) => type === 'opened')).toHaveLength(opens.ok)
    expect(events.filter(({ type }) => type === 'closed')).toHaveLength(closes.recycle)
    expect(await postgresDoor(server, label).connections()).toHaveLength(idle)
  })

  test('P-132: recycling spares who has a connection for himself until he gives it back, and an empty pool opens again', async () => {
    const { sql, keeper } = await kept()
    await keeper.recycle()
    await fill(sql)
    const reserved = await sql.reserve()
    let isOver = false
    const recycling = keeper.recycle().then(() => (isOver = true))
    await vi.waitUntil(() => keeper.stats().closes.recycle === 2)
    await parallel(sql, 6)
    expect(await reserved`select 1 as one`).toEqual([{ one: 1 }])
    expect(isOver).toBe(false)
    reserved.release()
    await recycling
    await fill(sql)
    await sleep(20)
    expect(await keeper.evictIdle()).toBe(3)
    await fill(sql)
    expect(keeper.stats().closes).toMatchObject({ recycle: 3, idle: 3 })
  })

  test('P-071: connections end at their age, each by its own draw, and never in use', async () => {
    const { sql, keeper } = await kept({ maxLifetimeMillis: 1_000, lifetimeSpread: 0.5 })
    await fill(sql)
    expect(await sql.begin((transaction) => transaction`select pg_sleep(1.3), 1 as one`)).toMatchObject([{ one: 1 }])
    await vi.waitUntil(() => keeper.stats().closes.maxLifetime >= 3, 3_000)
  })

  test('P-160: draining waits for what is in flight, refuses the rest, and says who was in the way', async () => {
    const { sql, keeper } = await kept()
    const finished = sql`select pg_sleep(0.2), 1 as one`.execute()
    const held = sql.begin(async (transaction) => transaction`select pg_sleep(5)`).catch((error: unknown) => error)
    await sleep(100)
    const draining = keeper.drain({ timeoutMillis: 400 })
    await expect(sql`select 1`).rejects.toMatchObject({ code: 'DRAINING' })
    expect(await finished).toMatchObject([{ one: 1 }])
    const report = await draining
    expect(report).toMatchObject({ clean: false, blockers: [{}] })
    expect(await held).toBeInstanceOf(Error)
    expect(keeper.health().status).toBe('down')
    expect(keeper.stats()).toMatchObject({ used: 0, idle: 0 })
  })

  test('pausing holds queries back until it is over', async () => {
    const { sql, keeper } = await kept()
    await sql`select 1`
    keeper.pause()
    const waiting = sql`select 1 as one`
    waiting.catch(() => {})
    await vi.waitUntil(() => keeper.stats().pending === 1)
    expect(keeper.explain()).toMatchObject({ connections: [{ state: 'idle' }], waiters: [{ why: 'the pool is paused' }] })
    keeper.resume()
    expect(await waiting).toEqual([{ one: 1 }])
  })

  test('LISTEN goes on beside the pool, and is not counted in it', async () => {
    const { sql, keeper } = await kept()
    const heard: string[] = []
    await sql.listen('news', (text) => heard.push(text))
    await sql.notify('news', 'one')
    await vi.waitUntil(() => heard.length === 1)
    expect(keeper.stats().opens.ok).toBe(1)
  })

  test('large results, failed statements, COPY and cancels go through unharmed', async () => {
    const { sql, keeper } = await kept({ validateAfterIdleMillis: 0 })
    const [row] = await sql`select repeat('x', 2000000) as text`
    expect((row as { text: string }).text).toHaveLength(2_000_000)
    expect(await sql`select generate_series(1, 20000) as n`).toHaveLength(20_000)
    await expect(sql`select 1 / 0`).rejects.toMatchObject({ code: '22012' })
    const slow = sql`select pg_sleep(5)`.execute()
    setTimeout(() => slow.cancel(), 150)
    await expect(slow).rejects.toMatchObject({ code: '57014' })
    const readable = await sql`copy (select generate_series(1, 3)) to stdout`.readable()
    const chunks: Buffer[] = []
    for await (const chunk of readable) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toBe('1\n2\n3\n')
    await vi.waitUntil(() => keeper.stats().used === 0)
  })

  test('an option that cannot be had is refused by name, with the reason', async () => {
    expect(() => withPoolPolicy({}, { maxUses: 5 })).toThrow(/`maxUses` cannot be had with postgres.js: .*lends none/)
    expect(() => withPoolPolicy({}, { max: 0 })).toThrow(/`max` must be/)
    expect(() => withPoolPolicy({ socket: () => {} } as object)).toThrow(/socket/)
    const sql = postgres(address.url, { max: 2 })
    onTestFinished(() => sql.end())
    expect(() => applyPoolPolicy(sql, { max: 5 })).toThrow(/`max` was settled when this instance was made/)
    const secure = postgres(address.url, { ssl: 'require' })
    expect(() => applyPoolPolicy(secure)).toThrow(/TLS/)
    expect(() => keeperOf(sql)).toThrow(/no pool policy/)
    const keeper = applyPoolPolicy(sql, { name: 'late' })
    await sql`select 1`
    expect(keeper.stats()).toMatchObject({ name: 'late', max: 2, opens: { ok: 1 } })
    await expect(keeper.resize({ max: 3 })).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
  })
})
