import { setTimeout as sleep } from 'node:timers/promises'
import { createRedisPool, keeperOf, type RedisPool } from '@poolkeeper/ioredis'
import type { RedisOptions } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type RedisSentinels, startRedisSentinels } from '../harness/redis-sentinels.ts'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { requireOwnServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'
import { outcomeOf, redisScene } from '../hosts/ioredis-pool.ts'
import { report } from './load.ts'
import { type Account, accountOf, startCounting } from './redis-writes.ts'

const COMMANDERS = 8
const BORROWERS = 4
const MOMENT_MILLIS = 300
const TRUSTED_MILLIS = 600

requireOwnServer('redis').describe('P-137: a primary and a replica, watched by three sentinels, under load', () => {
  // Until a primary that was replaced follows the new one, Sentinel takes its time: one set for each test.
  let living: RedisSentinels
  let dying: RedisSentinels

  beforeAll(async () => {
    const sets = await Promise.all([startRedisSentinels(), startRedisSentinels()])
    living = sets[0]
    dying = sets[1]
  })
  afterAll(() => Promise.all([living.stop(), dying.stop()]))

  function open({ addresses, name }: RedisSentinels, options: RedisOptions = {}): RedisPool {
    const pool = createRedisPool({ sentinels: [...addresses], name, ...options })
    onTestFinished(async () => void (await keeperOf(pool).drain({ timeoutMillis: 0 })))
    return pool
  }

  /** Goes on as if nothing happened, through the whole failover. */
  async function failOver(figure: string, pool: RedisPool, promote: () => Promise<RedisServer>): Promise<Account> {
    const load = startCounting(pool, COMMANDERS, BORROWERS)
    await sleep(MOMENT_MILLIS)
    const beganAt = performance.now()
    const primary = await promote()
    const promotedAt = performance.now()
    await until('writes reach the new primary', async () => (await accountOf(load, primary)).healedAfter(promotedAt) < Infinity)
    await sleep(MOMENT_MILLIS)
    // Whoever were never answered would keep it from ending.
    await load.end()
    const account = await accountOf(load, primary)
    report(figure, {
      answered: account.answered,
      'errors, with at most 12 in flight': account.failed,
      'executed twice': account.twice,
      'without an answer': 0,
      'acknowledged by the old primary, and not replicated': account.notReplicated,
      'promoted after ms': promotedAt - beganAt,
      'healed after ms': account.healedAfter(promotedAt),
    })
    return account
  }

  test('the replica takes the place of the living primary: every command is answered, and none executed twice', async () => {
    const account = await failOver('failover on demand', open(living, { failoverDetector: true }), () => living.failOver())
    expect(account.twice).toBe(0)
    expect(account.failed).toBeLessThanOrEqual(2 * (COMMANDERS + BORROWERS))
  })

  test('the primary dies: every command is answered, and none executed twice', async () => {
    const account = await failOver('the primary dies', open(dying), () => dying.crash())
    expect(account.twice).toBe(0)
    expect(account.failed).toBeLessThanOrEqual(2 * (COMMANDERS + BORROWERS))
  })
})

requireOwnServer('redis').describe('P-054: a network that swallows every connection of a pool of Redis, and new ones', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())

  test('bare ioredis hangs; the pool answers or fails everything by its deadline, and is whole at once when the network returns', async () => {
    const deadline = 1_000
    const { pool, proxy, bare } = await redisScene(server, { policy: { max: 8, lanes: 3, acquireTimeoutMillis: deadline, validateAfterIdleMillis: 0 } })
    const client = bare()
    const borrow = (): Promise<string> => pool.use((own) => own.ping())
    await Promise.all([...repeated(30, () => pool.ping()), ...repeated(5, borrow), client.ping()])
    // What has just been opened is trusted for half a second; a command on it would wait for an answer for ever.
    await sleep(TRUSTED_MILLIS)
    proxy.blackhole({ newConnections: true })
    const asked = performance.now()
    let bareMillis = Infinity
    void outcomeOf(client.ping()).then(({ millis }) => (bareMillis = millis))
    const during = await Promise.all([...repeated(30, () => pool.ping()), ...repeated(5, borrow)].map(outcomeOf))
    const worst = Math.max(...during.map(({ millis }) => millis))
    const waiting = [pool.ping(), borrow()]
    await sleep(MOMENT_MILLIS)
    const healedAt = performance.now()
    proxy.heal()
    await Promise.all(waiting)
    await Promise.all([...repeated(30, () => pool.ping()), ...repeated(5, borrow)])
    const whole = performance.now() - healedAt
    report('a blackhole of all connections', {
      commands: during.length,
      failed: during.filter(({ error }) => error !== undefined).length,
      'worst ms': worst,
      'deadline ms': deadline,
      'whole after ms': whole,
      'bare ioredis, without an answer after ms': bareMillis === Infinity ? performance.now() - asked : `answered after ${bareMillis}`,
    })
    expect(worst).toBeLessThan(2 * deadline)
    // One second until the next attempt is sent, the connect itself, and room for a busy machine.
    expect(whole).toBeLessThan(2_500)
    expect(bareMillis).toBe(Infinity)
  })
})

function repeated(times: number, work: () => Promise<string>): Promise<string>[] {
  return Array.from({ length: times }, work)
}
