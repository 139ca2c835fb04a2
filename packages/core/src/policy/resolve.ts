import { inspect } from 'node:util'
import type { PoolkeeperError } from '../errors.ts'
import type { BackoffRange } from '../lending/opening/backoff.ts'
import { settledSizing } from '../sizing/check.ts'
import { invalidPolicy, refusedOption } from './bounds.ts'
import { FIELDS } from './fields.ts'
import type { PoolPolicyOptions } from './options.ts'
import { DEFAULTS, type HostSettings, type HostValues, type PolicySource, type PolicyValues, type PoolPolicy } from './values.ts'

type Field = keyof PolicyValues
type Draft = { -readonly [K in Field]: PolicyValues[K] }
type Sources = Record<Field, PolicySource>

/**
 * Refuses what no host could make sense of: an unknown key, what is not built yet, a value of a
 * wrong type or out of bounds.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, naming the option, the bound and the value.
 */
export function checkPolicyOptions(options: PoolPolicyOptions): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidPolicy('policy', 'an object of options', options)
  }
  for (const [option, value] of Object.entries(options)) {
    if (!Object.hasOwn(FIELDS, option)) throw unknownOption(option, value)
    if (value !== undefined) FIELDS[option as keyof typeof FIELDS](option, value)
  }
}

function unknownOption(option: string, value: unknown): PoolkeeperError {
  // Its value is not repeated: whatever stands under an unknown name may be a secret.
  const kind = `a value of type ${typeof value}`
  return refusedOption(option, `one of the known options (${Object.keys(FIELDS).join(', ')})`, kind)
}

/**
 * Settles every field, once, at the door: what the policy says, then what the user set on the
 * host, then our default. Contradictions are refused between values that the user gave; our
 * defaults adapt to them.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, naming the option, the bound and the value.
 */
export function resolvePolicy(options: PoolPolicyOptions, host: HostSettings): PoolPolicy {
  checkPolicyOptions(options)
  const values: Draft = { ...DEFAULTS, ...host.defaults }
  const sources = Object.fromEntries(Object.keys(FIELDS).map((field) => [field, 'default'])) as Sources
  overlay(values, sources, host.explicit, 'host')
  overlay(values, sources, options, 'policy')
  overlay(values, sources, host.fixed, 'host')
  values.createBackoff = completeBackoff(values.createBackoff)
  values.sizing = settleSizing(values, sources)
  settleContradictions(values, sources)
  return Object.freeze({ ...values, sources: Object.freeze(sources), host: ownValues(host), server: host.server })
}

function ownValues({ defaults, explicit }: HostSettings): HostValues {
  const set = { ...defaults, ...explicit }
  return Object.freeze(Object.fromEntries(Object.keys(defaults).map((field) => [field, set[field as keyof HostValues]]))) as HostValues
}

function overlay(values: Draft, sources: Sources, given: object | undefined, source: PolicySource): void {
  for (const [field, value] of Object.entries<unknown>({ ...given })) {
    if (value === undefined) continue
    Object.assign(values, { [field]: value })
    sources[field as Field] = source
  }
}

/** Its sizes take the place of the host's, and stay within what the policy itself names. */
function settleSizing({ sizing, min, max }: Draft, sources: Sources): PolicyValues['sizing'] {
  if (sizing === false) return false
  const named = { ...(sources.min === 'policy' && { min }), ...(sources.max === 'policy' && { max }) }
  return settledSizing(sizing, named)
}

/** Of the two, the one that was left out adapts to the other. */
function completeBackoff({ firstMillis, longestMillis }: BackoffRange): PolicyValues['createBackoff'] {
  const { firstMillis: first, longestMillis: longest } = DEFAULTS.createBackoff
  if (firstMillis !== undefined && longestMillis !== undefined && firstMillis > longestMillis) {
    throw invalidPolicy('createBackoff.firstMillis', `at most \`createBackoff.longestMillis\` (${longestMillis})`, firstMillis)
  }
  return Object.freeze({
    firstMillis: firstMillis ?? Math.min(first, longestMillis ?? longest),
    longestMillis: longestMillis ?? Math.max(longest, firstMillis ?? first),
  })
}

function settleContradictions(values: Draft, sources: Sources): void {
  const isGiven = (field: Field): boolean => sources[field] !== 'default'
  const refuse = (field: Field, relation: string, other: Field): never => {
    const whose = sources[other] === 'policy' ? '' : sources[other] === 'host' ? ", from the host's options" : ', the default'
    throw invalidPolicy(field, `${relation} \`${other}\` (${inspect(values[other])}${whose})`, values[field])
  }

  if (values.min > values.max) {
    if (isGiven('min')) refuse('min', 'at most', 'max')
    values.min = values.max
  }
  if (values.minIdle !== false && values.minIdle > values.max) refuse('minIdle', 'at most', 'max')
  if (values.validationTimeoutMillis > values.acquireTimeoutMillis) {
    if (isGiven('validationTimeoutMillis') && isGiven('acquireTimeoutMillis')) {
      refuse('validationTimeoutMillis', 'at most', 'acquireTimeoutMillis')
    }
    values.validationTimeoutMillis = Math.min(values.validationTimeoutMillis, values.acquireTimeoutMillis)
  }
  if (values.reclaimLeaks && values.leakThresholdMillis === false) {
    throw invalidPolicy('reclaimLeaks', 'false without `leakThresholdMillis`', values.reclaimLeaks)
  }
  const { maxLifetimeMillis: lifetime, keepaliveMillis: period } = values
  if (lifetime !== false && period !== false && lifetime < period) {
    if (isGiven('maxLifetimeMillis') && isGiven('keepaliveMillis')) refuse('maxLifetimeMillis', 'at least', 'keepaliveMillis')
    // No connection grows so old that it would be kept alive once.
    if (!isGiven('keepaliveMillis')) values.keepaliveMillis = false
  }
}
