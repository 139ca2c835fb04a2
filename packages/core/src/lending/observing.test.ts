import { afterEach, describe, expect, test, vi } from 'vitest'
import { EVENT_TYPES, type PoolEvent } from '../events.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from '../testing/index.ts'
import { fill, ofType, record, take, waits } from '../testing/scenario.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A day in the life: lending, waiting, failing, dying, recycling. */
async function live(pool: SimulatedPool): Promise<void> {
  await fill(pool, 5)
  await pool.clock.advance(1_000)
  await waits(pool, 20, 50)
  pool.server.connects = 'refused'
  for (const connection of pool.server.connections.slice(0, 2)) pool.server.kill(connection)
  await waits(pool, 8, 50)
  pool.server.connects = 'accepted'
  await pool.clock.advance(2_000)
  pool.server.silence(pool.server.connections)
  await waits(pool, 5, 20)
  await pool.clock.advance(1_000)
  await pool.clock.until(pool.keeper.recycle())
  await pool.keeper.resize({ max: 2 })
  await waits(pool, 5, 20)
  await pool.clock.advance(100)
}

const POLICY = { max: 5, min: 1, maxUses: 20 }

describe('counters', () => {
  test('P-169: say exactly what the events say', async () => {
    const pool = simulatePool({ policy: POLICY })
    const events = record(pool)
    await live(pool)
    const { acquires, opens, validations, closes, replacements, generation, waitMillis, useMillis } = pool.keeper.stats()
    const count = (type: PoolEvent['type']): number => events.filter((event) => event.type === type).length
    expect(count('acquired')).toBe(acquires.ok)
    expect(count('acquireFailed')).toBe(acquires.failed + acquires.timedOut)
    expect(count('opened')).toBe(opens.ok)
    expect(count('openFailed')).toBe(opens.failed)
    expect(count('validated')).toBe(validations.ok)
    expect(ofType(events, 'validationFailed').filter(({ timedOut }) => timedOut)).toHaveLength(validations.timedOut)
    expect(ofType(events, 'validationFailed').filter(({ timedOut }) => !timedOut)).toHaveLength(validations.failed)
    expect(count('generationBumped')).toBe(generation)
    expect(ofType(events, 'closed').filter(({ reason }) => reason === 'recycle').length).toBeLessThanOrEqual(replacements)
    for (const [reason, closed] of Object.entries(closes)) {
      expect(ofType(events, 'closed').filter((event) => event.reason === reason), reason).toHaveLength(closed)
    }
    expect([waitMillis.count, useMillis.count]).toEqual([count('acquired'), count('released')])
    expect(acquires.failed).toBeGreaterThan(0)
    expect(validations.timedOut).toBeGreaterThan(0)
  })

  test('P-077: every connection is closed once, for one reason, which is the one it was retired for', async () => {
    const pool = simulatePool({ policy: POLICY })
    const events = record(pool)
    await live(pool)
    await pool.clock.until(pool.keeper.drain())
    const opened = ofType(events, 'opened').map(({ connection }) => connection)
    const retired = new Map(ofType(events, 'retired').map(({ connection, reason }) => [connection, reason]))
    const closed = ofType(events, 'closed')
    expect(ofType(events, 'retired')).toHaveLength(retired.size)
    expect(closed.map(({ connection }) => connection).sort((a, b) => a - b)).toEqual(opened)
    expect(closed.map(({ connection, reason }) => [connection, reason])).toEqual(
      closed.map(({ connection }) => [connection, retired.get(connection)]),
    )
  })

  test('are the same whether anybody listens or not', async () => {
    const [heard, unheard] = [simulatePool({ policy: POLICY }), simulatePool({ policy: POLICY })]
    record(heard)
    await live(heard)
    await live(unheard)
    expect(heard.keeper.stats()).toEqual(unheard.keeper.stats())
  })

  test('are a copy: nobody can change them, and they do not change by themselves', async () => {
    const pool = simulatePool()
    const before = pool.keeper.stats()
    Object.assign(before.acquires, { ok: 99 })
    await fill(pool, 2)
    expect(before.opens.ok).toBe(0)
    expect(pool.keeper.stats().acquires.ok).toBe(2)
  })
})

describe('events', () => {
  test('P-171: tell the life of a connection in its order', async () => {
    const pool = simulatePool({ policy: { maxUses: 2 } })
    const events = record(pool)
    await waits(pool, 1, 10)
    await pool.clock.advance(600)
    await waits(pool, 1, 10)
    await pool.clock.advance(20)
    expect(events.map(({ type, at }) => `${type} ${at}`)).toEqual([
      'opened 20',
      'acquired 20',
      'released 30',
      'validated 621',
      'acquired 621',
      'released 631',
      'retired 631',
      'closed 632',
    ])
    expect(ofType(events, 'closed')).toMatchObject([{ connection: 1, reason: 'maxUses', ageMillis: 612, uses: 2 }])
  })

  test('are all of types that are listed, and name the pool', async () => {
    const pool = simulatePool({ policy: { ...POLICY, name: 'orders' } })
    const events = record(pool)
    await live(pool)
    expect(events.every(({ type, pool: name }) => EVENT_TYPES.includes(type) && name === 'orders')).toBe(true)
  })
})

describe('P-168: an observer', () => {
  test('that throws on everything changes nothing', async () => {
    vi.spyOn(process, 'emitWarning').mockReturnValue()
    const [broken, sound] = [simulatePool({ policy: POLICY }), simulatePool({ policy: POLICY })]
    broken.keeper.subscribe(() => {
      throw new Error('observer is broken')
    })
    await live(broken)
    await live(sound)
    expect(broken.keeper.stats()).toEqual(sound.keeper.stats())
  })

  test('may use the pool itself while it is told', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const lent: SimulatedConnection[] = []
    let isAsking = false
    const unsubscribe = pool.keeper.subscribe((event) => {
      if (event.type !== 'opened' || isAsking) return
      isAsking = true
      void pool.acquire().then((connection) => lent.push(connection))
      pool.keeper.stats()
    })
    await take(pool, 1)
    await pool.clock.advance(100)
    unsubscribe()
    expect(pool.keeper.stats()).toMatchObject({ used: 2, pending: 0 })
    expect(lent).toHaveLength(1)
  })
})
