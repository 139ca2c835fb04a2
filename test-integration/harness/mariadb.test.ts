import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { type MariadbServer, startMariadb } from './mariadb.ts'
import { isOpen } from './ports.ts'
import { requireOwnServer } from './require-server.ts'

requireOwnServer('mariadb').describe('MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await startMariadb({ maxConnections: 10 })
  })
  afterAll(() => server.stop())

  async function connectClient(): Promise<{ query(sql: string): Promise<unknown>; lost: Promise<unknown> }> {
    const connection = await createConnection(server.url)
    const lost = new Promise((resolve) => connection.on('error', resolve))
    onTestFinished(() => connection.destroy())
    return { query: (sql) => connection.query(sql), lost }
  }

  it('answers, and lists its clients without the harness', async () => {
    const client = await connectClient()
    await client.query('select 1')
    expect(await server.connections()).toMatchObject([{ user: server.user, command: 'Sleep' }])
    expect(server.version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  it('takes as many connections as was said, and still can be asked to kill them', async () => {
    await server.killAll()
    for (let count = 0; count < 10; count += 1) await connectClient()
    await expect(connectClient()).rejects.toMatchObject({ errno: 1040 })
    server.killAllSync()
    expect(await server.connections()).toEqual([])
  })

  it('kills, and kills behind the back of the event loop', async () => {
    const first = await connectClient()
    await vi.waitFor(async () => expect(await server.connections()).toHaveLength(1))
    expect(await server.killAll()).toBe(1)
    await first.lost
    const second = await connectClient()
    const onLost = vi.fn()
    void second.lost.then(onLost)
    server.killAllSync()
    await Promise.resolve()
    expect(onLost).not.toHaveBeenCalled()
    await second.lost
  })

  it.each(['fast', 'immediate'] as const)('restarts (%s) with its port and data', async (mode) => {
    await server.admin.query(`create table ${mode} as select 1 as kept`)
    const client = await connectClient()
    await server.restart(mode, async () => {
      expect(await isOpen(server.port)).toBe(false)
    })
    await client.lost
    expect(await server.admin.query(`select kept from ${mode}`)).toEqual([{ kept: 1 }])
  })

  it('answers nothing while it is paused, and goes on', async () => {
    const client = await connectClient()
    server.pause()
    const answer = client.query('select 1').then(() => 'answered')
    expect(await Promise.race([answer, sleep(100, 'silent')])).toBe('silent')
    server.resume()
    expect(await answer).toBe('answered')
  })
})
