import { describe, expect, test } from 'vitest'
import { askers, fill, take, takeOne, waits } from './scenario.ts'
import { simulatePool, type SimulatedConnection, type SimulatedPool } from './index.ts'

describe('the simulated host', () => {
  test('opens on demand, up to max, and makes the others wait', async () => {
    const pool = simulatePool({ policy: { max: 3 } })
    const served = askers(pool, 7, 100)
    await pool.clock.advance(50)
    expect(pool.keeper.stats()).toMatchObject({ used: 3, pending: 4, opening: 0 })
    expect(await pool.clock.until(served)).toEqual([20, 20, 20, 120, 120, 120, 220])
    expect(pool.server).toMatchObject({ accepted: 3, most: 3 })
  })

  test('serves callers in the order in which they came', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const order: number[] = []
    const held = await takeOne(pool)
    const callers = [1, 2, 3].map(async (caller) => {
      const connection = await pool.acquire()
      order.push(caller)
      pool.release(connection)
    })
    pool.release(held)
    await pool.clock.until(Promise.all(callers))
    expect(order).toEqual([1, 2, 3])
  })

  test('lends the connection first that came back last', async () => {
    const pool = simulatePool()
    const [first, second] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    pool.release(second)
    pool.release(first)
    expect(await takeOne(pool)).toBe(first)
  })

  test('answers a caller by his deadline, to the millisecond', async () => {
    const pool = simulatePool({ policy: { max: 1, acquireTimeoutMillis: 250, validationTimeoutMillis: 50 } })
    await takeOne(pool)
    const since = pool.clock.now()
    await expect(pool.clock.until(pool.acquire())).rejects.toMatchObject({ code: 'POOL_EXHAUSTED' })
    expect(pool.clock.now() - since).toBe(250)
  })

  test('gives up a connect at connectTimeoutMillis, and the socket with it', async () => {
    const pool = simulatePool({ policy: { max: 1, connectTimeoutMillis: 500, replaceAhead: 0 }, openMillis: 600 })
    await expect(pool.clock.until(pool.acquire())).rejects.toThrow('connect timed out')
    expect(pool.clock.now()).toBe(500)
    await pool.clock.advance(1_000)
    expect(pool.server.alive).toBe(0)
  })

  test('takes nothing back from somebody who does not hold it', async () => {
    const pool = simulatePool()
    const connection = await takeOne(pool)
    expect(pool.release({ id: 7 })).toBe(false)
    expect(pool.release(connection)).toBe(true)
    expect(pool.release(connection)).toBe(false)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1 })
  })
})

describe('the simulated server', () => {
  test('has room for so many, and says so to the next', async () => {
    const pool = simulatePool({ policy: { max: 5 } })
    pool.server.limit = 2
    const outcomes = await waits(pool, 3, 100)
    expect(outcomes).toEqual([20, 20, expect.objectContaining({ message: 'TOO_MANY_CONNECTIONS' })])
  })

  test('refuses or swallows connects on demand', async () => {
    const pool = simulatePool({ policy: { connectTimeoutMillis: 900, acquireTimeoutMillis: 5_000, replaceAhead: 0 } })
    pool.server.connects = 'refused'
    expect(await waits(pool, 1)).toEqual([expect.objectContaining({ code: 'ECONNREFUSED' })])
    pool.server.connects = 'swallowed'
    expect(await waits(pool, 1)).toEqual([expect.objectContaining({ message: 'connect timed out' })])
    expect(pool.server.most).toBe(0)
  })

  test('answers after its delay, or never once it is silenced', async () => {
    const pool = simulatePool({ answerMillis: 40 })
    const connection = await takeOne(pool)
    await pool.clock.until(pool.query(connection))
    expect(pool.clock.now()).toBe(60)
    const query = pool.query(connection)
    pool.server.silence(pool.server.connections)
    await expect(pool.clock.until(query, 100_000)).rejects.toThrow('not settled')
    expect(pool.server.questions).toBe(2)
  })

  test('fails what is under way on a connection that it kills', async () => {
    const pool = simulatePool({ answerMillis: 40 })
    const connection = await takeOne(pool)
    const query = pool.query(connection)
    pool.server.kill(connection)
    await expect(query).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(pool.server).toMatchObject({ alive: 0, sockets: 1 })
    pool.release(connection)
    await pool.clock.advance(0)
    expect(pool.server.sockets).toBe(0)
  })

  test('tells of an unnoticed death only who asks', async () => {
    const pool = simulatePool()
    const connection = await takeOne(pool)
    pool.server.kill(connection, 'unnoticed')
    expect(pool.server).toMatchObject({ alive: 0, sockets: 1 })
    await expect(pool.clock.until(pool.query(connection))).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  test.each<[string, (pool: SimulatedPool) => void, number]>([
    ['that answers, for as long as a farewell takes', () => {}, 3],
    ['that is silent, for a second', ({ server }) => server.silence(server.connections), 1_000],
  ])('keeps a connection %s, when it is closed softly', async (_, spoil, millis) => {
    const pool = simulatePool({ closeMillis: 3 })
    await fill(pool, 1)
    spoil(pool)
    const since = pool.clock.now()
    await pool.clock.until(pool.keeper.evictIdle())
    expect(pool.clock.now() - since).toBe(millis)
    expect(pool.server.sockets).toBe(0)
  })
})
