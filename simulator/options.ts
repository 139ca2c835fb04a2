import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import { policiesForDay } from './day-policies.ts'
import { historyBefore } from './histories.ts'
import { dayOfLoad, type FlashCrowd } from './loads.ts'
import { clockedField, readPolicy } from './policy-file.ts'
import { parseTrace, TraceError, type Trace } from './trace.ts'

export const USAGE = `pnpm simulate trace.csv --policy policy.json [--policy another.json …]
pnpm simulate --day <seed> [--policy policy.json …]

Replays arrivals on virtual time through the policy's own code, and shows what became of them.

  trace.csv           columns time (milliseconds, or dates) and hold (milliseconds)
  --policy <file>     a policy as JSON; the first one given is what the others are compared with
  --day <seed>        a generated day instead of a file; without --policy: fixed, schedule, adaptive, predictive and on
                      demand beside each other
  --connect <millis>  how long a connect takes (20)
  --server <n>        the server does so many things at once; beyond that everything takes longer (no limit)
  --live <minutes>    on a real PostgreSQL instead, in so many minutes, all policies at once; of a generated day one
                      caller in 24, who holds for 24 times as long
  --out <file>        write the report with its plots there (simulator/report.html)
  --json              figures for a program on stdout
`

/** What is wrong with the arguments. */
export class UsageError extends Error {}

export type NamedPolicy = readonly [name: string, policy: PoolPolicyOptions]

export interface Job {
  readonly title: string
  readonly trace: Trace
  readonly flash: FlashCrowd | undefined
  readonly policies: readonly NamedPolicy[]
  readonly connectMillis: number
  readonly serverConcurrency: number
  readonly liveMinutes: number | undefined
  readonly out: string
  readonly asJson: boolean
}

/** Of a generated day on a real server: enough of them for a figure of one in a thousand, and few enough for two CPUs. */
const LIVE_FOLD = 24

/** @throws UsageError, TraceError, PolicyFileError */
export function jobFrom(args: readonly string[]): Job {
  const { positionals, values } = argumentsOf(args)
  const [file, ...others] = positionals
  if (others.length > 0 || (file === undefined) === (values.day === undefined)) throw new UsageError('one trace is needed, or --day')
  const policies = (values.policy ?? []).map((path) => [basename(path, '.json'), readPolicy(path)] as const)
  const given = {
    connectMillis: positive('connect', values.connect),
    serverConcurrency: positive('server', values.server),
    liveMinutes: values.live === undefined ? undefined : positive('live', values.live),
    out: values.out,
    asJson: values.json,
  }
  if (file === undefined) return { ...given, ...dayJob(positive('day', values.day ?? ''), policies, given.liveMinutes !== undefined) }
  if (policies.length === 0) throw new UsageError('--policy is needed')
  const trace = readTrace(file)
  for (const [name, policy] of policies) refuseWithoutDates(trace, name, policy)
  return { ...given, title: basename(file), trace, flash: undefined, policies }
}

function dayJob(seed: number, policies: readonly NamedPolicy[], isLive: boolean): Pick<Job, 'title' | 'trace' | 'flash' | 'policies'> {
  const options = isLive ? { fold: LIVE_FOLD } : {}
  const day = dayOfLoad(seed, options)
  const tried = policies.length === 0 ? policiesForDay(historyBefore(seed, options)) : policies
  return { title: `day ${seed}`, trace: day, flash: day.flash, policies: tried }
}

type Arguments = ReturnType<typeof parse>

function argumentsOf(args: readonly string[]): Arguments {
  try {
    return parse(args)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

const OPTIONS = {
  policy: { type: 'string', multiple: true },
  day: { type: 'string' },
  connect: { type: 'string', default: '20' },
  server: { type: 'string', default: 'Infinity' },
  live: { type: 'string' },
  out: { type: 'string', default: fileURLToPath(new URL('report.html', import.meta.url)) },
  json: { type: 'boolean', default: false },
} as const

function parse(args: readonly string[]) {
  return parseArgs({ args: args.filter((arg) => arg !== '--'), allowPositionals: true, options: OPTIONS })
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} must be a number above 0, got ${text}`)
  return value
}

function readTrace(path: string): Trace {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  try {
    return parseTrace(text)
  } catch (error) {
    if (!(error instanceof TraceError)) throw error
    throw new TraceError(`${path}, ${error.message}`, error)
  }
}

/** No pool was looked at before this; milliseconds from any beginning are. */
const FIRST_DATE = Date.UTC(2000, 0, 1)

function refuseWithoutDates({ startedAt }: Trace, name: string, policy: PoolPolicyOptions): void {
  const field = clockedField(policy)
  if (field === undefined || startedAt >= FIRST_DATE) return
  throw new UsageError(`${name}: \`sizing.${field}\` goes by the clock, so the column \`time\` needs dates`)
}
