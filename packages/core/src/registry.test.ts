import { expect, test } from 'vitest'
import type { PoolKeeper } from './keeper.ts'
import { appliedKeeper, forgetKeeper, registeredKeeper, registerKeeper } from './registry.ts'
import { simulatePool } from './testing/index.ts'

function someKeeper(): PoolKeeper {
  return simulatePool().keeper
}

test('a host that nobody attends has no keeper, and says so by type', () => {
  expect(appliedKeeper({}, {})).toBeUndefined()
  expect(() => registeredKeeper({}, 'Knex client')).toThrow(
    expect.objectContaining({ code: 'NOT_APPLIED', message: 'no pool policy was applied to this Knex client' }),
  )
})

test('the same policy again finds the keeper that is there, whatever the order of its keys', () => {
  const [host, keeper] = [{}, someKeeper()]
  registerKeeper(host, keeper, { min: 1, max: 5 })
  expect(appliedKeeper(host, { max: 5, min: 1 })).toBe(keeper)
  expect(registeredKeeper(host, 'pool')).toBe(keeper)
})

test('another policy is refused, with the way out', () => {
  const host = {}
  registerKeeper(host, someKeeper(), { max: 5 })
  expect(() => appliedKeeper(host, { max: 6 })).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED', pool: 'simulated' }))
  expect(() => appliedKeeper(host, {})).toThrow('detach()')
})

test('options that are changed afterwards are not what was applied', () => {
  const [host, options] = [{}, { max: 5 }]
  registerKeeper(host, someKeeper(), options)
  options.max = 6
  expect(() => appliedKeeper(host, options)).toThrow(expect.objectContaining({ code: 'ALREADY_APPLIED' }))
})

test('after detaching the host is free for any policy', () => {
  const host = {}
  registerKeeper(host, someKeeper(), { max: 5 })
  forgetKeeper(host)
  expect(appliedKeeper(host, { max: 6 })).toBeUndefined()
  expect(() => registeredKeeper(host, 'pool')).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
})

test('two copies of this package in one process find each other’s keepers', () => {
  const shared = (globalThis as Record<symbol, unknown>)[Symbol.for('poolkeeper.registry/v1')]
  const [host, keeper] = [{}, someKeeper()]
  ;(shared as WeakMap<object, unknown>).set(host, { keeper, options: { max: 3 } })
  expect(appliedKeeper(host, { max: 3 })).toBe(keeper)
})
