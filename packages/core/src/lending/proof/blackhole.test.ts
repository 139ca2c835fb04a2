import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedPool } from '../../testing/index.ts'
import { askers, closes, fill, ofType, record, takeOne, waits } from '../../testing/scenario.ts'

const OPEN = 20
const HOLD = 300

/** A full idle pool of ten, which a firewall has forgotten. */
async function forgotten(withHistory: boolean): Promise<SimulatedPool> {
  const pool = simulatePool({ policy: { max: 10 }, openMillis: OPEN })
  await fill(pool, 10)
  if (withHistory) {
    await pool.clock.advance(1_000)
    await fill(pool, 10)
  }
  await pool.clock.advance(5_000)
  pool.server.silence(pool.server.connections)
  return pool
}

function worst(waited: readonly (number | Error)[]): number {
  return Math.max(...waited.map((each) => (typeof each === 'number' ? each : Infinity)))
}

describe('P-054: ten silent connections', () => {
  test.each([
    ['whose usual round trip is known: an idle rival, then a fresh one', true, 100 + 100 + OPEN],
    ['of which nothing is known: one deadline and a half', false, 1_000 + 500 + OPEN],
  ])('cost a single caller one short moment, when they are ones %s', async (_, withHistory, moment) => {
    const pool = await forgotten(withHistory)
    expect(worst(await waits(pool, 1))).toBeLessThanOrEqual(moment)
  })

  test.each([
    ['with history', true, 100],
    ['without history', false, 500],
  ])('and twenty callers that hold for 300 ms: nobody waits for more than one short moment and his turn (%s)', async (_, withHistory, slowAfter) => {
    const pool = await forgotten(withHistory)
    const waited = await waits(pool, 20, HOLD)
    const sorted = waited.map(Number).sort((a, b) => a - b)
    // The first ten: one rival proves that others answer, then each gets a connection of his own.
    expect(sorted[9]).toBeLessThanOrEqual(slowAfter + 2 * OPEN + 1)
    expect(worst(waited)).toBeLessThanOrEqual(slowAfter + 2 * OPEN + HOLD + 1)
    expect(pool.server.most).toBe(11)
  })

  test('bump the generation once, and are all destroyed hard within the moment', async () => {
    const pool = await forgotten(true)
    const events = record(pool)
    await waits(pool, 20, HOLD)
    await pool.clock.advance(HOLD)
    expect(pool.keeper.stats()).toMatchObject({ generation: 1, closing: 0 })
    expect(ofType(events, 'generationBumped')).toHaveLength(1)
    expect(closes(pool)).toEqual({ invalid: 1, stale: 9 })
    expect(ofType(events, 'closed').map(({ at }) => at - (events[0]?.at ?? 0))).toEqual(Array(10).fill(expect.toSatisfy((after: number) => after <= OPEN)))
  })

  test('are replaced by no more connections than callers need', async () => {
    const pool = await forgotten(true)
    const before = pool.server.accepted
    await waits(pool, 20, HOLD)
    expect(pool.server.accepted - before).toBeLessThanOrEqual(11)
  })

  test('with replaceAhead 0 cost a caller at most one check’s deadline, and the socket limit is kept', async () => {
    const pool = simulatePool({ policy: { max: 10, replaceAhead: 0, validationTimeoutMillis: 400 }, openMillis: OPEN })
    await fill(pool, 10)
    await pool.clock.advance(5_000)
    pool.server.silence(pool.server.connections)
    expect(worst(await waits(pool, 20, 0))).toBeLessThanOrEqual(400 + 2 * OPEN)
    expect(pool.server.most).toBe(10)
  })

  test('and connects that are swallowed too: every caller has an answer by his deadline', async () => {
    const pool = simulatePool({ policy: { max: 10, acquireTimeoutMillis: 3_000 } })
    await fill(pool, 10)
    await pool.clock.advance(5_000)
    pool.server.silence(pool.server.connections)
    pool.server.connects = 'swallowed'
    const since = pool.clock.now()
    const answers = await waits(pool, 20)
    expect(answers.every((answer) => answer instanceof Error)).toBe(true)
    expect(pool.clock.now() - since).toBe(3_000)
  })
})

describe('a rival', () => {
  test('is the warmest idle connection, if there is one that nobody asks yet', async () => {
    const pool = simulatePool()
    const [cold, warm, silent] = await fill(pool, 3)
    await pool.clock.advance(5_000)
    pool.server.silence(silent === undefined ? [] : [silent])
    const events = record(pool)
    expect(await takeOne(pool)).toBe(warm)
    expect(ofType(events, 'rivalStarted')).toMatchObject([{ connection: 3, rival: 'idle', silentMillis: 500 }])
    await pool.clock.advance(1)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 1 })
    expect(cold).toBeDefined()
  })

  test('that lost goes back to the pool, when the first answers after all', async () => {
    const pool = simulatePool({ answerMillis: 1 })
    await fill(pool, 2)
    await pool.clock.advance(5_000)
    pool.server.answerMillis = 600
    expect(await waits(pool, 1, 10_000)).toEqual([600])
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 1, validating: 0 })
    expect(closes(pool)).toEqual({})
  })

  test('serves whoever has waited longest', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const all = await fill(pool, 2)
    await pool.clock.advance(5_000)
    pool.server.silence(all)
    const order: string[] = []
    const callers = ['first', 'second'].map((name) => pool.acquire().then(() => order.push(name)))
    await pool.clock.until(Promise.all(callers))
    expect(order).toEqual(['first', 'second'])
  })

  test('is one at a time, and the silent one is not condemned before a rival is proven', async () => {
    const pool = simulatePool({ policy: { max: 3, validationTimeoutMillis: 1_000 } })
    const all = await fill(pool, 3)
    await pool.clock.advance(5_000)
    pool.server.silence(all)
    pool.server.connects = 'swallowed'
    const callers = askers(pool, 3)
    await pool.clock.advance(999)
    expect(pool.keeper.stats()).toMatchObject({ validating: 3, opening: 1, generation: 0 })
    expect(closes(pool)).toEqual({})
    pool.server.connects = 'accepted'
    await pool.clock.until(callers)
  })

  test('comes to a caller who joined a silent check no later than to one who waited from its start', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const [victim, silent] = await fill(pool, 2)
    pool.server.silence(silent === undefined ? [] : [silent])
    if (victim !== undefined) pool.server.kill(victim)
    await pool.clock.advance(400)
    expect(await waits(pool, 1)).toEqual([500 - 400 + OPEN])
  })

  test('is one at a time also where more may be above max', async () => {
    const pool = simulatePool({ policy: { max: 3, replaceAhead: 3 } })
    pool.server.silence(await fill(pool, 3))
    await pool.clock.advance(5_000)
    pool.server.connects = 'swallowed'
    const callers = askers(pool, 3)
    await pool.clock.advance(900)
    expect(pool.keeper.stats()).toMatchObject({ validating: 3, opening: 1 })
    pool.server.connects = 'accepted'
    await pool.clock.until(callers)
  })

  test('leaves the pool above max for no longer than the first connection is held', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    for (let round = 0; round < 4; round++) {
      await fill(pool, 1)
      await pool.clock.advance(1_000)
    }
    // Slow, and not dead: the rival is there first, and nobody is condemned for that.
    Object.assign(pool.server, { answerMillis: 600, openMillis: 300 })
    const rival = await takeOne(pool)
    await pool.clock.advance(201)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, validating: 0 })
    pool.release(rival)
    await pool.clock.advance(1)
    expect(closes(pool)).toEqual({ overflow: 1 })
    expect(pool.server.alive).toBe(1)
  })

  test('above max is closed when it is not needed, and counted as overflow', async () => {
    const pool = simulatePool({ policy: { max: 1 }, openMillis: 200 })
    await fill(pool, 1)
    await pool.clock.advance(5_000)
    pool.server.answerMillis = 600
    expect(await waits(pool, 1, 5_000)).toEqual([600])
    await pool.clock.advance(1_000)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 0 })
    expect(closes(pool)).toEqual({ overflow: 1 })
    expect(pool.server.most).toBe(2)
  })
})

describe('slowness is not death', () => {
  test.each([
    ['that was fast before', 20],
    ['of which nothing is known', 0],
  ])('a server that answers after 600 ms costs no connection (one %s)', async (_, earlier) => {
    const pool = simulatePool({ policy: { max: 10 } })
    for (let round = 0; round <= earlier; round++) {
      await fill(pool, 10)
      await pool.clock.advance(1_000)
    }
    const before = pool.server.connections
    // A handshake is several round trips.
    Object.assign(pool.server, { answerMillis: 600, openMillis: 1_800 })
    for (let round = 0; round < 5; round++) {
      await waits(pool, 20, 50)
      await pool.clock.advance(2_000)
    }
    expect(Object.keys(closes(pool)).filter((reason) => reason !== 'overflow')).toEqual([])
    expect(pool.server.connections).toEqual(expect.arrayContaining([...before]))
    expect(pool.keeper.stats().generation).toBe(0)
  })

  test('a server that has become slow is no news after two answers: no more rivals are started', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const events = record(pool)
    Object.assign(pool.server, { answerMillis: 400, openMillis: 1_200 })
    for (let round = 0; round < 20; round++) {
      await waits(pool, 1)
      await pool.clock.advance(1_000)
    }
    expect(ofType(events, 'rivalStarted')).toEqual([])
  })

  test('a silent one is taken for dead as soon as a rival is proven beside it, and nobody waits for its deadline', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    const [, warm] = await fill(pool, 2)
    for (let round = 0; round < 5; round++) {
      await pool.clock.advance(1_000)
      await waits(pool, 1)
    }
    await pool.clock.advance(1_000)
    pool.server.silence(warm === undefined ? [] : [warm])
    const events = record(pool)
    expect(await waits(pool, 1)).toEqual([101])
    expect(ofType(events, 'rivalStarted')).toMatchObject([{ connection: 2, rival: 'idle', silentMillis: 100 }])
    expect(closes(pool)).toEqual({ invalid: 1 })
    expect(pool.keeper.stats().generation).toBe(1)
  })
})
