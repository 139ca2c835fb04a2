import { createRequire } from 'node:module'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PoolCredentials } from '@poolkeeper/ioredis'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { until } from '../harness/until.ts'
import versions from '../versions.json' with { type: 'json' }
import { redisScene } from './ioredis-pool.ts'

const require = createRequire(import.meta.url)
let server: RedisServer

beforeAll(async () => {
  server = await startRedis({ settings: { maxclients: '200' } })
})
afterAll(() => server.stop())
beforeEach(() => server.command('FLUSHALL'))

/** What gives logins to the server for a while each: the one before is taken away when nobody has it any more. */
class Vault {
  asked = 0
  #number = 0

  get user(): string {
    return `app-${this.#number}`
  }

  get password(): string {
    return `secret ${this.#number}`
  }

  /** Whoever is in stays in; nobody comes in with the one before. Returns that. */
  async rotate(): Promise<string> {
    const before = this.user
    this.#number++
    await server.command('ACL', 'SETUSER', this.user, 'reset', 'on', `>${this.password}`, '~*', '&*', '+@all')
    await server.command('ACL', 'SETUSER', before, 'resetpass')
    return before
  }

  readonly provider = async (): Promise<PoolCredentials> => {
    this.asked++
    return { user: this.user, password: this.password, expiresAt: Date.now() + 60_000 }
  }
}

/** The connections that are logged in as this user, as the server sees them. */
async function loggedInAs(user: string): Promise<readonly string[]> {
  const clients = (await server.command('CLIENT', 'LIST')).split('\n')
  return clients.filter((line) => line.includes(` user=${user} `)).map((line) => line.split(' ')[0] ?? '')
}

/** Works on lanes and leases until it is told to stop; what failed. */
function load(pool: Pick<Redis, 'incr'> & { use<T>(work: (client: Redis) => Promise<T>): Promise<T> }, tasks: number) {
  const errors: unknown[] = []
  let isOver = false
  let sent = 0
  const work = async (task: number): Promise<void> => {
    while (!isOver) {
      sent++
      const work = task % 4 === 0 ? pool.use(async (client) => client.multi().incr('count').exec()) : pool.incr('count')
      await work.catch((error: unknown) => errors.push(error))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const all = Promise.all(Array.from({ length: tasks }, (_, task) => work(task)))
  const stop = async (): Promise<{ errors: readonly unknown[]; sent: number }> => {
    isOver = true
    await all
    return { errors, sent }
  }
  return { stop, sent: () => sent }
}

/** The oldest and the newest: a login is the same in all between. */
const ends = [versions.ioredis[0], versions.ioredis.at(-1)].filter((version) => version !== undefined)

describe.each(ends)('credentials of ioredis $version', ({ package: name }) => {
  const { Redis: Client } = require(name) as { Redis: typeof Redis }

  test('P-079: that are rotated under load cost no error and no connection: those that live are logged in anew', async () => {
    const vault = new Vault()
    await vault.rotate()
    const { pool, keeper } = await redisScene(server, { Client, policy: { max: 20, lanes: 2, credentials: vault.provider } })
    const running = load(pool, 12)
    await until('it is under way', async () => running.sent() > 100)
    for (let rotation = 0; rotation < 2; rotation++) {
      const living = await loggedInAs(vault.user)
      const before = await vault.rotate()
      // One more than there are: it is refused what the pool has, and the pool asks for more.
      const leases = await Promise.all(living.map(() => pool.lease()))
      await Promise.all(leases.map((lease) => lease.release()))
      await until('all are logged in anew', async () => (await loggedInAs(before)).length === 0)
      expect(await loggedInAs(vault.user)).toEqual(expect.arrayContaining([...living]))
      // This would close whoever is in with it.
      await server.command('ACL', 'DELUSER', before)
    }
    const { errors, sent } = await running.stop()
    expect({ errors, count: Number(await pool.get('count')) }).toEqual({ errors: [], count: sent })
    expect(keeper.stats().closes).toMatchObject({ credential: 0, fatal: 0 })
    expect(vault.asked).toBe(3)
  })

  test('that have changed are asked for once, when a connection is lost: a bare client with the old ones is out for good', async () => {
    const vault = new Vault()
    await vault.rotate()
    const { pool, bare } = await redisScene(server, { Client, policy: { credentials: vault.provider } })
    const client = bare({ username: vault.user, password: vault.password, maxRetriesPerRequest: 1 })
    expect([await pool.ping(), await client.ping()]).toEqual(['PONG', 'PONG'])
    await vault.rotate()
    expect([await pool.ping(), await client.ping()]).toEqual(['PONG', 'PONG'])
    let closes = 0
    client.on('close', () => closes++)
    await server.killClients()
    expect(await until('the pool is in again', () => pool.ping())).toBe('PONG')
    expect(await pool.use((leased) => leased.ping())).toBe('PONG')
    // Lost, and sent away again since.
    await until('the bare client is out', async () => closes > 1)
    expect(vault.asked).toBe(2)
  })
})
