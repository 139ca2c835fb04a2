import { fullPool } from './full-pool.ts'
import { killedIdle } from './killed-idle.ts'
import { lifetime } from './lifetime.ts'
import type { Scenario } from './scenario.ts'
import { serverRestart } from './server-restart.ts'
import { silentFirewall } from './silent-firewall.ts'

export const SCENARIOS: readonly Scenario[] = [killedIdle, silentFirewall, serverRestart, lifetime, fullPool]
