import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { startPgbouncer } from './pgbouncer.ts'
import { isOpen } from './ports.ts'
import { type PostgresServer, startPostgres } from './postgres.ts'
import { requireOwnServer } from './require-server.ts'

describe.each(['system', 'embedded'] as const)('PostgreSQL, %s', (prefer) => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgres({ prefer, maxConnections: 4 })
  })
  afterAll(() => server.stop())

  async function connectClient(applicationName = 'client'): Promise<Client> {
    const client = new Client({ connectionString: server.url, application_name: applicationName })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end().catch(() => {}))
    return client
  }

  it('is the one that was asked for, and answers', async () => {
    expect(server.kind).toBe(prefer)
    const client = await connectClient()
    const { rows } = await client.query('select current_user as user, current_database() as database')
    expect(rows).toEqual([{ user: server.user, database: server.database }])
    expect(server.version).toMatch(/^\d+\.\d+$/)
  })

  it('lists its clients by name, and not the harness', async () => {
    const client = await connectClient('one')
    await connectClient('two')
    await client.query('begin')
    const named = async () => (await server.connections()).map(({ applicationName }) => applicationName).sort()
    await vi.waitFor(async () => expect(await named()).toEqual(['one', 'two']))
    const [one] = await server.connections({ applicationName: 'one' })
    expect(one).toMatchObject({ applicationName: 'one', state: 'idle in transaction' })
  })

  it('takes as many connections as was said, and the admin still gets in', async () => {
    await vi.waitFor(async () => expect(await server.connections()).toHaveLength(0))
    for (let count = 0; count < 4; count += 1) await connectClient()
    await expect(connectClient()).rejects.toMatchObject({ code: '53300' })
    // The server forgets the one that it refused a moment after its client.
    await vi.waitFor(async () => expect(await server.connections()).toHaveLength(4))
    expect(await server.terminateAll()).toBe(4)
  })

  it('terminates the connections that were chosen', async () => {
    const doomed = await connectClient('doomed')
    const spared = await connectClient('spared')
    const ended = lost(doomed)
    expect(await server.terminateAll({ applicationName: 'doomed' })).toBe(1)
    await ended
    await spared.query('select 1')
  })

  it('terminates behind the back of the event loop', async () => {
    const client = await connectClient()
    const onEnd = vi.fn()
    client.on('end', onEnd)
    server.terminateAllSync()
    expect(onEnd).not.toHaveBeenCalled()
    await expect(client.query('select 1')).rejects.toThrow()
    await expect(server.connections()).resolves.toEqual([])
  })

  it.each(['fast', 'immediate'] as const)('restarts (%s) with its port and data', async (mode) => {
    await server.admin.query(`create table ${mode} as select 1 as kept`)
    const client = await connectClient()
    const ended = lost(client)
    await server.restart(mode, async () => {
      await expect(connectClient()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    })
    await ended
    expect(await server.admin.query(`select kept from ${mode}`)).toEqual([{ kept: 1 }])
    await connectClient()
  })

  it('answers nothing while it is paused, and goes on', async () => {
    const client = await connectClient()
    server.pause()
    const answer = client.query('select 1').then(() => 'answered')
    expect(await Promise.race([answer, sleep(100, 'silent')])).toBe('silent')
    server.resume()
    expect(await answer).toBe('answered')
  })

  it('has a standby, which follows it, takes no writes, and does once it is promoted', async () => {
    const standby = await server.startStandby()
    onTestFinished(() => standby.stop())
    const write = 'create table followed as select 1 as kept'
    await expect(standby.admin.query(write)).rejects.toMatchObject({ code: '25006' })
    await server.admin.query(write)
    await vi.waitFor(async () => expect(await standby.admin.query('select kept from followed')).toEqual([{ kept: 1 }]))
    await standby.promote()
    await standby.admin.query('insert into followed values (2)')
    expect(await server.admin.query('select kept from followed')).toEqual([{ kept: 1 }])
  })

  it('asks members of one role for a password', async () => {
    await server.admin.query("create role guest login password 'right' in role needs_password")
    const url = new URL(server.url)
    url.username = 'guest'
    url.password = 'wrong'
    const client = new Client({ connectionString: url.href })
    client.on('error', () => {})
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' })
  })
})

describe('PostgreSQL, of its own', () => {
  it('leaves nothing behind when it is stopped, even while paused', async () => {
    const server = await startPostgres({ settings: { work_mem: '1MB' } })
    expect(await server.admin.query('show work_mem')).toEqual([{ work_mem: '1MB' }])
    const [row] = await server.admin.query<{ data_directory: string }>('show data_directory')
    server.pause()
    await server.stop()
    expect(existsSync(row?.data_directory ?? '')).toBe(false)
    expect(await isOpen(server.port)).toBe(false)
  })
})

requireOwnServer('pgbouncer').describe('PgBouncer', () => {
  it('gives one server connection to each transaction in turn', async () => {
    const target = await startPostgres({ settings: {} })
    onTestFinished(() => target.stop())
    const bouncer = await startPgbouncer({ target, poolMode: 'transaction' })
    const clients = [new Client(bouncer.url), new Client(bouncer.url)]
    const pids: unknown[] = []
    for (const client of clients) {
      await client.connect()
      pids.push((await client.query('select pg_backend_pid() as pid')).rows[0].pid)
    }
    for (const client of clients) await client.end()
    expect(pids[0]).toBe(pids[1])
    await bouncer.stop()
    expect(await isOpen(bouncer.port)).toBe(false)
  })
})

// Not `once`: it would reject at the error that comes before the end.
function lost(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.once('end', resolve)
  })
}
