import type { PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import { keeperOf, withPoolPolicy } from '@poolkeeper/postgres-js'
import postgres, { type Options, type Sql } from 'postgres'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import type { PostgresServer } from '../harness/postgres.ts'
import { optionsFor } from './postgres-js-harness.ts'

export interface KeptPostgres {
  readonly sql: Sql
  readonly keeper: PoolKeeper
  readonly proxy: FaultProxy
  /** What the server calls its connections. */
  readonly label: string
}

let pools = 0

/** An instance behind a proxy; it is closed with the test. */
export async function keptPostgres(
  server: PostgresServer,
  policy: PoolPolicyOptions = {},
  more: Options<Record<string, never>> = {},
): Promise<KeptPostgres> {
  const label = `postgres_js_kept_${++pools}`
  const proxy = await startFaultProxy({ target: server })
  const sql = postgres(withPoolPolicy({ ...optionsFor(server, proxy, label), ...more }, policy))
  onTestFinished(async () => {
    proxy.heal()
    await sql.end({ timeout: 1 })
    await proxy.close()
  })
  return { sql, keeper: keeperOf(sql), proxy, label }
}
