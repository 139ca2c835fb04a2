import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { withPoolPolicy as withDrizzlePolicy } from '@poolkeeper/drizzle/postgres-js'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'
import postgres, { type Options } from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { makeTemporaryFolder, type TemporaryFolder } from '../harness/temporary-folder.ts'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'
import { runToEnd } from '../harness/process.ts'
import { type KeptPostgres, keptPostgres } from './postgres-js-kept.ts'
import { postgresDoor } from './postgres-wire.ts'

type OwnOptions = Options<Record<string, never>>

async function certificateIn(folder: TemporaryFolder): Promise<{ readonly key: string; readonly certificate: string }> {
  // The server wants them to be its own.
  const [key, certificate] = [folder.write('server.key', ''), folder.write('server.crt', '')]
  const args = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout ${key} -out ${certificate}`
  await runToEnd({ file: 'openssl', args: args.split(' '), folder })
  chmodSync(key, 0o600)
  return { key, certificate }
}

describe('postgres.js on the wire', () => {
  let server: PostgresServer
  let folder: TemporaryFolder
  let authority: string

  beforeAll(async () => {
    folder = makeTemporaryFolder()
    const { certificate, key } = await certificateIn(folder)
    authority = readFileSync(certificate, 'utf8')
    server = await startPostgres({ settings: { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key } })
  })
  afterAll(async () => {
    await server.stop()
    await folder.remove()
  })

  const kept = (policy = {}, more: OwnOptions = {}): Promise<KeptPostgres> => keptPostgres(server, policy, more)

  describe('TLS', () => {
    const isEncrypted = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'

    test.each(['require', 'prefer', 'verified'] as const)('is talked by the port: %s', async (wish) => {
      const ssl = wish === 'verified' ? { ca: authority, servername: 'localhost' } : wish
      const { sql, keeper } = await kept({ validateAfterIdleMillis: 0 }, { ssl })
      expect(await sql.unsafe(isEncrypted)).toEqual([{ ssl: true }])
      expect(await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`).toEqual([{ ssl: true }])
      expect(keeper.stats().validations).toMatchObject({ ok: 1, failed: 0 })
    })

    test('with a certificate that nobody has vouched for is refused', async () => {
      const { sql, keeper } = await kept({}, { ssl: {} })
      await expect(sql`select 1`).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
      expect(keeper.stats().opens).toMatchObject({ ok: 0, failed: 1 })
    })

    test('a silent connection is found out below it as well', async () => {
      const { sql, keeper, proxy } = await kept({ max: 1, validateAfterIdleMillis: 50, validationTimeoutMillis: 300 }, { ssl: 'require' })
      await sql`select 1`
      await sleep(100)
      proxy.blackhole()
      expect(await sql.unsafe(isEncrypted)).toEqual([{ ssl: true }])
      expect(keeper.stats().closes.invalid).toBe(1)
    })

    test('that stands in the URL alone is refused where the policy is applied, and never left out', async () => {
      const url = `${server.url}?sslmode=require`
      const sql = postgres(url, withPoolPolicy({ max: 1 }))
      expect(() => keeperOf(sql)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_HOST', message: expect.stringContaining('`ssl`') as string }))
      expect(() => applyPoolPolicy(postgres(url))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_HOST' }))
      await expect(sql`select 1`).rejects.toMatchObject({ code: 'UNSUPPORTED_HOST' })
      await sql.end({ timeout: 0 })
    })

    test('is taken from the URL where Drizzle makes the instance', async () => {
      const url = `${server.url}?sslmode=require`
      for (const connection of [url, { url }]) {
        const { client } = withDrizzlePolicy({ connection })
        onTestFinished(() => client.end())
        expect(await client.unsafe(isEncrypted)).toEqual([{ ssl: true }])
        expect(keeperOf(client).stats().opens.ok).toBe(1)
      }
    })
  })

  describe('what goes through', () => {
    test('sql.file()', async () => {
      const { sql } = await kept()
      const file = folder.write('statement.sql', 'select 6 * 7 as answer')
      expect(await sql.file(file)).toEqual([{ answer: 42 }])
      await expect(sql.file(join(folder.path, 'none.sql'))).rejects.toMatchObject({ code: 'ENOENT' })
    })

    test('cursors, whole and left early', async () => {
      const { sql, keeper } = await kept({ max: 1, validateAfterIdleMillis: 0 })
      let seen = 0
      await sql`select generate_series(1, 50) as n`.cursor(20, (rows) => {
        seen += rows.length
      })
      expect(seen).toBe(50)
      for await (const [row] of sql`select generate_series(1, 50) as n`.cursor()) if (row?.['n'] === 3) break
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
      await vi.waitUntil(() => keeper.stats().used === 0)
    })

    test('COPY in both directions', async () => {
      const { sql } = await kept({ validateAfterIdleMillis: 0 })
      await sql.begin(async (transaction) => {
        await transaction`create temporary table copied (n int) on commit drop`
        const rows = Array.from({ length: 20_000 }, (_, index) => `${index}\n`)
        await pipeline(Readable.from(rows), await transaction`copy copied from stdin`.writable())
        expect(await transaction`select count(*)::int as n from copied`).toEqual([{ n: 20_000 }])
      })
      let bytes = 0
      for await (const chunk of await sql`copy (select generate_series(1, 20000)) to stdout`.readable()) bytes += (chunk as Buffer).length
      expect(bytes).toBe(108_894)
    })

    test('begin, savepoints that fail, and two-phase work of one caller', async () => {
      const { sql } = await kept()
      await sql`create table if not exists kept_wire (n int)`
      const rows = await sql.begin('isolation level serializable', async (transaction) => {
        await transaction`insert into kept_wire values (1)`
        await transaction.savepoint(async (inner) => inner`select 1 / 0`).catch(() => {})
        await transaction.savepoint('named', (inner) => inner`insert into kept_wire values (2)`)
        return transaction`select n from kept_wire order by n`
      })
      expect(rows).toEqual([{ n: 1 }, { n: 2 }])
      await expect(sql.begin(async (transaction) => { await transaction`delete from kept_wire`; throw new Error('of its own') })).rejects.toThrow('of its own')
      expect(await sql`select count(*)::int as n from kept_wire`).toEqual([{ n: 2 }])
      await sql`drop table kept_wire`
    })
  })

  describe('a connection that listens', () => {
    test('hears on while the pool is asked, recycled and refilled', async () => {
      const { sql, keeper } = await kept({ validateAfterIdleMillis: 50, keepaliveMillis: 1_000, min: 1 })
      const heard: string[] = []
      await sql.listen('news', (text) => void heard.push(text))
      const [before] = await sql`select pid from pg_stat_activity where query like 'listen %'`
      for (const text of ['asked', 'recycled', 'evicted']) {
        await sleep(100)
        if (text === 'recycled') await keeper.recycle()
        if (text === 'evicted') await keeper.evictIdle()
        await sql.notify('news', text)
      }
      await vi.waitUntil(() => heard.length === 3)
      expect(heard).toEqual(['asked', 'recycled', 'evicted'])
      expect(await sql`select pid from pg_stat_activity where query like 'listen %'`).toEqual([before])
    })

    test('comes back by itself when it is lost, as in postgres.js', async () => {
      const { sql, label } = await kept()
      const heard: string[] = []
      await sql.listen('news', (text) => void heard.push(text))
      await postgresDoor(server, label).kill()
      await vi.waitUntil(async () => {
        await sql.notify('news', 'again').catch(() => {})
        return heard.length > 0
      }, { timeout: 5_000, interval: 50 })
    })

    test('is closed with the pool when that is drained', async () => {
      const { sql, keeper, label } = await kept()
      await sql.listen('news', () => {})
      await sql`select 1`
      expect(await keeper.drain({ timeoutMillis: 500 })).toMatchObject({ clean: true })
      await vi.waitUntil(async () => (await postgresDoor(server, label).connections()).length === 0, 2_000)
    })
  })
})
