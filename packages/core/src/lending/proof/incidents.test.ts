import { describe, expect, test } from 'vitest'
import type { LendingPort } from '../../port.ts'
import { policyOf } from '../../testing/fixtures.ts'
import { simulatePool, VirtualClock, type SimulatedConnection } from '../../testing/index.ts'
import { LendingKeeper } from '../lending-keeper.ts'
import { closes, fill, ofType, record, take, takeOne, waits } from '../../testing/scenario.ts'

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

  test('P-129: while it is lent frees its place at once, also when nobody ever gives it back', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    const events = record(pool)
    await pool.clock.advance(30)
    pool.server.kill(connection)
    expect(await waits(pool, 1)).toEqual([20])
    expect(closes(pool)).toEqual({ fatal: 1 })
    expect(ofType(events, 'released')[0]).toMatchObject({ connection: 1, useMillis: 30 })
    expect(ofType(events, 'closed')).toMatchObject([{ connection: 1, reason: 'fatal' }])
  })

  test('while it is lent is no misuse of who gives it back later, and changes nothing then', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    pool.server.kill(connection)
    const next = await takeOne(pool)
    const events = record(pool)
    expect(pool.release(connection)).toBe(false)
    expect(events).toEqual([])
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 0, useMillis: { count: 1 } })
    expect(pool.release(next)).toBe(true)
  })

  test('while it is lent is first told to its holder, whose release is an ordinary one', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    const held = pool.query(connection).catch(() => pool.release(connection))
    pool.server.kill(connection)
    expect(await pool.clock.until(held)).toBe(true)
    expect(closes(pool)).toEqual({ fatal: 1 })
    expect(pool.keeper.stats()).toMatchObject({ used: 0, useMillis: { count: 1 } })
  })

  test('P-121: with the first statement of its holder frees its place, though nobody gives it back', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    const begin = pool.query(connection, 'BEGIN').catch(() => 'failed')
    pool.server.kill(connection)
    expect(await pool.clock.until(begin)).toBe('failed')
    expect(await waits(pool, 1)).toEqual([20])
  })

  test('while it is lent, and was to go anyway, frees its place as well', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    await pool.clock.advance(1)
    void pool.keeper.recycle()
    // Its replacement stands ready, and it goes when it comes back.
    await pool.clock.advance(100)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 1 })
    pool.server.kill(connection)
    await pool.clock.advance(0)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1 })
    expect(closes(pool)).toEqual({ recycle: 1 })
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

describe('a driver that notices the end of a connection before it fails the statement under way', () => {
  function deadPort(isBusy: () => boolean | undefined): { readonly port: LendingPort<object>; readonly closed: object[] } {
    const closed: object[] = []
    const port = {
      counts: () => ({ used: 1, idle: 0, withdrawn: 0, opening: 0, closing: 0, pending: 0 }),
      idle: () => [],
      lent: () => [],
      isBusy,
      close: async (connection: object) => void closed.push(connection),
    } as unknown as LendingPort<object>
    return { port, closed }
  }

  async function closedAfter(millis: number, isBusy: () => boolean | undefined): Promise<boolean> {
    const clock = new VirtualClock()
    const { port, closed } = deadPort(isBusy)
    const keeper = new LendingKeeper(port, policyOf(), { clock })
    const connection = {}
    keeper.adopted(connection, true)
    keeper.died(connection, new Error('ended'))
    await clock.advance(millis)
    return closed.length === 1
  }

  test('has a moment for it, and the connection is gone as soon as it is done', async () => {
    let isBusy = true
    expect(await closedAfter(90, () => isBusy)).toBe(false)
    const looks = [true, true, false]
    expect(await closedAfter(20, () => looks.shift())).toBe(true)
    isBusy = false
    expect(await closedAfter(0, () => isBusy)).toBe(true)
  })

  test('has no more than that moment, also where nobody can tell', async () => {
    expect(await closedAfter(100, () => true)).toBe(true)
    expect(await closedAfter(100, () => undefined)).toBe(true)
  })
})
