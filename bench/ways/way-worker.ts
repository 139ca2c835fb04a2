// The process that measures one way under one load: `node way-worker.js <way> <load> <url>`.
import { performance } from 'node:perf_hooks'
import type { Figures } from '../pairs.ts'
import { PG_WAYS } from './pg-ways.ts'
import { REDIS_WAYS } from './redis-ways.ts'
import { CALLERS, type Load, type OpenWay } from './way.ts'

/** What the process is asked for. */
export type Request = 'warm up' | 'measure'

const QUESTIONS: Readonly<Record<Load, number>> = { sequential: 2_000, ten: 4_000, hundred: 8_000 }
/** Brings the connections back into use: how long a side waited for its turn is no part of what is measured. */
const FIRST_QUESTIONS_A_CALLER = 10
const WARM_UP_BLOCKS = 8

const WAYS: Readonly<Record<string, OpenWay>> = { ...REDIS_WAYS, ...PG_WAYS }

process.once('disconnect', () => process.exit())
const [name = '', load = '', url = ''] = process.argv.slice(2)
const open = WAYS[name]
if (open === undefined) throw new Error(`no such way: ${name}`)
const callers = CALLERS[load as Load]
const questions = QUESTIONS[load as Load]
const way = await open(url, callers)

const answers: Readonly<Record<Request, () => Promise<Figures>>> = {
  'warm up': async () => {
    for (let block = 0; block < WARM_UP_BLOCKS; block++) await measure()
    return {}
  },
  measure,
}

process.on('message', (request: Request) => {
  void answers[request]().then((figures) => process.send?.(figures))
})
// A question that is asked before anybody listens is lost.
process.send?.('ready')

async function measure(): Promise<Figures> {
  await askAll(FIRST_QUESTIONS_A_CALLER)
  const cpu = process.cpuUsage()
  const start = performance.now()
  await askAll(questions / callers)
  const millis = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: (questions * 1_000) / millis, micros: (millis * 1_000) / questions, cpuMicros: (user + system) / questions }
}

async function askAll(times: number): Promise<void> {
  const caller = async (_: unknown, index: number): Promise<void> => {
    for (let time = 0; time < times; time++) await way.ask(index + time)
  }
  await Promise.all(Array.from({ length: callers }, caller))
}
