import { applyPoolPolicy } from '@poolkeeper/pg'
import pg from 'pg'
import { lookAtAll } from '../stub/see-all.ts'
import type { OpenWay } from './way.ts'

const kept: OpenWay = async (url, callers) => {
  const pool = new pg.Pool({ connectionString: url, max: callers })
  applyPoolPolicy(pool)
  await Promise.all(Array.from({ length: callers }, () => pool.query('select pg_sleep(0.05)')))
  return { ask: () => pool.query('select 1') }
}

export type PgWay = 'seen' | 'unseen'

/** `SELECT 1` on a kept pool of pg that nobody looks at, or Prometheus, OpenTelemetry and a log. */
export const PG_WAYS: Readonly<Record<PgWay, OpenWay>> = {
  unseen: kept,
  seen: async (url, callers) => {
    lookAtAll()
    return kept(url, callers)
  },
}
