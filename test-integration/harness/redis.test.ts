import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { isOpen } from './ports.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { requireOwnServer } from './require-server.ts'

requireOwnServer('redis').describe('Redis', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis({ settings: { maxclients: '50' } })
  })
  afterAll(() => server.stop())

  it('answers commands, with bulks and errors', async () => {
    expect(await server.command('SET', 'key', 'two\r\nlines')).toBe('OK')
    expect(await server.command('GET', 'key')).toBe('two\r\nlines')
    await expect(server.command('INCR', 'key')).rejects.toThrow('not an integer')
  })

  it('lists its clients without the harness, and kills them', async () => {
    const client = connect(server.port, server.host)
    await once(client, 'connect')
    const address = `${server.host}:${client.localPort}`
    await vi.waitFor(async () => expect(await server.connections()).toMatchObject([{ address }]))
    const closed = once(client, 'close')
    client.resume()
    expect(await server.killClients()).toBe(1)
    await closed
  })

  it.each(['fast', 'immediate'] as const)('restarts (%s) on its port', async (mode) => {
    await server.restart(mode, async () => expect(await isOpen(server.port)).toBe(false))
    expect(await server.command('PING')).toBe('PONG')
  })
})
