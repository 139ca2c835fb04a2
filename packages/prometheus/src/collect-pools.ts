import { attendedPools, DURATION_BOUNDS_MILLIS, PoolkeeperError, type AttendedPool, type DurationKind } from '@poolkeeper/core'
import { familiesOf, type BucketSeconds } from './families.ts'
import { ReadMetric, stopOf, type MetricsRegistry } from './registry.ts'

export interface CollectPoolsOptions {
  /**
   * What every metric's name begins with.
   *
   * @defaultValue `'poolkeeper_'`
   */
  readonly prefix?: string
  /**
   * Upper bounds of the histograms' buckets, in seconds, ascending: of the time that callers wait, that
   * connections are held, and that connecting takes.
   *
   * @defaultValue from 0.5 ms to 30 s for waits, 1 ms to 60 s for uses, 1 ms to 10 s for connects
   */
  readonly bucketSeconds?: Partial<BucketSeconds>
}

/**
 * Shows every pool of this process in a registry of prom-client: those that are attended now, and those
 * that will be. Pools are looked at when somebody scrapes, and nothing is recorded before that; a pool
 * that is closed is gone from the next scrape.
 *
 * Called again for the same registry and prefix it changes nothing.
 *
 * @returns a function that takes the metrics out of the registry
 * @throws PoolkeeperError `INVALID_POLICY` when a prefix or a bucket makes no sense
 */
export function collectPools(registry: MetricsRegistry, options: CollectPoolsOptions = {}): () => void {
  const { prefix = 'poolkeeper_' } = options
  const families = familiesOf(bucketsOf(options))
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix)) throw refused('prefix', 'letters, digits and _, as in `app_`', prefix)
  const [first] = families
  const registered = stopOf(registry.getSingleMetric(`${prefix}${first?.name}`))
  if (registered !== undefined) return registered

  const names: string[] = []
  const stop = (): void => {
    for (const name of names.splice(0)) registry.removeSingleMetric(name)
  }
  const pools = oncePerScrape()
  try {
    for (const { name, help, type, samples } of families) {
      const own = prefix + name
      registry.registerMetric(new ReadMetric(own, help, type, (shown) => samples(pools(), shown), stop))
      names.push(own)
    }
  } catch (error) {
    stop()
    throw error
  }
  return stop
}

/** All metrics of one scrape are asked for within one turn, and have to tell of the same moment. */
function oncePerScrape(): () => readonly AttendedPool[] {
  let pools: readonly AttendedPool[] | undefined
  return () => {
    if (pools === undefined) {
      pools = attendedPools()
      queueMicrotask(() => (pools = undefined))
    }
    return pools
  }
}

function bucketsOf({ bucketSeconds = {} }: CollectPoolsOptions): BucketSeconds {
  const of = (kind: DurationKind): readonly number[] => {
    const given = bucketSeconds[kind]
    if (given === undefined) return DURATION_BOUNDS_MILLIS[kind].map((millis) => millis / 1_000)
    const isAscending = given.every((bound, index) => Number.isFinite(bound) && bound > (given[index - 1] ?? 0))
    if (!isAscending) throw refused(`bucketSeconds.${kind}`, 'ascending numbers above 0', given)
    return [...given]
  }
  return { wait: of('wait'), use: of('use'), open: of('open') }
}

function refused(option: string, bound: string, value: unknown): PoolkeeperError {
  const message = `${option} must be ${bound}; it is ${JSON.stringify(value)}`
  return new PoolkeeperError('INVALID_POLICY', message, { invalid: { option, bound, value } })
}
