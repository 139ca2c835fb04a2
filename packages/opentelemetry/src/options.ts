import { DURATION_BOUNDS_MILLIS, PoolkeeperError, type DurationKind } from '@poolkeeper/core'

export interface PoolMetricsOptions {
  /**
   * What the capacity of a pool is called: `db.client.connection.limit` since version 1.45 of the
   * conventions, `db.client.connection.max` before.
   *
   * @defaultValue `'limit'`
   */
  readonly capacity?: 'limit' | 'max' | 'both'
  /**
   * Upper bounds of the histograms' buckets, in seconds, ascending: of `wait_time`, `use_time` and
   * `create_time` (`open`).
   *
   * @defaultValue from 0.5 ms to 30 s for waits, 1 ms to 60 s for uses, 1 ms to 10 s for connects
   */
  readonly bucketSeconds?: Partial<Readonly<Record<DurationKind, readonly number[]>>>
}

export type BucketSeconds = Readonly<Record<DurationKind, readonly number[]>>

export const MILLIS_A_SECOND = 1_000

/** @throws PoolkeeperError `INVALID_POLICY` */
export function bucketsOf({ bucketSeconds = {} }: PoolMetricsOptions): BucketSeconds {
  const of = (kind: DurationKind): readonly number[] => {
    const given = bucketSeconds[kind]
    if (given === undefined) return DURATION_BOUNDS_MILLIS[kind].map((millis) => millis / MILLIS_A_SECOND)
    const isAscending = given.every((bound, index) => Number.isFinite(bound) && bound > (given[index - 1] ?? 0))
    if (!isAscending) throw refused(`bucketSeconds.${kind}`, 'ascending numbers above 0', given)
    return [...given]
  }
  return { wait: of('wait'), use: of('use'), open: of('open') }
}

/** @throws PoolkeeperError `INVALID_POLICY` */
export function capacityOf({ capacity = 'limit' }: PoolMetricsOptions): 'limit' | 'max' | 'both' {
  if (['limit', 'max', 'both'].includes(capacity)) return capacity
  throw refused('capacity', "'limit', 'max' or 'both'", capacity)
}

function refused(option: string, bound: string, value: unknown): PoolkeeperError {
  const message = `${option} must be ${bound}; it is ${JSON.stringify(value)}`
  return new PoolkeeperError('INVALID_POLICY', message, { invalid: { option, bound, value } })
}
