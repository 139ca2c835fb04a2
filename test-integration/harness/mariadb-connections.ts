import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AdminSql } from './admin-sql.ts'

export interface MariadbConnection {
  readonly id: number
  readonly user: string
  /** `Sleep` when it is idle. */
  readonly command: string
}

/** The user of the harness's own connections: they are never counted or killed. */
export const HARNESS_USER = 'poolkeeper_harness'

const LIST = `
  select id, user, command from information_schema.processlist
   where id <> connection_id() and user not in ('${HARNESS_USER}', 'system user', 'event_scheduler')`

const POLL_MILLIS = 5

export function listConnections(admin: AdminSql): Promise<MariadbConnection[]> {
  return admin.query<MariadbConnection>(`${LIST} order by id`)
}

/** Resolves to their number when the server has let go of them. */
export async function killConnections(admin: AdminSql): Promise<number> {
  const doomed = await listConnections(admin)
  for (const { id } of doomed) await admin.query(`kill ${id}`).catch(ignoreGone)
  const ids = new Set(doomed.map(({ id }) => id))
  while ((await listConnections(admin)).some(({ id }) => ids.has(id))) await sleep(POLL_MILLIS)
  return doomed.length
}

/**
 * Returns when the server has let go of them, without one turn of this process's event loop: it
 * still believes in connections whose FIN is in the kernel already.
 */
export function killConnectionsSync(url: string): void {
  const script = fileURLToPath(new URL('kill-now.mjs', import.meta.url))
  const env = { ...process.env, NODE_OPTIONS: '' }
  execFileSync(process.execPath, [script, url, LIST], { env })
}

function ignoreGone(error: unknown): void {
  const gone = error instanceof Error && 'code' in error && error.code === 'ER_NO_SUCH_THREAD'
  if (!gone) throw error
}
