import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import type { PostgresServer } from '../../test-integration/harness/postgres.ts'
import { binsToAbsorb, figuresOf, type Figures } from '../figures.ts'
import type { FlashCrowd } from '../loads.ts'
import { stepsOf, type Replay } from '../replay.ts'
import type { Trace } from '../trace.ts'
import { AcceleratedClock } from './accelerated-clock.ts'
import { ConnectionSamples } from './connection-samples.ts'
import { LivePool } from './live-pool.ts'

export interface LiveOptions {
  readonly server: Pick<PostgresServer, 'url' | 'admin'>
  readonly trace: Trace
  /** How long it takes by its own clock, in milliseconds. */
  readonly traceMillis: number
  readonly flash: FlashCrowd | undefined
  readonly policies: readonly (readonly [name: string, policy: PoolPolicyOptions])[]
  /** So many times as fast as it was. */
  readonly speed: number
  readonly stepMillis: number
}

export interface LiveResult {
  readonly runs: readonly Figures[]
  /** By how much the load generator itself was late at worst, in real milliseconds. */
  readonly lagMillis: number
}

/** Pools are opened, and fixed ones filled, before the first caller comes. */
const LEAD_IN_MILLIS = 3_000

/** A wait that is no delay of this process, in real milliseconds. */
const WAITED_FROM_MILLIS = 5

/** All policies at once on one server, each with a pool of its own and the same callers. */
export async function runLive(options: LiveOptions): Promise<LiveResult> {
  const { policies, server, speed, trace, traceMillis } = options
  const clock = new AcceleratedClock(speed, trace.startedAt - LEAD_IN_MILLIS * speed)
  const pools = policies.map(([name, policy]) => new LivePool({ url: server.url, name: `day ${name}`, policy, clock, speed }))
  const samples = new ConnectionSamples(server.admin, clock, pools.map(({ keeper }) => keeper.name))
  try {
    // Nobody waits for what a policy opens by itself.
    await Promise.all(pools.filter(({ keeper }) => keeper.policy.sources.min === 'policy').map(({ keeper }) => keeper.ready()))
    samples.start()
    const lagMillis = await feed(trace, pools, clock, speed)
    await sleepUntil(clock, trace.startedAt + traceMillis, speed)
    await samples.stop()
    await Promise.all(pools.map((pool) => pool.settled()))
    return { runs: pools.map((pool, index) => runOf(policies[index]?.[0] ?? '', pool, samples, options)), lagMillis }
  } finally {
    await samples.stop()
    await Promise.all(pools.map((pool) => pool.end()))
  }
}

/** Resolves to the longest delay of a caller that was this process's own, in real milliseconds. */
async function feed({ arrivals, startedAt }: Trace, pools: readonly LivePool[], clock: AcceleratedClock, speed: number): Promise<number> {
  let [lag, inTurn] = [0, 0]
  for (const arrival of arrivals) {
    const early = (startedAt + arrival.atMillis - clock.wallNow()) / speed
    lag = Math.max(lag, -early)
    if (early > 0.5) await sleep(early)
    else if (++inTurn % 20 === 0) await turn()
    for (const pool of pools) pool.visit(arrival)
  }
  return lag
}

async function sleepUntil(clock: AcceleratedClock, wall: number, speed: number): Promise<void> {
  await sleep(Math.max(0, (wall - clock.wallNow()) / speed))
}

/** Real time. */
const BIN_MILLIS = 100

function runOf(policy: string, pool: LivePool, samples: ConnectionSamples, options: LiveOptions): Figures {
  const { flash, speed, stepMillis, trace, traceMillis } = options
  const { name } = pool.keeper
  const from = trace.startedAt
  const to = from + traceMillis
  const waits = pool.waits.map(({ at, millis }) => ({ at: at - from, millis }))
  const waitsMillis = Float64Array.from(waits, ({ millis }) => millis).sort()
  const worst: number[] = []
  for (const { at, millis } of waits) {
    const bin = Math.floor(at / speed / BIN_MILLIS)
    worst[bin] = Math.max(worst[bin] ?? 0, millis)
  }
  const failed = Object.values(pool.failed).reduce((sum, each) => sum + each, 0)
  const run: Replay = {
    millis: traceMillis,
    callers: waits.length + failed,
    failed: pool.failed,
    waitsMillis: Array.from(waitsMillis),
    waitedShare: waitsMillis.filter((wait) => wait > WAITED_FROM_MILLIS).length / Math.max(1, waits.length),
    connectionHours: samples.connectionHours(name, from, to),
    mostConnections: samples.most(name),
    opened: pool.keeper.stats().opens.ok,
    resized: pool.resized,
    steps: stepsOf(samples.steps(name, from, to, stepMillis), waits, stepMillis),
    worstBySecond: [],
  }
  const absorbed = flash && binsToAbsorb(Array.from(worst, (each) => each ?? 0), Math.floor(flash.from / speed / BIN_MILLIS))
  return { ...figuresOf(policy, run, undefined), secondsToAbsorb: absorbed && (absorbed * BIN_MILLIS) / 1_000 }
}
