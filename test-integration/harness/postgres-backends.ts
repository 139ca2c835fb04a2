import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AdminSql } from './admin-sql.ts'
import { HARNESS_NAME } from './postgres-admin.ts'
import { isAlive } from './process.ts'
import { waitSync } from './wait-sync.ts'

export interface BackendFilter {
  readonly applicationName?: string
}

export interface Backend {
  readonly pid: number
  readonly applicationName: string
  /** As in `pg_stat_activity`; empty while it is being opened. */
  readonly state: string
}

/** Which databases count: all of a server of our own, one of a server that others may use too. */
export type BackendScope = 'server' | 'database'

const CHOSEN = `
  select pid, application_name as "applicationName", coalesce(state, '') as state
    from pg_stat_activity
   where backend_type = 'client backend' and application_name <> '${HARNESS_NAME}'
     and ($1::text is null or application_name = $1)
     and ($2::boolean or datname = current_database())`

// All are signalled first (the aggregate forces it), and only then awaited one by one. A server waits
// for its backends in steps of 100 ms; for one of our own we look at the processes instead.
const TERMINATE = `
  with chosen as materialized (${CHOSEN}),
       signalled as materialized (select array_agg(pid) as pids from chosen where pg_terminate_backend(pid))
  select pid from signalled, unnest(pids) as pid
   where case when $2 then true else pg_terminate_backend(pid, 5000) is not null end`

const POLL_MILLIS = 2
const POLL_ATTEMPTS = 2_500
const FOREIGN_SETTLE_MILLIS = 20

export function listBackends(admin: AdminSql, scope: BackendScope, filter: BackendFilter = {}): Promise<Backend[]> {
  return admin.query<Backend>(`${CHOSEN} order by backend_start`, parameters(scope, filter))
}

/** Resolves to their number when their sockets are closed. */
export async function terminateBackends(
  admin: AdminSql,
  scope: BackendScope,
  filter: BackendFilter = {},
): Promise<number> {
  const gone = await admin.query<{ pid: number }>(TERMINATE, parameters(scope, filter))
  for (const pause of pausesUntilGone(scope, gone)) await sleep(pause)
  return gone.length
}

/**
 * Returns when their sockets are closed, without one turn of this process's event loop: it still
 * believes in connections whose FIN is in the kernel already.
 */
export function terminateBackendsSync(url: string, scope: BackendScope, filter: BackendFilter = {}): void {
  const script = fileURLToPath(new URL('terminate-now.mjs', import.meta.url))
  const params = JSON.stringify(parameters(scope, filter))
  const output = execFileSync(process.execPath, [script, url, HARNESS_NAME, TERMINATE, params], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const gone = JSON.parse(output) as { pid: number }[]
  for (const pause of pausesUntilGone(scope, gone)) waitSync(pause)
}

// A backend closes its socket a moment after it has left the server's list.
function* pausesUntilGone(scope: BackendScope, backends: readonly { pid: number }[]): Generator<number> {
  if (scope === 'database') yield FOREIGN_SETTLE_MILLIS
  else {
    for (let attempt = 0; attempt < POLL_ATTEMPTS; attempt += 1) {
      if (!backends.some(({ pid }) => isAlive(pid))) return
      yield POLL_MILLIS
    }
  }
}

function parameters(scope: BackendScope, { applicationName }: BackendFilter): [string | null, boolean] {
  return [applicationName ?? null, scope === 'server']
}
