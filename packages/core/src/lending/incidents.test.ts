import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedConnection } from '../testing/index.ts'
import { closes, fill, ofType, record, take, takeOne, waits } from '../testing/scenario.ts'

describe('one death condemns its peers', () => {
  test('P-063: the others prove themselves before they are lent again, all at once and in the background', async () => {
    const pool = simulatePool({ policy: { max: 10 }, answerMillis: 5 })
    const all = await fill(pool, 10)
    const events = record(pool)
    pool.server.kill(all[0] as SimulatedConnection)
    expect(pool.keeper.stats()).toMatchObject({ generation: 1, validating: 9, idle: 0 })
    await pool.clock.advance(5)
    expect(ofType(events, 'validated')).toEqual(Array(9).fill(expect.objectContaining({ trigger: 'incident', validationMillis: 5 })))
    expect(pool.keeper.stats()).toMatchObject({ idle: 9, validating: 0 })
    expect(await waits(pool, 9)).toEqual(Array(9).fill(0))
  })

  test('P-063: who comes while they are asked waits for the answer, also within the window', async () => {
    const pool = simulatePool({ policy: { max: 10 }, answerMillis: 5 })
    const all = await fill(pool, 10)
    pool.server.kill(all[0] as SimulatedConnection)
    expect(await waits(pool, 3)).toEqual([5, 5, 5])
    expect(pool.server.questions).toBe(9)
  })

  test('P-063: a connection that was lent through the incident proves itself when it comes back, a younger one need not', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    const [dead, older] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    pool.server.kill(dead)
    const younger = await takeOne(pool)
    const asked = pool.server.questions
    pool.release(older)
    pool.release(younger)
    await takeOne(pool)
    expect(pool.server.questions).toBe(asked)
    await takeOne(pool)
    expect(pool.server.questions).toBe(asked + 1)
  })

  test('with checks switched off nobody is asked', async () => {
    const pool = simulatePool({ policy: { validateAfterIdleMillis: false, keepaliveMillis: false } })
    const all = await fill(pool, 3)
    pool.server.kill(all[0] as SimulatedConnection)
    await pool.clock.advance(1_000)
    expect(pool.server.questions).toBe(0)
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, generation: 1 })
  })

  test('an incident in a pool that nobody uses wakes no server', async () => {
    const pool = simulatePool({ host: { min: 5 }, policy: { idleTimeoutMillis: false, maxLifetimeMillis: false } })
    const all = await fill(pool, 5)
    await pool.clock.advance(60_000)
    const { questions, accepted } = pool.server
    pool.server.kill(all[0] as SimulatedConnection)
    await pool.clock.advance(3_600_000)
    expect(pool.server).toMatchObject({ questions, accepted })
  })
})

describe('an incident is counted once', () => {
  test('P-131: an outage with fifteen borrowers raises the generation once, and costs no more than 2 × 15 connects', async () => {
    const pool = simulatePool({ policy: { max: 15 } })
    const held = await take(pool, 15)
    const events = record(pool)
    for (const connection of held) pool.server.kill(connection)
    for (const connection of held) pool.release(connection)
    await waits(pool, 15)
    expect(ofType(events, 'generationBumped')).toMatchObject([{ generation: 1, cause: { code: 'ECONNRESET' } }])
    expect(closes(pool)).toEqual({ fatal: 15 })
    expect(pool.server.accepted).toBeLessThanOrEqual(30)
  })

  test('also when all lay idle, and their deaths come in one by one', async () => {
    const pool = simulatePool({ policy: { max: 10 } })
    const all = await fill(pool, 10)
    for (const connection of all) {
      pool.server.kill(connection)
      await pool.clock.advance(0)
    }
    expect(pool.keeper.stats()).toMatchObject({ generation: 1, idle: 0 })
  })

  test('a second incident, after a proof, is a second one', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    const all = await fill(pool, 3)
    pool.server.kill(all[0] as SimulatedConnection)
    await pool.clock.advance(10)
    pool.server.kill(all[1] as SimulatedConnection)
    expect(pool.keeper.stats().generation).toBe(2)
  })
})

describe('a connection that dies', () => {
  test('while it lies idle is gone at once, and its slot is free', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const [connection] = (await fill(pool, 1)) as [SimulatedConnection]
    pool.server.kill(connection)
    await pool.clock.advance(0)
    expect(pool.keeper.stats()).toMatchObject({ idle: 0, closing: 0, closes: { fatal: 1 } })
    expect(await waits(pool, 1)).toEqual([20])
  })

  test('P-129: while it is lent stays its holder’s, and is closed when it comes back', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    pool.server.kill(connection)
    await pool.clock.advance(10_000)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, closes: { fatal: 0 } })
    pool.release(connection)
    await pool.clock.advance(0)
    expect(closes(pool)).toEqual({ fatal: 1 })
  })

  test('while a caller waits for its check costs him no more than the rest of the check', async () => {
    const pool = simulatePool({ policy: { max: 1, replaceAhead: 0 }, answerMillis: 300 })
    const [connection] = (await fill(pool, 1)) as [SimulatedConnection]
    await pool.clock.advance(1_000)
    const caller = pool.acquire()
    await pool.clock.advance(50)
    pool.server.kill(connection)
    const since = pool.clock.now()
    await pool.clock.until(caller)
    expect(pool.clock.now() - since).toBe(20)
    expect(closes(pool)).toEqual({ fatal: 1 })
  })

  test('is reported once, whatever else is said of it afterwards', async () => {
    const pool = simulatePool()
    const events = record(pool)
    const connection = await takeOne(pool)
    pool.server.kill(connection)
    pool.server.kill(connection)
    await expect(pool.clock.until(pool.query(connection))).rejects.toThrow()
    pool.release(connection)
    await pool.clock.advance(10)
    expect(ofType(events, 'retired')).toHaveLength(1)
    expect(ofType(events, 'closed')).toHaveLength(1)
  })
})
