import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isPoolkeeperError } from '../errors.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../testing/index.ts'
import { closes, failureOf, fill, ofType, record, take, takeOne, use, waits } from '../testing/scenario.ts'
import type { PoolCredentials } from './pool-credentials.ts'

const LIFE = 100_000
/** A tenth of the life. */
const MARGIN = 10_000

/** What keeps a server's passwords, and hands them out: each lives for so long. */
class SecretStore {
  password = 'secret 1'
  lifeMillis: number | undefined = LIFE
  answerMillis = 5
  asked = 0
  /** What it answers with in place of a password. */
  trouble: (() => unknown) | undefined
  #pool: SimulatedPool | undefined

  readonly provider = async (): Promise<PoolCredentials> => {
    this.asked++
    const { clock } = this.#pool as SimulatedPool
    await new Promise<void>((resolve) => void clock.after(this.answerMillis, resolve))
    if (this.trouble !== undefined) return (await this.trouble()) as PoolCredentials
    const expiresAt = this.lifeMillis === undefined ? undefined : clock.wallNow() + this.lifeMillis
    return { password: this.password, expiresAt }
  }

  open(policy: PoolPolicyOptions = {}, openMillis: number = 20): SimulatedPool {
    const host = { idleTimeoutMillis: false, keepaliveMillis: false } as const
    this.#pool = simulatePool({ policy: { credentials: this.provider, ...policy }, host, openMillis })
    this.#pool.server.password = this.password
    return this.#pool
  }

  /** The server takes the new one alone from now on; who is in stays in. */
  rotate(pool: SimulatedPool, password: string): void {
    this.password = password
    pool.server.password = password
  }
}

describe('asking the provider', () => {
  test('happens when a connection is first opened, once for all who open one', async () => {
    const store = new SecretStore()
    const pool = store.open()
    await pool.clock.advance(1_000)
    expect(store.asked).toBe(0)
    await take(pool, 10)
    expect(store.asked).toBe(1)
    expect(pool.keeper.stats().opens).toEqual({ ok: 10, failed: 0 })
  })

  test('happens again ahead of the end, while the pool is in use', async () => {
    const store = new SecretStore()
    const pool = store.open()
    const events = record(pool)
    while (pool.clock.now() < 3 * LIFE) {
      await use(pool)
      await pool.clock.advance(1_000)
    }
    const renewals = ofType(events, 'credentialsRenewed').map(({ at }) => at)
    expect(renewals).toHaveLength(4)
    for (const [index, at] of renewals.slice(1).entries()) {
      const end = (renewals[index] ?? 0) + LIFE
      expect(end - at).toBeLessThanOrEqual(MARGIN)
      expect(end - at).toBeGreaterThan(MARGIN - 3_000)
    }
  })

  test('does not happen while the pool rests: what was opened with the old ones is closed at their end', async () => {
    const store = new SecretStore()
    const pool = store.open()
    await fill(pool, 3)
    await pool.clock.advance(3 * LIFE)
    expect(store.asked).toBe(1)
    expect(pool.server.alive).toBe(0)
    expect(closes(pool)).toEqual({ credential: 3 })
    await use(pool)
    expect(store.asked).toBe(2)
  })

  test('goes on while the pool rests if it keeps a minimum', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 3 })
    await pool.clock.advance(3 * LIFE)
    expect(store.asked).toBe(4)
    expect(pool.server.alive).toBe(3)
    expect(pool.keeper.stats().replacements).toBe(9)
  })

  test('is not needed again where they never expire', async () => {
    const store = new SecretStore()
    store.lifeMillis = undefined
    const pool = store.open({ min: 2, maxLifetimeMillis: LIFE })
    await pool.clock.advance(10 * LIFE)
    expect(store.asked).toBe(1)
    expect(closes(pool)).toEqual({ maxLifetime: expect.any(Number) as number })
  })
})

describe('P-079: the life of a connection', () => {
  test('ends with its credential: replaced before, by opening first, and never lent after', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 5, max: 5 })
    const events = record(pool)
    let fewest = 5
    while (pool.clock.now() < 2.5 * LIFE) {
      const waited = await waits(pool, 2, 15)
      expect(waited.every((wait) => typeof wait === 'number')).toBe(true)
      await pool.clock.advance(150)
      const { idle, used, validating } = pool.keeper.stats()
      if (pool.clock.now() > 1_000) fewest = Math.min(fewest, idle + used + validating)
    }
    const closed = ofType(events, 'closed')
    expect(closed).toHaveLength(10)
    expect(closed.every(({ reason, ageMillis }) => reason === 'credential' && ageMillis < LIFE)).toBe(true)
    expect(fewest).toBe(5)
    expect(pool.server.most).toBe(6)
  })

  test('is the shorter one of its own lifetime and the credential’s', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 1, max: 1, maxLifetimeMillis: LIFE / 2 })
    await pool.clock.advance(LIFE * 0.75)
    expect(closes(pool)).toEqual({ maxLifetime: 1 })
  })

  test('P-071: is not ended in use: it goes when it comes back', async () => {
    const store = new SecretStore()
    const pool = store.open({ max: 1 })
    const connection = await takeOne(pool)
    await pool.clock.advance(2 * LIFE)
    expect(pool.server.connections).toEqual([connection])
    pool.release(connection)
    await pool.clock.advance(5)
    expect(closes(pool)).toEqual({ credential: 1 })
  })

  test('ends in time for all of a large pool, whose replacements take longer than the margin', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 100, max: 100 }, 300)
    const events = record(pool)
    await pool.clock.advance(2 * LIFE)
    const late = ofType(events, 'closed').filter(({ ageMillis }) => ageMillis >= LIFE)
    expect(late).toEqual([])
    expect(ofType(events, 'closed').length).toBeGreaterThanOrEqual(100)
    expect(pool.server.alive).toBeGreaterThanOrEqual(100)
  })

  test('P-086: ends at the right moment after a suspension that the monotonic clock did not see', async () => {
    const store = new SecretStore()
    const pool = store.open()
    const [before] = await fill(pool, 1)
    pool.clock.wallOffset += LIFE
    expect(await takeOne(pool)).not.toBe(before)
    expect(closes(pool)).toEqual({ credential: 1 })
    expect(store.asked).toBe(2)
  })
})

describe('P-167: credentials that were rotated', () => {
  test('cost no caller an error: the provider is asked once more, and the connect tried once more', async () => {
    const store = new SecretStore()
    const pool = store.open({ max: 4 })
    const held = await take(pool, 2)
    store.rotate(pool, 'secret 2')
    await take(pool, 2)
    expect(store.asked).toBe(2)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: 4, failed: 0 })
    expect(pool.keeper.stats().opens).toEqual({ ok: 4, failed: 0 })
    for (const connection of held) pool.release(connection)
  })

  test('drain what was opened with the old ones, idle ones at once and others when they come back', async () => {
    const store = new SecretStore()
    const pool = store.open({ max: 4 })
    const [idle, held] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    await pool.clock.advance(2_000)
    store.rotate(pool, 'secret 2')
    const newer = await takeOne(pool)
    pool.release(idle)
    await pool.clock.advance(6_000)
    expect(pool.server.connections).toHaveLength(3)
    expect(pool.server.connections).toEqual(expect.arrayContaining([held, newer]))
    expect(pool.server.connections).not.toContain(idle)
    pool.release(held)
    await pool.clock.advance(6_000)
    expect(pool.server.connections).not.toContain(held)
    expect(closes(pool)).toEqual({ credential: 2 })
  })

  test('are never tried in a loop: what is refused twice is the answer, in the server’s own words', async () => {
    const store = new SecretStore()
    const pool = store.open()
    pool.server.password = 'known to nobody'
    store.trouble = () => ({ password: `token ${store.asked}` })
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'WRONG_PASSWORD' })
    expect(store.asked).toBe(2)
  })

  test('are not tried again when the provider has nothing else', async () => {
    const store = new SecretStore()
    const pool = store.open()
    pool.server.password = 'another'
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'WRONG_PASSWORD' })
    expect(store.asked).toBe(2)
    expect(pool.clock.now()).toBe(5 + 20 + 5)
  })

  test('replace nothing while the server refuses the new ones as well', async () => {
    const store = new SecretStore()
    const pool = store.open()
    await fill(pool, 2)
    pool.server.password = 'known to nobody'
    store.trouble = () => ({ password: `token ${store.asked}` })
    await take(pool, 2)
    await failureOf(pool, pool.acquire())
    await pool.clock.advance(10_000)
    expect(closes(pool)).toEqual({})
  })

  test('are asked for once, by all whose connect was refused at one time', async () => {
    const store = new SecretStore()
    const pool = store.open()
    await use(pool)
    store.rotate(pool, 'secret 2')
    const waited = await waits(pool, 8, 100)
    expect(waited.every((wait) => typeof wait === 'number')).toBe(true)
    expect(store.asked).toBe(2)
  })

  test('are asked for again when a renewal under way still brings the old ones', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 1, max: 2 })
    await pool.clock.advance(LIFE - MARGIN - 3_000)
    store.answerMillis = 200
    const askedBefore = store.asked
    store.trouble = () => (store.asked === askedBefore + 1 ? { password: 'secret 1' } : { password: 'secret 2' })
    while (store.asked === askedBefore) await pool.clock.advance(10)
    pool.server.password = 'secret 2'
    await take(pool, 2)
    expect(pool.keeper.stats().acquires).toMatchObject({ ok: 2, failed: 0 })
    expect(store.asked).toBe(askedBefore + 2)
  })

  test('come from another provider after reconfigure(): existing connections are replaced', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 2 })
    await pool.clock.advance(1_000)
    const before = pool.server.connections
    pool.server.password = 'secret 2'
    pool.keeper.reconfigure({ credentials: async () => ({ password: 'secret 2' }) })
    await pool.clock.advance(6_000)
    expect(pool.server.alive).toBe(2)
    expect(pool.server.connections.some((connection) => before.includes(connection))).toBe(false)
    expect(closes(pool)).toEqual({ credential: 2 })
  })
})

describe('a provider in trouble', () => {
  const cause = new Error('the secret store is down')

  test.each<[string, () => unknown, string]>([
    ['that rejects', () => Promise.reject(cause), 'the secret store is down'],
    ['that returns nothing', () => undefined, 'must return an object, got a value of type undefined'],
    ['that returns null', () => null, 'must return an object, got null'],
    ['without a password', () => ({ user: 'me' }), '`password` that is a text, got a value of type undefined'],
    ['with a password that is none', () => ({ password: 5 }), '`password` that is a text, got a value of type number'],
    ['with an empty user', () => ({ user: '', password: 'hunter2' }), '`user` that is a text or left out, got an empty text'],
    ['with an end that is no moment', () => ({ password: 'hunter2', expiresAt: new Date(NaN) }), 'got a date that is none'],
    ['with an end in words', () => ({ password: 'hunter2', expiresAt: 'tomorrow' }), 'milliseconds since the epoch'],
    ['with seconds for milliseconds', () => ({ password: 'hunter2', expiresAt: -1_000 }), 'in milliseconds since the epoch, got one that is 2 s over'],
  ])('%s fails the connect, and says why', async (_, trouble, why) => {
    const store = new SecretStore()
    const pool = store.open()
    store.trouble = trouble
    const error = await failureOf(pool, pool.acquire())
    expect(isPoolkeeperError(error) && error.code).toBe('CREDENTIALS_FAILED')
    expect(String((error as Error).cause)).toContain(why)
    expect(pool.keeper.stats()).toMatchObject({ acquires: { failed: 1 }, opens: { failed: 1 }, opening: 0, pending: 0 })
  })

  test('that throws at once fails the connect as well', async () => {
    const pool = simulatePool({
      policy: {
        credentials: () => {
          throw cause
        },
      },
    })
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'CREDENTIALS_FAILED', cause })
  })

  test('that hangs fails the connect within half of its deadline, and is asked anew by the next one', async () => {
    const store = new SecretStore()
    const pool = store.open({ connectTimeoutMillis: 4_000 })
    store.trouble = () => new Promise(() => {})
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'CREDENTIALS_FAILED' })
    expect(pool.clock.now()).toBe(2_000)
    store.trouble = undefined
    await takeOne(pool)
    expect(store.asked).toBe(2)
  })

  test('costs nothing while the old credentials last, and is asked again with pauses', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 2 })
    const events = record(pool)
    await pool.clock.advance(LIFE - MARGIN - 100)
    store.trouble = () => Promise.reject(cause)
    await pool.clock.advance(MARGIN - 500)
    const failures = ofType(events, 'credentialsFailed')
    expect(failures.length).toBeGreaterThanOrEqual(2)
    expect(failures.length).toBeLessThanOrEqual(6)
    expect(failures[0]?.error).toMatchObject({ code: 'CREDENTIALS_FAILED', cause })
    expect(closes(pool)).toEqual({})
    store.trouble = undefined
    await pool.clock.advance(LIFE / 2)
    expect(pool.server.alive).toBe(2)
  })

  test('for longer than they last: connections go, callers are told, and all is well after it', async () => {
    const store = new SecretStore()
    const pool = store.open({ min: 2 })
    await pool.clock.advance(LIFE / 2)
    store.trouble = () => Promise.reject(cause)
    await pool.clock.advance(LIFE)
    expect(pool.server.alive).toBe(0)
    expect(store.asked).toBeLessThan(40)
    expect(await failureOf(pool, pool.acquire())).toMatchObject({ code: 'CREDENTIALS_FAILED', cause })
    store.trouble = undefined
    await takeOne(pool)
    await pool.clock.advance(20_000)
    expect(pool.server.alive).toBe(2)
  })
})

test('P-173: the secret is nowhere to be seen: not in events, errors, explain(), stats() or the keeper itself', async () => {
  const store = new SecretStore()
  store.password = 'hunter2'
  const pool = store.open({ min: 1 })
  const events = record(pool)
  await fill(pool, 2)
  pool.server.password = 'another'
  await take(pool, 2)
  const error = await failureOf(pool, pool.acquire())
  store.trouble = () => ({ password: 'hunter2', expiresAt: 'hunter2' })
  const nonsense = await failureOf(pool, pool.acquire())
  const { keeper } = pool
  const seen = [events, error, nonsense, keeper, keeper.policy, keeper.explain(), keeper.stats(), keeper.health()]
  expect(inspect(seen, { depth: 20, showHidden: true })).not.toContain('hunter2')
})

test('without a provider nothing is asked, and nothing is awaited', async () => {
  const pool = simulatePool()
  await takeOne(pool)
  expect(pool.clock.now()).toBe(20)
})
