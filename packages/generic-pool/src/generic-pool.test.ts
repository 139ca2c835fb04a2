import { createPool, type Pool } from 'generic-pool'
import { describe, expect, test } from 'vitest'
import { applyPoolPolicy, keeperOf } from './apply-pool-policy.ts'
import { asGenericPool, guardRemove, isGenericPool, nodesOf } from './generic-pool.ts'

const refusal = (message: string): object => expect.objectContaining({ code: 'UNSUPPORTED_HOST', message })
const FACTORY = { create: async (): Promise<object> => ({}), destroy: async (): Promise<void> => {} }
const newPool = (): Pool<object> => createPool(FACTORY)

describe('what is taken for a pool of generic-pool', () => {
  test('a pool is', () => {
    const pool = newPool()
    expect(isGenericPool(pool)).toBe(true)
    expect(asGenericPool(pool)).toBe(pool)
  })

  test.each([
    ['nothing', undefined],
    ['something else', { acquire: () => {} }],
  ])('%s is not', (_what, value) => {
    expect(isGenericPool(value)).toBe(false)
    expect(() => asGenericPool(value)).toThrow(refusal('this is not a pool of generic-pool'))
  })

  test('one whose inside is another says what is missing', () => {
    const pool = Object.assign(newPool(), { _dispense: undefined, _resourceLoans: new Map(), _waitingClientsQueue: { length: 0 } })
    Object.assign(pool, { _config: null })
    Object.defineProperty(pool, 'spareResourceCapacity', { value: 1 })
    expect(() => asGenericPool(pool)).toThrow(
      refusal(
        'this pool is not one of generic-pool 3.6.1 or later as this version knows them: _dispense, _config, _waitingClientsQueue missing',
      ),
    )
  })

  test('one that was drained is refused', async () => {
    const pool = newPool()
    await pool.drain()
    expect(() => asGenericPool(pool)).toThrow(refusal('this pool was drained already'))
  })

  test('one of what nothing can be remembered of is refused', async () => {
    const pool = createPool({ create: async () => 7, destroy: async () => {} })
    await pool.acquire()
    expect(() => asGenericPool(pool)).toThrow(refusal('a resource must be an object, and one in this pool is not'))
  })

  test('and is as it was then', () => {
    const pool = Object.assign(newPool(), { _draining: true })
    const before = Reflect.ownKeys(pool)
    expect(() => applyPoolPolicy(pool)).toThrow(refusal('this pool was drained already'))
    expect(() => applyPoolPolicy(newPool(), { max: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_POLICY' }))
    expect(Reflect.ownKeys(pool)).toEqual(before)
    expect(() => keeperOf(pool)).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
  })
})

test('what is taken out of a list twice spoils it without a guard, and does not with one', () => {
  const listOf = (pool: Pool<object>): ReturnType<typeof asGenericPool>['_availableObjects']['_list'] =>
    asGenericPool(pool)._availableObjects._list
  const [bare, guarded] = [listOf(newPool()), listOf(newPool())]
  const guard = guardRemove(guarded)
  for (const list of [bare, guarded]) {
    const nodes = [1, 2].map(() => ({ prev: null, next: null, data: { obj: {} } as never }))
    for (const node of nodes) list.insertEnd(node)
    const [first] = nodes
    if (first === undefined) return
    list.remove(first)
    list.remove(first)
  }
  expect([nodesOf(bare), bare.length]).toEqual([[], 0])
  expect([nodesOf(guarded).length, guarded.length]).toEqual([1, 1])
  guard.undo()
  expect(Object.hasOwn(guarded, 'remove')).toBe(false)
})
