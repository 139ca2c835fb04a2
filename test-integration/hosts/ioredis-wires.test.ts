import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { RedisPool } from '@poolkeeper/ioredis'
import type { Redis, RedisOptions } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runToEnd } from '../harness/process.ts'
import { freePort } from '../harness/ports.ts'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { makeTemporaryFolder, type TemporaryFolder } from '../harness/temporary-folder.ts'
import { until } from '../harness/until.ts'
import versions from '../versions.json' with { type: 'json' }
import { redisScene } from './ioredis-pool.ts'

const require = createRequire(import.meta.url)
let folder: TemporaryFolder
let server: RedisServer
let tlsPort: number
let socket: string

beforeAll(async () => {
  folder = makeTemporaryFolder()
  const [key, certificate] = [folder.write('server.key', ''), folder.write('server.crt', '')]
  const args = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${key} -out ${certificate}`
  await runToEnd({ file: 'openssl', args: args.split(' '), folder })
  tlsPort = await freePort()
  socket = join(folder.path, 'redis.sock')
  const tls = { 'tls-port': String(tlsPort), 'tls-cert-file': certificate, 'tls-key-file': key }
  server = await startRedis({ settings: { ...tls, 'tls-ca-cert-file': certificate, 'tls-auth-clients': 'no', unixsocket: socket } })
})
afterAll(async () => {
  await server.stop()
  await folder.remove()
})
beforeEach(() => server.command('FLUSHALL'))

/** A command, a pipeline, a transaction, one that blocks, and a lease. */
async function tour(pool: RedisPool): Promise<readonly unknown[]> {
  await pool.set('word', 'hello')
  const piped = await pool.pipeline().append('word', '!').get('word').exec()
  const together = await pool.multi().incr('count').incr('count').exec()
  const job = pool.blpop('jobs', 20)
  await pool.rpush('jobs', 'first')
  const leased = await pool.use(async (client) => {
    await client.watch('count')
    return client.multi().incr('count').exec()
  })
  return [piped?.[1]?.[1], together?.[1]?.[1], (await job)?.[1], leased?.[0]?.[1]]
}

const TOUR = ['hello!', 2, 'first', 3]

/** What the options ask for reaches lanes and leases alike. */
const WAYS: readonly (readonly [name: string, options: () => RedisOptions])[] = [
  ['over TLS', () => ({ host: 'localhost', port: tlsPort, tls: { ca: readFileSync(join(folder.path, 'server.crt')) } })],
  ['over a Unix socket', () => ({ path: socket })],
  ['with a prefix for keys', () => ({ keyPrefix: 'app:' })],
  ['in another database', () => ({ db: 3 })],
]

/** Not for transactions either, and the same on whichever connection they come. */
const OF_THE_SERVER: ReadonlySet<string> = new Set(['save', 'shutdown'])

/** The oldest and the newest. */
const ends = [versions.ioredis[0], versions.ioredis.at(-1)].filter((version) => version !== undefined)

describe.each(ends)('a pool of ioredis $version', ({ package: name }) => {
  const { Redis: Client } = require(name) as { Redis: typeof Redis }

  test.each(WAYS)('goes %s: commands, pipelines, what blocks, and leases', async (_, options) => {
    const { pool } = await redisScene(server, { Client, options: options() })
    expect(await tour(pool)).toEqual(TOUR)
  })
})

test.each([2, 3] as const)('ioredis 6 speaks RESP%i on lanes and leases, as it is told', async (protocol) => {
  const { pool } = await redisScene(server, { options: { protocol } })
  expect(await tour(pool)).toEqual(TOUR)
  const clients = await server.command('CLIENT', 'LIST')
  const spoken = clients.split('\n').filter((line) => /lib-name=ioredis|cmd=blpop|cmd=exec|cmd=multi|cmd=rpush/.test(line))
  for (const line of spoken.filter((each) => each.includes(' resp='))) expect(line).toContain(` resp=${protocol}`)
  expect(await pool.use((client) => client.hgetall('none'))).toEqual({})
})

test('a server that the certificate does not belong to is told as what it is, and by the deadline', async () => {
  const options = { host: 'localhost', port: tlsPort, tls: {} }
  const { pool } = await redisScene(server, { options, policy: { createRetry: false } })
  await expect(pool.ping()).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
})

test('keys of a pool with a prefix are its own, in every way that they can be named', async () => {
  const { pool } = await redisScene(server, { options: { keyPrefix: 'app:' } })
  await tour(pool)
  pool.defineCommand('both', { numberOfKeys: 1, lua: "return redis.call('GET', KEYS[1])" })
  const { both } = pool as unknown as { both(key: string): Promise<string> }
  expect(await both.call(pool, 'word')).toBe('hello!')
  expect(await server.command('GET', 'app:word')).toBe('hello!')
  expect(await server.command('EXISTS', 'word', 'count', 'jobs')).toBe('0')
})

describe('a replica that takes no writes', () => {
  let replica: RedisServer

  beforeAll(async () => {
    replica = await startRedis({ settings: { replicaof: `${server.host} ${server.port}` } })
    await until('it has the data', async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
  })
  afterAll(() => replica.stop())

  test('is read from, on lanes and leases, and says what a write is', async () => {
    await server.command('SET', 'read', 'here')
    await until('it has it', async () => (await replica.command('GET', 'read')) === 'here')
    const { pool, keeper } = await redisScene(replica, {})
    expect([await pool.get('read'), await pool.use((client) => client.get('read'))]).toEqual(['here', 'here'])
    await expect(pool.set('read', 'no')).rejects.toThrow('READONLY')
    expect(await pool.get('read')).toBe('here')
    expect(keeper.stats().acquires.failed).toBe(0)
  })

  test('is refused by type with `validateRole: writable`, for lanes and leases', async () => {
    const { pool } = await redisScene(replica, { policy: { validateRole: 'writable', createRetry: false, acquireTimeoutMillis: 1_000 } })
    await expect(pool.get('read')).rejects.toThrow('replica')
    await expect(pool.use((client) => client.get('read'))).rejects.toMatchObject({ cause: { name: 'PoolkeeperError' } })
  })
})

test('whatever the server itself says of a command that blocks or listens, the pool knows of it', async () => {
  const { pool, bare } = await redisScene(server, {})
  const told = (await bare().call('COMMAND')) as readonly (readonly [name: string, arity: number, flags: readonly string[]])[]
  const special = told.filter(([, , flags]) => flags.some((flag) => String(flag) === 'blocking' || String(flag) === 'no_multi')).map(([name]) => name)
  expect(special.length).toBeGreaterThan(10)
  const sent: string[] = []
  for (const name of special) {
    const outcome = await pool.multi().call(name, 'BLOCK', '0', 'STREAMS', 'key').exec().then(() => 'sent', (error: { code?: string }) => error.code)
    if (outcome !== 'UNSUPPORTED_HOST' && !OF_THE_SERVER.has(name)) sent.push(name)
  }
  expect(sent).toEqual([])
})
