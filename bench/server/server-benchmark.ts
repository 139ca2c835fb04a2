import { startPostgres } from '../../test-integration/harness/postgres.ts'
import { RunningProgram } from '../programs.ts'
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import type { Address } from './pools.ts'

/** On the PostgreSQL of `POSTGRES_URL`, or on one of our own at the other end of the loopback. */
export function onServer(name: 'knex-loopback' | 'recycling'): (scale: Scale) => Promise<Row[]> {
  return async (scale) => {
    const server = await startPostgres()
    const address: Address = { url: server.url, adminUrl: server.adminUrl }
    const worker = new RunningProgram('server-worker', [name, JSON.stringify(scale), JSON.stringify(address)])
    try {
      return await worker.hear<Row[]>()
    } finally {
      await worker.stop()
      await server.stop()
    }
  }
}
