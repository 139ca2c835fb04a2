// The process that measures one variant under one load: `node stub-worker.js <host> <variant> <load>`.
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { Figures } from '../pairs.ts'
import { genericPoolStub } from './generic-pool-stub.ts'
import { knexStub } from './knex-stub.ts'
import { mysql2Stub } from './mysql2-stub.ts'
import { pgStub } from './pg-stub.ts'
import { CALLERS, HOSTS, LOADS, VARIANTS } from './stub-variants.ts'
import { tarnStub } from './tarn-stub.ts'

/** What the process is asked for. */
export type Request = 'warm up' | 'time' | 'allocation'

const CHECKOUTS = 10_000
const WARM_UP_BLOCKS = 25

const host = oneOf(HOSTS, process.argv[2])
const variant = oneOf(VARIANTS, process.argv[3])
const callers = CALLERS[oneOf(LOADS, process.argv[4])]
const stubs = { tarn: tarnStub, knex: knexStub, mysql2: mysql2Stub, 'pg-pool': pgStub, 'generic-pool': genericPoolStub }
const caller = stubs[host](variant)

const answers: Readonly<Record<Request, () => Promise<Figures>>> = {
  'warm up': warmUp,
  time: measureTime,
  allocation: measureAllocation,
}

// tarn's own timer would keep the process alive.
process.once('disconnect', () => process.exit())
process.on('message', (request: Request) => {
  void answers[request]().then((figures) => process.send?.(figures))
})

async function runCallers(): Promise<void> {
  await Promise.all(Array.from({ length: callers }, () => caller(CHECKOUTS / callers)))
}

async function warmUp(): Promise<Figures> {
  for (let block = 0; block < WARM_UP_BLOCKS; block++) await measureTime()
  return {}
}

async function measureTime(): Promise<Figures> {
  await turn()
  const cpu = process.cpuUsage()
  const start = performance.now()
  await runCallers()
  const millis = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { nanos: (millis * 1e6) / CHECKOUTS, cpuNanos: ((user + system) * 1e3) / CHECKOUTS }
}

/** What the heap grows by while nothing is collected, which needs `--expose-gc` and a large young generation. */
async function measureAllocation(): Promise<Figures> {
  await turn()
  globalThis.gc?.()
  const collections = countCollections()
  const before = process.memoryUsage().heapUsed
  await runCallers()
  const bytes = process.memoryUsage().heapUsed - before
  if ((await collections()) > 0) throw new Error('the heap was collected within the measurement')
  return { bytes: bytes / CHECKOUTS }
}

function countCollections(): () => Promise<number> {
  let count = 0
  const observer = new PerformanceObserver((list) => {
    count += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  return async () => {
    await turn()
    count += observer.takeRecords().length
    observer.disconnect()
    return count
  }
}

function oneOf<T extends string>(known: readonly T[], given: string | undefined): T {
  const found = known.find((one) => one === given)
  if (found === undefined) throw new Error(`not one of ${known.join(', ')}: ${given}`)
  return found
}
