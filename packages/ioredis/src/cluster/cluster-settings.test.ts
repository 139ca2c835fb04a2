import { resolvePolicy } from '@poolkeeper/core'
import { expect, test } from 'vitest'
import { checkClusterPolicy, clusterSettings } from './cluster-settings.ts'
import type { HostCluster } from './host-cluster.ts'

const cluster = (redisOptions?: object): HostCluster => ({ options: { ...(redisOptions !== undefined && { redisOptions }) } }) as HostCluster

test('deadlines are those of the options of its clients; without any, a minute', () => {
  const { acquireTimeoutMillis, connectTimeoutMillis, sources } = resolvePolicy({}, clusterSettings(cluster({ commandTimeout: 700, connectTimeout: 800 })))
  expect([acquireTimeoutMillis, connectTimeoutMillis, sources.acquireTimeoutMillis]).toEqual([700, 800, 'host'])
  expect(resolvePolicy({}, clusterSettings(cluster()))).toMatchObject({ acquireTimeoutMillis: 60_000, max: 1, min: 0 })
})

test('a minimum above one connection a node is refused', () => {
  expect(() => resolvePolicy({ min: 2 }, clusterSettings(cluster()))).toThrow('`min` must be at most `max` (1')
})

test.each(['max', 'sizing', 'onAcquire', 'mode', 'validateRole'])('`%s` is refused by name', (option) => {
  const values: Record<string, unknown> = { max: 2, sizing: () => ({}), onAcquire: () => undefined, mode: 'observe', validateRole: 'writable' }
  expect(() => checkClusterPolicy({ [option]: values[option] })).toThrow(`\`${option}\` cannot be had on a Cluster`)
})
