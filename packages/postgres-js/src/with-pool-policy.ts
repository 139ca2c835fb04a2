import { type PoolPolicyOptions } from '@poolkeeper/core'
import type { Options, PostgresType } from 'postgres'
import { declaredSocket } from './attachment.ts'
import { refuseWhatHostCannot } from './capabilities.ts'
import { type GivenOptions, settledOptions, settledValues } from './host-settings.ts'
import { unsupported } from './postgres-host.ts'
import { isOff, type TlsWish } from './raw-socket.ts'

/** What of the options is looked at here; some of it stands in no type. */
interface OwnOptions extends GivenOptions {
  readonly socket?: unknown
  readonly ssl?: TlsWish
  readonly sslnegotiation?: unknown
}

/**
 * Options for `postgres()` in which the policy stands, and with them what postgres.js settles when an instance is
 * made: TLS, the maximum, lifetime and idle time. `keeperOf(sql)` then attends the instance.
 *
 * TLS has to stand in these options: what the URL or the environment says of it (`sslmode`, `PGSSL`) is not seen
 * here, and `keeperOf(sql)` refuses it.
 *
 * @example
 * const sql = postgres(url, withPoolPolicy({ ssl: 'require' }, { keepaliveMillis: 60_000 }))
 * const keeper = keeperOf(sql)
 * @throws PoolkeeperError `INVALID_POLICY`, `UNSUPPORTED_HOST`
 */
export function withPoolPolicy<T extends Record<string, PostgresType>>(options: Options<T>, policy: PoolPolicyOptions = {}): Options<T> {
  const given = options as OwnOptions
  refuseWhatHostCannot(policy, false)
  if (given.socket !== undefined) throw unsupported('these options have a `socket` of their own already')
  const socket = declaredSocket({
    policy,
    settled: settledValues(policy, given),
    ssl: given.ssl,
    isDirect: given.sslnegotiation === 'direct',
  })
  const own = { ...settledOptions(policy, given), ...(!isOff(given.ssl) && { ssl: false, sslnegotiation: null }), socket }
  // The types of postgres.js know neither `socket` nor that a lifetime may be a function.
  return { ...options, ...(own as object) }
}
