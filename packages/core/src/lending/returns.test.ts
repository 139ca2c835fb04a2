import { describe, expect, test } from 'vitest'
import { policyOf } from '../testing/fixtures.ts'
import { simulatePool, VirtualClock, type SimulatedConnection } from '../testing/index.ts'
import { askers, closes, fill, ofType, record, take, takeOne, waits } from '../testing/scenario.ts'
import type { LendingPort } from '../port.ts'
import { LendingKeeper } from './lending-keeper.ts'

describe('giving back', () => {
  test('P-124: twice counts once, and the second is told so', async () => {
    const pool = simulatePool()
    const events = record(pool)
    const [one, other] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    expect([pool.release(one), pool.release(one)]).toEqual([true, false])
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 1 })
    expect(ofType(events, 'released')).toHaveLength(1)
    expect(pool.release(other)).toBe(true)
  })

  test('P-125: what is not the pool’s changes no count, and is no release', async () => {
    const pool = simulatePool()
    await fill(pool, 1)
    const events = record(pool)
    expect(pool.release({ id: 1 })).toBe(false)
    expect(pool.keeper.stats()).toMatchObject({ used: 0, idle: 1 })
    expect(events).toMatchObject([{ type: 'misused', misuse: 'foreignRelease', connection: undefined }])
  })

  test('P-129: after a failed query that lost the connection it is closed, and the slot is free', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const connection = await takeOne(pool)
    pool.server.kill(connection, 'unnoticed')
    await expect(pool.clock.until(pool.query(connection))).rejects.toThrow('ECONNRESET')
    pool.release(connection)
    expect(await waits(pool, 1)).toEqual([20])
    expect(closes(pool)).toEqual({ fatal: 1 })
  })

  test('P-133: a connection that is closed from several sides at once is closed once', async () => {
    const pool = simulatePool({ closeMillis: 50 })
    const events = record(pool)
    const [connection] = (await fill(pool, 1)) as [SimulatedConnection]
    const evicted = [pool.keeper.evictIdle(), pool.keeper.evictIdle()]
    pool.server.kill(connection)
    expect(await pool.clock.until(Promise.all(evicted))).toEqual([1, 0])
    expect(ofType(events, 'closed')).toHaveLength(1)
    expect(ofType(events, 'retired')).toHaveLength(1)
    expect(closes(pool)).toEqual({ idle: 1 })
  })
})

describe('a transaction that is left open', () => {
  test.each(['open', 'failed'] as const)('P-120: (%s) is rolled back before the next caller gets the connection', async (status) => {
    const pool = simulatePool({ policy: { max: 2 } })
    const events = record(pool)
    const [dirty, other] = (await take(pool, 2)) as [SimulatedConnection, SimulatedConnection]
    pool.server.setTransaction(dirty, status)
    pool.release(dirty)
    expect(pool.keeper.stats()).toMatchObject({ used: 1, idle: 0, validating: 1 })
    expect(await waits(pool, 1)).toEqual([1])
    expect(pool.server.transactionOf(dirty)).toBe('idle')
    expect(ofType(events, 'dirtyReturn')).toMatchObject([{ connection: 1, status }])
    pool.release(other)
  })

  test('P-120: in a pool of one is reported, and left to the holder who may come back for it', async () => {
    const pool = simulatePool({ policy: { max: 1 } })
    const events = record(pool)
    const connection = await takeOne(pool)
    pool.server.setTransaction(connection, 'open')
    pool.release(connection)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, validating: 0 })
    expect(ofType(events, 'dirtyReturn')).toMatchObject([{ status: 'open' }])
    expect(pool.server.transactionOf(connection)).toBe('open')
  })

  test('with onReturn false is nobody’s business', async () => {
    const pool = simulatePool({ policy: { max: 2, onReturn: false } })
    const connection = await takeOne(pool)
    pool.server.setTransaction(connection, 'open')
    pool.release(connection)
    expect(pool.keeper.stats()).toMatchObject({ idle: 1, validating: 0 })
  })

  test('none is, and nothing is asked', async () => {
    const pool = simulatePool({ policy: { max: 2 } })
    await fill(pool, 2)
    expect(pool.server.questions).toBe(0)
  })
})

describe('resetting on return', () => {
  const policy = { max: 2, onReturn: 'reset', validationTimeoutMillis: 400 } as const

  test('P-123: comes before the next caller, who waits for nothing else', async () => {
    const pool = simulatePool({ policy: { ...policy, max: 1 }, answerMillis: 7 })
    const connection = await takeOne(pool)
    pool.release(connection)
    expect(await waits(pool, 1)).toEqual([7])
    expect(pool.server.questions).toBe(1)
  })

  test('P-122: that is refused costs the connection, frees the slot, and tells the releaser nothing', async () => {
    const pool = simulatePool({ policy })
    const connection = await takeOne(pool)
    pool.server.kill(connection, 'unnoticed')
    expect(pool.release(connection)).toBe(true)
    await pool.clock.advance(10)
    expect(pool.keeper.stats()).toMatchObject({ idle: 0, validating: 0, closing: 0 })
    expect(closes(pool)).toEqual({ resetFailed: 1 })
  })

  test('P-035: that throws where it should reject costs the connection, and strands nobody', async () => {
    const pool = simulatePool({ policy: { ...policy, max: 1 } })
    const connection = await takeOne(pool)
    const waiter = askers(pool, 1)
    const { ask } = pool.server
    pool.server.ask = () => {
      throw new Error('broken driver')
    }
    expect(pool.release(connection)).toBe(true)
    await pool.clock.advance(0)
    pool.server.ask = ask
    expect(await pool.clock.until(waiter)).toEqual([20])
    expect(closes(pool)).toEqual({ resetFailed: 1 })
  })

  test('P-127: is finished although whoever gave back, and whoever wanted it next, have left', async () => {
    const pool = simulatePool({ policy: { ...policy, max: 1, acquireTimeoutMillis: 500 } })
    const connection = await takeOne(pool)
    const next = askers(pool, 1)
    await pool.clock.advance(300)
    pool.server.answerMillis = 300
    pool.server.setTransaction(connection, 'open')
    expect(pool.release(connection)).toBe(true)
    expect(await pool.clock.until(next)).toEqual([expect.objectContaining({ code: 'VALIDATION_FAILED' })])
    expect(pool.keeper.stats()).toMatchObject({ validating: 1, idle: 0, pending: 0 })
    await pool.clock.advance(100)
    expect(pool.keeper.stats()).toMatchObject({ validating: 0, idle: 1 })
    expect(pool.server.transactionOf(connection)).toBe('idle')
    expect(await takeOne(pool)).toBe(connection)
  })

  test('P-122: that hangs ends with the deadline of a check, and the socket at once with it', async () => {
    const pool = simulatePool({ policy })
    const connection = await takeOne(pool)
    pool.server.silence([connection])
    pool.release(connection)
    await pool.clock.advance(399)
    expect(pool.keeper.stats()).toMatchObject({ validating: 1 })
    await pool.clock.advance(1)
    expect(pool.keeper.stats()).toMatchObject({ validating: 0, closing: 0 })
    expect(closes(pool)).toEqual({ resetFailed: 1 })
    expect(pool.server.sockets).toBe(0)
  })

  test('P-057: a connection that fails it leaves its place to the caller who waits', async () => {
    const pool = simulatePool({ policy: { ...policy, max: 1 } })
    const connection = await takeOne(pool)
    pool.server.kill(connection, 'unnoticed')
    pool.release(connection)
    expect(await waits(pool, 1)).toEqual([1 + 20])
  })

  test('meets a drain: nothing is left', async () => {
    const pool = simulatePool({ policy, answerMillis: 50 })
    pool.release(await takeOne(pool))
    const report = await pool.clock.until(pool.keeper.drain())
    expect(report).toMatchObject({ clean: true })
    expect(pool.server.sockets).toBe(0)
  })
})

describe('judging errors of statements', () => {
  function attended(options: Parameters<typeof policyOf>[0] = {}): {
    keeper: LendingKeeper<object>
    closed: object[]
    connection: object
  } {
    const connection = {}
    const closed: object[] = []
    const port = {
      counts: () => ({ used: 0, idle: 1, withdrawn: 0, opening: 0, closing: 0, pending: 0 }),
      idle: () => [connection],
      lent: () => [],
      validate: () => new Promise(() => {}),
      isBroken: () => false,
      close: (one: object) => (closed.push(one), Promise.resolve()),
    } as unknown as LendingPort<object>
    const keeper = new LendingKeeper(port, policyOf(options), { clock: new VirtualClock() })
    keeper.opened(keeper.opening(), connection)
    return { keeper, closed, connection }
  }

  test.each([
    ['statement', 0, 0],
    ['connection', 1, 0],
    ['server', 1, 1],
  ] as const)('P-130: an error that harms the %s: %d connection closed, %d times all others in doubt', (harm, closings, generation) => {
    const { keeper, closed, connection } = attended()
    keeper.failed(connection, new Error('failed'), harm)
    expect(closed).toHaveLength(closings)
    expect(keeper.stats().generation).toBe(generation)
  })

  test.each([
    ['connection', 'statement', 0, 0],
    ['statement', 'connection', 1, 0],
    ['statement', 'server', 1, 1],
    ['server', undefined, 1, 1],
  ] as const)('P-130: judged %s, the user’s retireOn says %s, and is obeyed', (judged, says, closings, generation) => {
    const { keeper, closed, connection } = attended({ retireOn: () => says })
    keeper.failed(connection, new Error('failed'), judged)
    expect(closed).toHaveLength(closings)
    expect(keeper.stats().generation).toBe(generation)
  })

  test('retireOn hears the error and the judgement', () => {
    const heard: unknown[] = []
    const { keeper, connection } = attended({ retireOn: (...said) => void heard.push(...said) })
    const error = new Error('failed')
    keeper.failed(connection, error, 'connection')
    expect(heard).toEqual([error, 'connection'])
  })

  test('a retireOn that throws changes nothing: the judgement stands', () => {
    const { keeper, closed, connection } = attended({
      retireOn: () => {
        throw new Error('broken')
      },
    })
    expect(() => keeper.failed(connection, new Error('failed'), 'connection')).not.toThrow()
    expect(closed).toHaveLength(1)
  })
})

describe('connections from before the keeper’s time', () => {
  test('that are lent are taken back when they come, and counted from now on', async () => {
    const clock = new VirtualClock()
    const connection = {}
    const port = {
      counts: () => ({ used: 1, idle: 0, withdrawn: 0, opening: 0, closing: 0, pending: 0 }),
      idle: () => [],
      lent: () => [connection],
      isBroken: () => false,
      transactionStatus: () => undefined,
    } as unknown as LendingPort<object>
    const keeper = new LendingKeeper(port, policyOf(), { clock })
    keeper.adopted(connection, true)
    await clock.advance(5)
    expect(keeper.returned(connection, () => {})).toBe('keep')
    expect(keeper.returned(connection, () => {})).toBe('foreign')
    expect(keeper.stats().useMillis).toMatchObject({ count: 1 })
  })

  test('that lie idle prove themselves before they are lent', async () => {
    const connection = {}
    let asked = 0
    const port = {
      counts: () => ({ used: 1, idle: 0, withdrawn: 0, opening: 0, closing: 0, pending: 1 }),
      idle: () => [],
      lent: () => [],
      validate: () => (asked++, Promise.resolve()),
    } as unknown as LendingPort<object>
    const keeper = new LendingKeeper(port, policyOf(), { clock: new VirtualClock() })
    keeper.adopted(connection, false)
    await expect(keeper.lend(connection)).resolves.toBe(true)
    expect(asked).toBe(1)
  })
})
