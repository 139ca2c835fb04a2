import { startMariadb } from '../../test-integration/harness/mariadb.ts'
import { startPostgres } from '../../test-integration/harness/postgres.ts'
import { startRedis } from '../../test-integration/harness/redis.ts'
import { RunningProgram } from '../programs.ts'
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import type { Address } from './pools.ts'

interface BenchmarkServer extends Address {
  stop(): Promise<void>
}

type ServerBenchmark = 'ioredis-mixed' | 'knex-loopback' | 'mysql2-loopback' | 'pg-pool-loopback' | 'postgres-js-loopback' | 'recycling'

const SERVERS: Readonly<Record<ServerBenchmark, () => Promise<BenchmarkServer>>> = {
  'ioredis-mixed': () => startRedis(),
  'knex-loopback': startPostgres,
  'mysql2-loopback': startMariadb,
  'pg-pool-loopback': startPostgres,
  'postgres-js-loopback': startPostgres,
  recycling: startPostgres,
}

/** On the server that the environment names (`POSTGRES_URL`, `MARIADB_URL`, `REDIS_URL`), or on one of our own at the other end of the loopback. */
export function onServer(name: ServerBenchmark): (scale: Scale) => Promise<Row[]> {
  return async (scale) => {
    const server = await SERVERS[name]()
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
