import { describe, expect, test } from 'vitest'
import { simulatePool, type SimulatedConnection } from '../../testing/index.ts'
import { askers, closes, fill, take, waits } from '../../testing/scenario.ts'

const codeOf = (answer: unknown): unknown => (answer as { code?: unknown }).code

describe('P-032: maxPending', () => {
  test('refuses whoever comes beyond it, at once and by name', async () => {
    const pool = simulatePool({ policy: { max: 1, maxPending: 2 } })
    await take(pool, 1)
    const waiting = askers(pool, 3)
    await pool.clock.advance(0)
    expect(pool.keeper.stats()).toMatchObject({ pending: 2, acquires: { refused: 1 } })
    await pool.clock.advance(60_000)
    expect((await waiting).map(codeOf).filter((code) => code === 'POOL_EXHAUSTED')).toHaveLength(3)
  })

  test('of 0 lets nobody wait for another’s connection, but for one of his own', async () => {
    const pool = simulatePool({ policy: { max: 2, maxPending: 0 } })
    const answers = await waits(pool, 3, 1_000)
    expect(answers.map(codeOf)).toEqual([undefined, undefined, 'POOL_EXHAUSTED'])
    await pool.clock.advance(1_000)
    // What it waits for is its own check.
    expect(await waits(pool, 1)).toEqual([1])
  })

  test('does not count callers for whom a connection is being opened', async () => {
    const pool = simulatePool({ policy: { max: 5, maxPending: 1 } })
    expect((await waits(pool, 5)).map(codeOf)).toEqual([undefined, undefined, undefined, undefined, undefined])
  })
})

describe('maxConcurrentCreates', () => {
  test('opens no more than that at one time, and all callers are served', async () => {
    const pool = simulatePool({ policy: { max: 10, maxConcurrentCreates: 2 }, openMillis: 20 })
    const waiting = askers(pool, 10, 1_000)
    let most = 0
    for (let step = 0; step < 200; step++) {
      most = Math.max(most, pool.keeper.stats().opening)
      await pool.clock.advance(1)
    }
    expect(most).toBe(2)
    expect(Math.max(...((await waiting) as number[]))).toBe(100)
  })

  test('goes on after a connect that failed', async () => {
    const pool = simulatePool({ policy: { max: 4, maxConcurrentCreates: 1, acquireTimeoutMillis: 5_000 } })
    pool.server.connects = 'refused'
    const first = askers(pool, 3)
    await pool.clock.advance(30)
    pool.server.connects = 'accepted'
    await pool.clock.advance(100)
    expect((await first).filter((answer) => typeof answer === 'number')).toHaveLength(1)
    expect(pool.keeper.stats().pending).toBe(0)
  })
})

describe('P-011, P-012: overflow', () => {
  const policy = { max: 2, overflow: 1, overflowAfterMillis: 500, acquireTimeoutMillis: 5_000 }

  test('opens above max only for a caller that has waited, and closes it when it comes back unwanted', async () => {
    const pool = simulatePool({ policy, openMillis: 20 })
    const held = await take(pool, 2)
    const waiting = askers(pool, 1, 100)
    await pool.clock.advance(499)
    expect(pool.server.alive).toBe(2)
    await pool.clock.advance(25)
    expect(await waiting).toEqual([520])
    expect(pool.server.alive).toBe(3)
    await pool.clock.advance(150)
    expect(closes(pool)).toEqual({ overflow: 1 })
    expect(pool.server.alive).toBe(2)
    held.forEach((connection) => pool.release(connection))
    expect(pool.keeper.stats()).toMatchObject({ idle: 2, used: 0 })
  })

  test('never opens more than it says, however many wait', async () => {
    const pool = simulatePool({ policy: { ...policy, overflow: 3 }, openMillis: 20 })
    await take(pool, 2)
    void askers(pool, 20, 60_000)
    await pool.clock.advance(3_000)
    expect(pool.server.alive).toBe(5)
  })

  test('hands an extra connection on while somebody waits, and closes it after the last', async () => {
    const pool = simulatePool({ policy, openMillis: 20 })
    await take(pool, 2)
    const waiting = askers(pool, 5, 10)
    await pool.clock.advance(1_000)
    expect(await waiting).toEqual([520, 530, 540, 550, 560])
    expect(pool.keeper.stats().opens.ok).toBe(3)
    expect(closes(pool)).toEqual({ overflow: 1 })
  })

  test('opens nothing when nobody waits any more', async () => {
    const pool = simulatePool({ policy, openMillis: 20 })
    const [first] = (await take(pool, 2)) as [SimulatedConnection]
    const waiting = askers(pool, 1)
    await pool.clock.advance(400)
    pool.release(first)
    await pool.clock.advance(1_000)
    expect(await waiting).toEqual([400])
    expect(pool.keeper.stats().opens.ok).toBe(2)
  })

  test('leaves no place behind when the server refuses the extra connection', async () => {
    const pool = simulatePool({ policy, openMillis: 20 })
    await fill(pool, 2)
    const held = await take(pool, 2)
    pool.server.connects = 'refused'
    const waiting = askers(pool, 1)
    await pool.clock.advance(2_000)
    pool.release(held[0] as SimulatedConnection)
    expect(await pool.clock.until(waiting)).toEqual([2_001])
    await pool.clock.advance(1)
    expect(pool.keeper.stats()).toMatchObject({ opening: 0, pending: 0, idle: 1, used: 1 })
  })
})
