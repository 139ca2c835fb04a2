import type { Attributes } from '@opentelemetry/api'
import { CLOSE_REASONS, type AttendedPool, type CircuitStatus, type PoolState } from '@poolkeeper/core'
import * as names from './names.ts'
import { capacityOf, type PoolMetricsOptions } from './options.ts'

/** One series of a metric: what it is told apart by, beside its pool, and its value. */
export type Value = readonly [value: number, attributes?: Attributes]

/** A metric that is one number for each series. */
export interface NumberMetric {
  readonly name: string
  readonly unit: string
  readonly description: string
  /** It only grows, for as long as its pool is there. */
  readonly isMonotonic: boolean
  valuesOf(pool: AttendedPool): readonly Value[]
}

const CONNECTION = '{connection}'
const STATES: readonly PoolState[] = ['running', 'paused', 'draining']
const CIRCUITS: readonly CircuitStatus[] = ['closed', 'halfOpen', 'open']

/** Every metric of a pool that is no duration: the conventions' own, then those that they have no name for. */
export function numbersOf(options: PoolMetricsOptions): NumberMetric[] {
  const capacity = capacityOf(options)
  return [
    ...CONVENTIONAL,
    ...(capacity === 'max' ? [] : [limit(names.LIMIT)]),
    ...(capacity === 'limit' ? [] : [limit(names.MAX)]),
    ...OWN_GAUGES,
    ...OWN_COUNTERS,
  ]
}

function gauge(name: string, unit: string, description: string, valuesOf: NumberMetric['valuesOf']): NumberMetric {
  return { name, unit, description, isMonotonic: false, valuesOf }
}

function counter(name: string, unit: string, description: string, valuesOf: NumberMetric['valuesOf']): NumberMetric {
  return { name, unit, description, isMonotonic: true, valuesOf }
}

function limit(name: string): NumberMetric {
  return gauge(name, CONNECTION, 'The maximum number of open connections allowed.', ({ stats }) => [[stats.max]])
}

const CONVENTIONAL: readonly NumberMetric[] = [
  gauge(
    names.COUNT,
    CONNECTION,
    'The number of connections that are currently in state described by the `state` attribute.',
    ({ stats }) => [
      [stats.idle, { [names.CONNECTION_STATE]: 'idle' }],
      [stats.used, { [names.CONNECTION_STATE]: 'used' }],
    ],
  ),
  gauge(names.IDLE_MAX, CONNECTION, 'The maximum number of idle open connections allowed.', ({ stats }) => [[stats.max]]),
  gauge(names.IDLE_MIN, CONNECTION, 'The minimum number of idle open connections allowed.', ({ keeper, stats }) => [
    [Math.max(stats.min, keeper.policy.minIdle || 0)],
  ]),
  gauge(names.PENDING_REQUESTS, '{request}', 'The number of current pending requests for an open connection.', ({ stats }) => [
    [stats.pending],
  ]),
  counter(
    names.TIMEOUTS,
    '{timeout}',
    'The number of connection timeouts that have occurred trying to obtain a connection from the pool.',
    ({ stats }) => [[stats.acquires.timedOut]],
  ),
]

const OWN_GAUGES: readonly NumberMetric[] = [
  gauge(`${names.OWN}.connection.transient`, CONNECTION, 'Connections that are neither idle nor used.', ({ stats }) => [
    [stats.validating, { [names.STATE]: 'validating' }],
    [stats.opening, { [names.STATE]: 'opening' }],
    [stats.closing, { [names.STATE]: 'closing' }],
  ]),
  gauge(`${names.OWN}.state`, '1', 'Whether the pool lends: 1 for the state that it is in.', ({ stats }) =>
    STATES.map((state) => [state === stats.state ? 1 : 0, { [names.STATE]: state }]),
  ),
  gauge(`${names.OWN}.circuit.state`, '1', 'Whether callers may connect: 1 for the state that the circuit is in.', ({ stats }) =>
    CIRCUITS.map((state) => [state === stats.circuit ? 1 : 0, { [names.STATE]: inSnakeCase(state) }]),
  ),
]

const OWN_COUNTERS: readonly NumberMetric[] = [
  counter(`${names.OWN}.acquires`, '{acquire}', 'Callers, by how they left.', ({ stats }) => byOutcome(stats.acquires)),
  counter(`${names.OWN}.opens`, '{attempt}', 'Attempts to open a connection, by outcome.', ({ stats }) => byOutcome(stats.opens)),
  counter(`${names.OWN}.validations`, '{validation}', 'Checks by outcome, and checkouts that needed none (skipped).', ({ stats }) =>
    byOutcome(stats.validations),
  ),
  counter(`${names.OWN}.closes`, CONNECTION, 'Connections closed, by reason.', ({ stats }) =>
    CLOSE_REASONS.map((reason) => [stats.closes[reason], { [names.REASON]: reason }]),
  ),
  counter(`${names.OWN}.leaks`, '{leak}', 'Connections held for longer than the leak threshold.', ({ stats }) => [[stats.leaks]]),
  counter(
    `${names.OWN}.replacements`,
    CONNECTION,
    'Connections opened to take the place of one that was about to retire.',
    ({ stats }) => [[stats.replacements]],
  ),
  counter(
    `${names.OWN}.incidents`,
    '{incident}',
    'Incidents after which connections had to prove themselves again.',
    ({ stats }) => [[stats.generation]],
  ),
  counter(`${names.OWN}.observed`, '{act}', 'What the policy would have done, while it only observes.', ({ stats: { observed } }) => [
    ...(['validate', 'restore', 'refuse', 'open', 'resize'] as const).map((would): Value => [observed[would], { [names.WOULD]: would }]),
    ...CLOSE_REASONS.map((reason): Value => [observed.retire[reason], { [names.WOULD]: 'retire', [names.REASON]: reason }]),
  ]),
]

function byOutcome(counters: object): Value[] {
  return Object.entries(counters as Record<string, number>).map(([outcome, count]) => [count, { [names.OUTCOME]: inSnakeCase(outcome) }])
}

function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
