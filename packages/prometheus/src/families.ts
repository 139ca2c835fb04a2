import { CLOSE_REASONS, type AttendedPool, type CircuitStatus, type DurationKind, type PoolKeeper, type PoolState, type PoolStats } from '@poolkeeper/core'
import type { MetricValues, Sample } from './registry.ts'

/** Upper bounds in seconds, ascending, for each histogram. */
export type BucketSeconds = Readonly<Record<DurationKind, readonly number[]>>

type Labels = Readonly<Record<string, string>>
type Value = readonly [value: number, labels?: Labels]

/** One metric, as a function of pools. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: MetricValues['type']
  /** @param name - what the metric is called in the exposition */
  samples(pools: readonly AttendedPool[], name: string): Sample[]
}

const MILLIS = 1_000
const STATES: readonly PoolState[] = ['running', 'paused', 'draining']
const CIRCUITS: readonly CircuitStatus[] = ['closed', 'halfOpen', 'open']

/** Every metric of a pool, but for its prefix. */
export function familiesOf(bucketSeconds: BucketSeconds): Family[] {
  return [...GAUGES, ...COUNTERS, ...histograms(bucketSeconds)]
}

const GAUGES: readonly Family[] = [
  family('gauge', 'connections', 'Connections by what they are doing.', (stats) =>
    oneEach('state', {
      used: stats.used,
      idle: stats.idle,
      validating: stats.validating,
      opening: stats.opening,
      closing: stats.closing,
    }),
  ),
  family('gauge', 'pending_acquires', 'Callers that wait for a connection.', ({ pending }) => [[pending]]),
  family('gauge', 'max_connections', 'The most connections that the pool may have.', ({ max }) => [[max]]),
  family('gauge', 'min_connections', 'The fewest connections that the pool keeps.', ({ min }) => [[min]]),
  family('gauge', 'state', 'Whether the pool lends: 1 for the state that it is in.', ({ state }) => oneOf('state', STATES, state)),
  {
    name: 'pool_info',
    help: 'Where the pool leads to: always 1.',
    type: 'gauge',
    samples: (pools) => pools.map(({ name: pool, keeper }): Sample => ({ labels: { pool, ...placeOf(keeper) }, value: 1 })),
  },
  family('gauge', 'circuit_state', 'Whether callers may connect: 1 for the state that the circuit is in.', ({ circuit }) =>
    oneOf('state', CIRCUITS, circuit),
  ),
]

const COUNTERS: readonly Family[] = [
  family('counter', 'acquires_total', 'Callers, by how they left.', ({ acquires }) => oneEach('outcome', acquires)),
  family('counter', 'opens_total', 'Attempts to open a connection, by outcome.', ({ opens }) => oneEach('outcome', opens)),
  family('counter', 'validations_total', 'Checks by outcome, and checkouts that needed none (skipped).', ({ validations }) =>
    oneEach('outcome', validations),
  ),
  family('counter', 'closes_total', 'Connections closed, by reason.', ({ closes }) =>
    CLOSE_REASONS.map((reason): Value => [closes[reason], { reason }]),
  ),
  family('counter', 'leaks_total', 'Connections held for longer than the leak threshold.', ({ leaks }) => [[leaks]]),
  family('counter', 'replacements_total', 'Connections opened to take the place of one about to retire.', ({ replacements }) => [
    [replacements],
  ]),
  family('counter', 'incidents_total', 'Incidents after which connections had to prove themselves again.', ({ generation }) => [
    [generation],
  ]),
  family('counter', 'observed_total', 'What the policy would have done, while it only observes.', ({ observed }) => [
    ...(['validate', 'restore', 'refuse', 'open', 'resize'] as const).map((would): Value => [observed[would], { would, reason: '' }]),
    ...CLOSE_REASONS.map((reason): Value => [observed.retire[reason], { would: 'retire', reason }]),
  ]),
]

function histograms(bucketSeconds: BucketSeconds): Family[] {
  return [
    durations('wait', 'acquire_wait_seconds', 'How long callers waited that got a connection.', bucketSeconds),
    durations('use', 'use_seconds', 'How long connections were held.', bucketSeconds),
    durations('open', 'open_seconds', 'How long it took to open a connection.', bucketSeconds),
  ]
}

function family(type: Family['type'], name: string, help: string, valuesOf: (stats: PoolStats) => readonly Value[]): Family {
  return {
    name: `pool_${name}`,
    help,
    type,
    samples: (pools) =>
      pools.flatMap(({ name: pool, stats }) =>
        valuesOf(stats).map(([value, labels]): Sample => ({ labels: { pool, ...labels }, value })),
      ),
  }
}

/** What is not known is empty: a metric has the same labels for every pool. */
function placeOf({ policy }: Pick<PoolKeeper, 'policy'>): Record<'system' | 'server' | 'database', string> {
  const { system = '', address = '', port, namespace = '' } = policy.server ?? {}
  return { system, server: port === undefined ? address : `${address}:${port}`, database: namespace }
}

function oneEach(label: string, values: Readonly<Record<string, number>>): Value[] {
  return Object.entries(values).map(([name, value]) => [value, { [label]: inSnakeCase(name) }])
}

function oneOf(label: string, all: readonly string[], current: string): Value[] {
  return all.map((one) => [one === current ? 1 : 0, { [label]: inSnakeCase(one) }])
}

function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function durations(kind: DurationKind, ownName: string, help: string, bucketSeconds: BucketSeconds): Family {
  const bounds = bucketSeconds[kind]
  const boundsMillis = bounds.map((bound) => bound * MILLIS)
  return {
    name: `pool_${ownName}`,
    help,
    type: 'histogram',
    samples: (pools, name) =>
      pools.flatMap(({ name: pool, keeper }) => {
        const { count, sumMillis, upTo } = keeper.durations(kind, boundsMillis)
        return [
          ...bounds.map((le, index) => ({ metricName: `${name}_bucket`, labels: { le, pool }, value: upTo[index] ?? 0 })),
          { metricName: `${name}_bucket`, labels: { le: '+Inf', pool }, value: count },
          { metricName: `${name}_sum`, labels: { pool }, value: sumMillis / MILLIS },
          { metricName: `${name}_count`, labels: { pool }, value: count },
        ]
      }),
  }
}
