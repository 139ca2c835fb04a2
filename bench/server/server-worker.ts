// The process that measures on a server: `node server-worker.js <benchmark> <scale> <address>`, the last two in JSON.
import type { Row } from '../report.ts'
import type { Scale } from '../scale.ts'
import { ioredisMixed } from './ioredis-mixed.ts'
import { knexLoopback } from './knex-loopback.ts'
import { mysql2Loopback } from './mysql2-loopback.ts'
import { pgPoolLoopback } from './pg-pool-loopback.ts'
import type { Address } from './pools.ts'
import { postgresJsLoopback } from './postgres-js-loopback.ts'
import { recycling } from './recycling.ts'

const BENCHMARKS: Readonly<Record<string, (scale: Scale, address: Address) => Promise<Row[]>>> = {
  'ioredis-mixed': ioredisMixed,
  'knex-loopback': knexLoopback,
  'mysql2-loopback': mysql2Loopback,
  'pg-pool-loopback': pgPoolLoopback,
  'postgres-js-loopback': postgresJsLoopback,
  recycling,
}

process.once('disconnect', () => process.exit())
const [name = '', scale = '', address = ''] = process.argv.slice(2)
const benchmark = BENCHMARKS[name]
if (benchmark === undefined) throw new Error(`no such benchmark: ${name}`)
process.send?.(await benchmark(JSON.parse(scale) as Scale, JSON.parse(address) as Address))
