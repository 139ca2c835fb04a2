import { afterEach, expect, test } from 'vitest'
import { attendedPools, followPools } from './attended-pools.ts'
import type { PoolKeeper } from './keeper.ts'
import { forgetKeeper, registerKeeper } from './registry.ts'
import { simulatePool, type SimulatedPool } from './testing/index.ts'

const hosts: object[] = []

function attend(keeper: PoolKeeper): object {
  const host = {}
  hosts.push(host)
  registerKeeper(host, keeper, {})
  return host
}

function someKeeper(name: string): PoolKeeper {
  return simulatePool({ policy: { name } }).keeper
}

function names(): string[] {
  return attendedPools().map(({ name }) => name)
}

async function drained({ clock, keeper }: SimulatedPool): Promise<void> {
  await clock.until(keeper.drain())
}

afterEach(() => {
  for (const host of hosts.splice(0)) forgetKeeper(host)
})

test('every pool that is attended is there, with its figures, in the order in which they came', () => {
  const orders = someKeeper('orders')
  attend(orders)
  attend(someKeeper('audit'))
  expect(attendedPools()).toMatchObject([
    { name: 'orders', keeper: orders, stats: { name: 'orders', state: 'running', used: 0 } },
    { name: 'audit' },
  ])
})

test('a keeper that is registered again, as when its policy changes, is there once', () => {
  const [host, keeper] = [{}, someKeeper('orders')]
  hosts.push(host)
  registerKeeper(host, keeper, {})
  registerKeeper(host, keeper, { max: 3 })
  expect(names()).toEqual(['orders'])
})

test('pools of one name are told apart, and keep what they are called when the first of them goes', () => {
  const first = attend(someKeeper('orders'))
  attend(someKeeper('orders'))
  attend(someKeeper('orders'))
  expect(names()).toEqual(['orders', 'orders #2', 'orders #3'])
  forgetKeeper(first)
  expect(names()).toEqual(['orders #2', 'orders #3'])
})

test('a pool that is closed is gone, and its name is free', async () => {
  const pool = simulatePool({ policy: { name: 'orders' } })
  attend(pool.keeper)
  const connection = await pool.clock.until(pool.acquire())
  const closing = drained(pool)
  expect(attendedPools()).toMatchObject([{ name: 'orders', stats: { state: 'draining', used: 1 } }])
  pool.release(connection)
  await closing
  expect(pool.keeper.stats()).toMatchObject({ state: 'closed' })
  expect(names()).toEqual([])
  attend(someKeeper('orders'))
  expect(names()).toEqual(['orders'])
})

test('a pool that is paused is there, and says so', () => {
  const { keeper } = simulatePool()
  attend(keeper)
  keeper.pause()
  expect(attendedPools()[0]?.stats.state).toBe('paused')
  keeper.resume()
  expect(attendedPools()[0]?.stats.state).toBe('running')
})

test('a keeper that stands for several pools is left out', () => {
  const node = someKeeper('cluster a')
  attend(node)
  attend(Object.assign(someKeeper('cluster'), { nodes: new Map([['a', node]]) }))
  expect(names()).toEqual(['cluster a'])
})

test('a host that cannot tell its counts hides no other pool', () => {
  attend(Object.assign(someKeeper('orders'), { stats: () => fail() }))
  attend(someKeeper('orders'))
  expect(names()).toEqual(['orders #2'])
})

test('a follower is told of every pool once, of those that are there and of those that come', () => {
  const told: string[] = []
  attend(someKeeper('orders'))
  const stop = followPools(({ name, keeper }) => void told.push(`${name}: ${keeper.name}`))
  const late = someKeeper('orders')
  const host = attend(late)
  registerKeeper(host, late, { max: 2 })
  attend(Object.assign(someKeeper('cluster'), { nodes: new Map() }))
  stop()
  attend(someKeeper('later'))
  expect(told).toEqual(['orders: orders', 'orders #2: orders'])
})

function fail(): never {
  throw new Error('no counts')
}
