import { type BehaviourId, describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { monitorRedis, type RedisMonitor } from '../harness/redis-monitor.ts'
import { attachRedis, type RedisServer } from '../harness/redis.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { genericPoolHarness } from './generic-pool-harness.ts'
import { clientsOfRedis } from './generic-pool-of-redis.ts'

/** What depends on the wire; the rest is shown over that of PostgreSQL. */
const OF_THE_WIRE: readonly BehaviourId[] = [
  'reuse',
  'handover',
  'check-window',
  'check-deadline',
  'proof',
  'dead-seen',
  'dead-unseen',
  'dead-in-window',
  'half-open',
  'slow-server',
  'connect-refused',
  'connect-late',
  'circuit',
  'credentials',
  'max-uses',
  'dirty-return',
  'misuse',
  'died-lent',
  'counters',
  'recycle',
  'evict-idle',
  'drain',
  'host-close',
  'last-answer',
  'detach',
  'random-faults',
]

const address = requireServer('redis')

address.describe('A pool of generic-pool, of clients of ioredis', () => {
  let server: RedisServer
  let monitor: RedisMonitor

  beforeAll(async () => {
    server = await attachRedis(address)
    monitor = await monitorRedis(server)
  })
  afterAll(() => monitor.stop())

  const harness = genericPoolHarness({
    name: 'generic-pool · redis',
    source: () => clientsOfRedis({ server, monitor }),
    lacks: { transactions: 'the wire has no word for the transaction that a session is in, and ioredis keeps none' },
    cannot: { credentials: 'a living connection logs in anew with AUTH, and is not replaced' },
  })
  testSupportMatrix(describeAdapter({ describe, test, expect }, harness, { only: OF_THE_WIRE }))
})
