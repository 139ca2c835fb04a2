import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { monitorRedis, type RedisMonitor } from '../harness/redis-monitor.ts'
import { attachRedis, type RedisServer } from '../harness/redis.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { LANES_CANNOT } from './ioredis-cannot.ts'
import { ioredisLanesHarness } from './ioredis-lanes-harness.ts'

const address = requireServer('redis')

address.describe('Lanes of a pool of Redis', () => {
  let server: RedisServer
  let monitor: RedisMonitor

  beforeAll(async () => {
    server = await attachRedis(address)
    monitor = await monitorRedis(server)
  })
  afterAll(() => monitor.stop())

  const harness = ioredisLanesHarness({ name: 'ioredis · lanes', redis: () => ({ server, monitor }), cannot: LANES_CANNOT })
  testSupportMatrix(describeAdapter({ describe, test, expect }, harness))
})
