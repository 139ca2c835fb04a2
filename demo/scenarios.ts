import { fullPool } from './knex/full-pool.ts'
import { killedIdle } from './knex/killed-idle.ts'
import { lifetime } from './knex/lifetime.ts'
import { serverRestart } from './knex/server-restart.ts'
import { silentFirewall } from './knex/silent-firewall.ts'
import { ageLimit } from './redis/age-limit.ts'
import { blocking } from './redis/blocking.ts'
import { cutInFlight } from './redis/cut-in-flight.ts'
import { redisRestart } from './redis/redis-restart.ts'
import { silentNetwork } from './redis/silent-network.ts'
import { watchLost } from './redis/watch-lost.ts'
import type { Scenario } from './scenario.ts'

export const SCENARIOS: readonly Scenario[] = [
  killedIdle,
  silentFirewall,
  serverRestart,
  lifetime,
  fullPool,
  silentNetwork,
  cutInFlight,
  redisRestart,
  ageLimit,
  watchLost,
  blocking,
]
