import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { isPoolkeeperError, type PoolPolicyOptions } from '@poolkeeper/core'
import { policiesForDay } from './day-policies.ts'
import { figuresOf, type Figures } from './figures.ts'
import { historyBefore, inMemory } from './histories.ts'
import { dayOfLoad, type FlashCrowd } from './loads.ts'
import { renderPlot, renderTable, topOf } from './render.ts'
import { replay } from './replay.ts'
import { parseTrace, TraceError, type Trace } from './trace.ts'

const USAGE = `pnpm simulate trace.csv --policy policy.json [--policy another.json …]
pnpm simulate --day <seed> [--policy policy.json …]

Replays arrivals on virtual time through the policy's own code, and shows what became of them.

  trace.csv           columns time (milliseconds, or dates) and hold (milliseconds)
  --policy <file>     a policy as JSON; the first one given is what the others are compared with
  --day <seed>        a generated day instead of a file; without --policy: fixed, schedule, adaptive and predictive beside each other
  --connect <millis>  how long a connect takes (20)
  --server <n>        the server does so many things at once; beyond that everything takes longer (no limit)
  --json              figures for a program
`

const COLUMNS = 96

class UsageError extends Error {}

interface Job {
  readonly trace: Trace
  readonly flash: FlashCrowd | undefined
  readonly policies: readonly (readonly [name: string, policy: PoolPolicyOptions])[]
  readonly connectMillis: number
  readonly serverConcurrency: number
  readonly asJson: boolean
}

function jobFrom(args: readonly string[]): Job {
  const { positionals, values } = parseArgs({
    args: args.filter((arg) => arg !== '--'),
    allowPositionals: true,
    options: {
      policy: { type: 'string', multiple: true },
      day: { type: 'string' },
      connect: { type: 'string', default: '20' },
      server: { type: 'string', default: 'Infinity' },
      json: { type: 'boolean', default: false },
    },
  })
  const [file, ...others] = positionals
  if (others.length > 0 || (file === undefined) === (values.day === undefined)) throw new UsageError('one trace is needed, or --day')
  const policies = (values.policy ?? []).map((path) => [basename(path, '.json'), readPolicy(path)] as const)
  const given = { connectMillis: positive('connect', values.connect), serverConcurrency: positive('server', values.server), asJson: values.json }
  if (file !== undefined) {
    if (policies.length === 0) throw new UsageError('--policy is needed')
    return { ...given, trace: parseTrace(readFileSync(file, 'utf8')), flash: undefined, policies }
  }
  const seed = positive('day', values.day ?? '')
  const day = dayOfLoad(seed)
  return { ...given, trace: day, flash: day.flash, policies: policies.length === 0 ? policiesForDay(historyBefore(seed)) : policies }
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} must be a number above 0, got ${text}`)
  return value
}

function readPolicy(path: string): PoolPolicyOptions {
  try {
    return withHistory(JSON.parse(readFileSync(path, 'utf8')) as PoolPolicyOptions)
  } catch (error) {
    throw new UsageError(`${path} is no JSON, or names a history that cannot be read: ${String(error)}`)
  }
}

/** JSON has no stores: a history is the path of its document there, and what is learnt in a replay is not written to it. */
function withHistory(policy: PoolPolicyOptions): PoolPolicyOptions {
  const { sizing } = policy
  if (typeof sizing !== 'object' || !('predictive' in sizing)) return policy
  const { history: path, ...rest } = sizing.predictive as { readonly history?: unknown }
  const document = typeof path === 'string' ? readFileSync(path, 'utf8') : undefined
  return { ...policy, sizing: { predictive: { ...rest, history: inMemory(document) } } }
}

/** A column of the plot is the time up to the last arrival, in so many parts. */
function stepOf({ arrivals }: Trace): number {
  let last = 0
  for (const { atMillis } of arrivals) last = atMillis
  return Math.max(1, Math.ceil(last / COLUMNS))
}

async function main(): Promise<void> {
  const { asJson, connectMillis, flash, policies, serverConcurrency, trace } = jobFrom(process.argv.slice(2))
  const stepMillis = stepOf(trace)
  const all: Figures[] = []
  for (const [name, policy] of policies) {
    all.push(figuresOf(name, await replay(trace, { policy, connectMillis, serverConcurrency, stepMillis }), flash))
  }
  if (asJson) {
    console.log(JSON.stringify({ stepMillis, flash, runs: all }, undefined, 2))
    return
  }
  for (const figures of all) console.log(`${renderPlot(figures, topOf(all))}\n`)
  console.log(renderTable(all))
}

main().catch((error: unknown) => {
  // What the user can put right needs no stack.
  const isTheirs = error instanceof UsageError || error instanceof TraceError || isPoolkeeperError(error)
  console.error(isTheirs ? error.message : error)
  if (error instanceof UsageError) console.error(`\n${USAGE}`)
  process.exitCode = 1
})
