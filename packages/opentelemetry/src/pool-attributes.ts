import type { Attributes } from '@opentelemetry/api'
import type { AttendedPool } from '@poolkeeper/core'
import { NAMESPACE, POOL_NAME, SERVER_ADDRESS, SERVER_PORT, SYSTEM_NAME } from './names.ts'

/** What every series of a pool bears, as far as it is known. */
export function poolAttributes({ name, keeper }: Pick<AttendedPool, 'name' | 'keeper'>): Attributes {
  const { system, namespace, address, port } = keeper.policy.server ?? {}
  return {
    [POOL_NAME]: name,
    ...(system !== undefined && { [SYSTEM_NAME]: system }),
    ...(namespace !== undefined && { [NAMESPACE]: namespace }),
    ...(address !== undefined && { [SERVER_ADDRESS]: address }),
    ...(port !== undefined && { [SERVER_PORT]: port }),
  }
}
