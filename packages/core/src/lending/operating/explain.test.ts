import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedConnection } from '../../testing/index.ts'
import { askers, fill, take, takeOne } from '../../testing/scenario.ts'
import { factsWith, policyOf } from '../../testing/fixtures.ts'
import type { ConnectionFacts } from '../../facts.ts'
import { explainConnection, type ConnectionExplanation, type DueAction } from './explain.ts'
import { judgeHealth, type HealthView } from './health.ts'

describe('what is due next', () => {
  const now = 100_000
  const policy = policyOf({
    maxLifetimeMillis: 1_000_000,
    lifetimeSpread: 0,
    idleTimeoutMillis: 30_000,
    keepaliveMillis: 60_000,
  })

  test.each<[string, ConnectionExplanation['state'], Partial<ConnectionFacts>, DueAction, boolean?]>([
    ['to an idle connection', 'idle', { idleSince: 80_000, provenAt: 80_000 }, { action: 'closeIdle', inMillis: 10_000 }],
    ['to one that min keeps', 'idle', { idleSince: 5_000, provenAt: 45_000 }, { action: 'keepalive', inMillis: 5_000 }, true],
    ['to an old one', 'idle', { openedAt: -895_000, idleSince: now, provenAt: now }, { action: 'replace', inMillis: 5_000 }],
    ['to one past its time', 'idle', { openedAt: -2_000_000, idleSince: now, provenAt: now }, { action: 'replace', inMillis: 0 }],
    ['to one in use', 'used', { lentAt: 9_000 }, { action: 'replace', inMillis: 900_000 }],
    ['to one whose credential ends first', 'used', { lentAt: 9_000, credential: { issue: 1, expiresAt: 160_000, marginMillis: 6_000 } }, { action: 'replace', inMillis: 54_000 }],
    ['to one whose end is decided', 'used', { lentAt: 9_000, condemnedFor: 'fatal' }, { action: 'close', inMillis: 0 }],
  ])('%s', (_, state, facts, next, isKept = false) => {
    expect(explainConnection(factsWith(facts), state, { now, generation: 0, policy, isKept, suspendedMillis: 0, holder: undefined }).next).toEqual(next)
  })

  test('nothing, where everything is switched off', () => {
    const off = policyOf({ maxLifetimeMillis: false, idleTimeoutMillis: false, keepaliveMillis: false })
    expect(explainConnection(factsWith(), 'idle', { now: 0, generation: 0, policy: off, isKept: true, suspendedMillis: 0, holder: undefined }).next).toBeUndefined()
  })
})

describe('explain()', () => {
  test('shows every connection, and who waits for what', async () => {
    const pool = simulatePool({ policy: { max: 2 }, answerMillis: 50 })
    const [first, second] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    await pool.clock.advance(1_000)
    pool.release(second)
    await pool.clock.advance(200)
    expect(pool.keeper.explain()).toMatchObject({
      connections: [
        { connection: first.id, state: 'used', ageMillis: 1_200, uses: 1, sinceMillis: 1_200, provenMillisAgo: 1_200, isInDoubt: false },
        { connection: second.id, state: 'idle', uses: 1, sinceMillis: 200 },
      ],
      waiters: [],
    })
    await takeOne(pool)
    const waiting = askers(pool, 2)
    await pool.clock.advance(300)
    expect(pool.keeper.explain().waiters).toEqual([
      { waitedMillis: 300, why: 'all connections were in use' },
      { waitedMillis: 300, why: 'all connections were in use' },
    ])
    void waiting
  })

  test('shows what is being asked, and what is in doubt', async () => {
    const pool = simulatePool({ policy: { max: 3 }, answerMillis: 50 })
    const all = await fill(pool, 3)
    pool.server.kill(all[0] as SimulatedConnection)
    const { connections } = pool.keeper.explain()
    expect(connections).toMatchObject([
      { connection: 2, state: 'validating', isInDoubt: true },
      { connection: 3, state: 'validating', isInDoubt: true },
    ])
  })

  test('says why callers of a paused pool wait', () => {
    const pool = simulatePool()
    pool.keeper.pause()
    void askers(pool, 1)
    expect(pool.keeper.explain().waiters).toMatchObject([{ why: 'the pool is paused' }])
  })
})

describe('health', () => {
  const counts = { used: 0, idle: 1, validating: 0, opening: 0, closing: 0, pending: 0 }
  const well: HealthView = {
    counts,
    max: 2,
    draining: false,
    paused: false,
    connectFails: false,
    circuit: 'closed',
    connectSilentMillis: 0,
    sinceTimeoutMillis: Infinity,
  }
  const empty = { ...counts, idle: 0 }

  test.each<[string, Partial<HealthView>, string, number]>([
    ['all is well', {}, 'up', 0],
    ['nothing is open, and nobody has asked', { counts: empty }, 'up', 0],
    ['all are in use, and nobody waits', { counts: { ...counts, used: 2, idle: 0 } }, 'up', 0],
    ['all are in use, and callers wait', { counts: { ...counts, used: 2, idle: 0, pending: 1 } }, 'degraded', 1],
    ['connecting fails, and some are open', { connectFails: true }, 'degraded', 1],
    ['connecting fails, and none is open', { counts: empty, connectFails: true }, 'down', 1],
    ['connecting is silent, and some are open', { connectSilentMillis: 1_000 }, 'degraded', 1],
    ['connecting is silent, and none is open', { counts: empty, connectSilentMillis: 1_000 }, 'down', 1],
    ['connecting takes a moment', { counts: empty, connectSilentMillis: 999 }, 'up', 0],
    ['somebody got nothing lately', { sinceTimeoutMillis: 9_999 }, 'degraded', 1],
    ['somebody got nothing long ago', { sinceTimeoutMillis: 10_000 }, 'up', 0],
    ['the pool is paused', { paused: true }, 'down', 1],
    ['the pool drains', { draining: true }, 'down', 1],
    ['the circuit is open, and some connections are', { circuit: 'open', connectFails: true }, 'degraded', 2],
    ['the circuit is open, and no connection is', { counts: empty, circuit: 'open', connectFails: true }, 'down', 2],
    ['the circuit is half open', { counts: empty, circuit: 'halfOpen', connectFails: true }, 'down', 2],
    ['several at once', { paused: true, connectFails: true, sinceTimeoutMillis: 0 }, 'down', 3],
  ])('%s', (_, view, status, reasons) => {
    const health = judgeHealth({ ...well, ...view })
    expect(health.status).toBe(status)
    expect(health.reasons).toHaveLength(reasons)
  })

  test('of a pool follows its server down and up again', async () => {
    const pool = simulatePool()
    expect(pool.keeper.health().status).toBe('up')
    pool.server.connects = 'refused'
    await pool.clock.until(askers(pool, 1))
    expect(pool.keeper.health()).toMatchObject({ status: 'down', reasons: ['no connection is open, and connecting fails'] })
    pool.server.connects = 'accepted'
    await fill(pool, 1)
    expect(pool.keeper.health().status).toBe('up')
  })
})
