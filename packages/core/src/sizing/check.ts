import { isDeepStrictEqual } from 'node:util'
import { integer, invalidPolicy, ratio, record, refusedOption, text, type FieldCheck } from '../policy/bounds.ts'
import { recurrenceOf } from './cron.ts'
import type { SizingHistory } from './history/store.ts'
import type { PoolSize, PredictiveOptions, PredictiveSizing, ScheduleEntry, Sizing } from './options.ts'
import { collisionOf } from './schedule.ts'

export const LARGEST_POOL = 100_000
const MOST_ENTRIES = 50
const HOUR_MILLIS = 3_600_000
const DAY_MILLIS = 86_400_000

const leadMillis = integer({ min: 0, max: DAY_MILLIS })
const KNOWN = ['schedule', 'leadMillis', 'adaptive', 'predictive']
const adaptiveFields = {
  waitProbability: ratio({ min: 0.001, max: 0.5 }),
  cooldownMillis: integer({ min: 1_000, max: DAY_MILLIS }),
}
const adaptiveRecord = record(adaptiveFields)
const predictiveRecord = record({
  history: checkStore,
  timeZone: checkZone,
  leadMillis: integer({ min: 0, max: HOUR_MILLIS }),
  confidence: ratio({ min: 0.5, max: 0.999 }),
  ...adaptiveFields,
})
const cronText = text(200)
const zoneText = text(100)

const KINDS = 'a schedule, adaptive, predictive, a function, or false'

/** What `sizing` may be. */
export const sizingCheck: FieldCheck = (option, value) => {
  if (value === false || typeof value === 'function') return
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidPolicy(option, KINDS, value)
  for (const [name, given] of Object.entries(value)) {
    const part = `${option}.${name}`
    if (!KNOWN.includes(name)) throw invalidPolicy(part, `one of ${KNOWN.join(' and ')}`, given)
  }
  const { adaptive, predictive, ...rest } = value as Record<string, unknown>
  if (adaptive !== undefined) {
    if (adaptive !== true) adaptiveRecord(`${option}.adaptive`, adaptive)
    refuseBeside(option, 'adaptive', { ...rest, predictive })
  } else if (predictive !== undefined) {
    predictiveRecord(`${option}.predictive`, predictive)
    checkStore(`${option}.predictive.history`, (predictive as Partial<PredictiveOptions>).history)
    refuseBeside(option, 'predictive', rest)
  } else checkSchedule(option, rest)
}

function refuseBeside(option: string, kind: string, others: Record<string, unknown>): void {
  const beside = Object.keys(others).find((name) => others[name] !== undefined)
  if (beside !== undefined) throw invalidPolicy(`${option}.${beside}`, `left out beside \`${option}.${kind}\``, others[beside])
}

/** Whatever is given in its place may hold a password: it is not repeated. */
function checkStore(option: string, value: unknown): void {
  const { load, save } = (value ?? {}) as Partial<SizingHistory>
  if (typeof load === 'function' && typeof save === 'function') return
  throw refusedOption(option, 'a store with load() and save()', `a value of type ${value === null ? 'null' : typeof value}`)
}

function checkSchedule(option: string, { schedule, leadMillis: lead }: Record<string, unknown>): void {
  const path = `${option}.schedule`
  if (!Array.isArray(schedule) || schedule.length < 1 || schedule.length > MOST_ENTRIES) {
    throw invalidPolicy(path, `a list of 1 to ${MOST_ENTRIES} entries`, schedule)
  }
  for (const [index, entry] of schedule.entries()) checkEntry(`${path}[${index}]`, entry)
  if (lead !== undefined) leadMillis(`${option}.leadMillis`, lead)
  const collision = collisionOf(schedule as ScheduleEntry[])
  if (collision === undefined) return
  const { first, second, at } = collision
  const bound = `at other times than \`${path}[${first}].cron\`: both come round at ${new Date(at).toISOString()}, for example`
  throw invalidPolicy(`${path}[${second}].cron`, bound, (schedule as ScheduleEntry[])[second]?.cron)
}

const ENTRY_FIELDS: Readonly<Record<keyof ScheduleEntry, FieldCheck>> = {
  timeZone: checkZone,
  cron: cronText,
  min: integer({ min: 0, max: LARGEST_POOL }),
  max: integer({ min: 1, max: LARGEST_POOL }),
}

function checkEntry(path: string, entry: unknown): void {
  if (typeof entry !== 'object' || entry === null) throw invalidPolicy(path, 'an object with cron, timeZone, min and max', entry)
  for (const name of Object.keys(entry)) {
    if (!Object.hasOwn(ENTRY_FIELDS, name)) throw invalidPolicy(`${path}.${name}`, 'one of cron, timeZone, min and max', name)
  }
  const given = entry as ScheduleEntry
  for (const [name, check] of Object.entries(ENTRY_FIELDS)) check(`${path}.${name}`, given[name as keyof ScheduleEntry])
  checkOrder(path, given)
  checkCron(`${path}.cron`, given)
}

function checkOrder(path: string, { min, max }: PoolSize): void {
  if (min > max) throw invalidPolicy(`${path}.min`, `at most \`${path}.max\` (${max})`, min)
}

function checkZone(option: string, value: unknown): void {
  zoneText(option, value)
  try {
    new Intl.DateTimeFormat('en', { timeZone: value as string })
  } catch {
    throw invalidPolicy(option, "a time zone of the IANA database, such as 'Europe/Berlin' or 'UTC'", value)
  }
}

function checkCron(option: string, { cron, timeZone }: ScheduleEntry): void {
  let isEver: boolean
  try {
    const recurrence = recurrenceOf(cron, timeZone)
    isEver = (recurrence.after(0) ?? recurrence.upTo(0)) !== undefined
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw invalidPolicy(option, `a cron expression (${why})`, cron)
  }
  if (!isEver) throw invalidPolicy(option, 'a cron expression that comes round', cron)
}

/**
 * As it was checked: later changes to the user's own object reach nobody. The sizes of a schedule stay within what
 * the policy names.
 *
 * @throws PoolkeeperError `INVALID_POLICY`
 */
export function settledSizing(sizing: Sizing, named: Partial<PoolSize>): Sizing {
  if (typeof sizing === 'function') return sizing
  if ('predictive' in sizing) return settledPredictive(sizing)
  if (!('schedule' in sizing)) {
    const { adaptive } = sizing
    return Object.freeze({ adaptive: adaptive === true ? adaptive : Object.freeze({ ...adaptive }) })
  }
  for (const [index, entry] of sizing.schedule.entries()) refuseOutside(`sizing.schedule[${index}]`, entry, named)
  return Object.freeze({ ...sizing, schedule: Object.freeze(sizing.schedule.map((entry) => Object.freeze({ ...entry }))) })
}

/** A store holds a client, and that may hold a password: whoever prints a policy does not print it. */
function settledPredictive({ predictive: { history, ...numbers } }: PredictiveSizing): Sizing {
  const predictive = Object.defineProperty(numbers, 'history', { value: history }) as PredictiveOptions
  return Object.freeze({ predictive: Object.freeze(predictive) })
}

/** The same in all that was given; of stores, only one is the same as itself. */
export function isSameSizing(one: Sizing | false, other: Sizing | false): boolean {
  return storeOf(one) === storeOf(other) && isDeepStrictEqual(one, other)
}

function storeOf(sizing: Sizing | false): SizingHistory | undefined {
  return typeof sizing === 'object' && 'predictive' in sizing ? sizing.predictive.history : undefined
}

/**
 * What a user's function answered.
 *
 * @throws PoolkeeperError `INVALID_POLICY`
 */
export function answeredSize(answer: unknown, bounds: PoolSize): PoolSize {
  if (typeof answer !== 'object' || answer === null) throw invalidPolicy('sizing()', 'an object with min and max', answer)
  if (typeof (answer as { then?: unknown }).then === 'function') {
    // Whatever becomes of it, nobody waits for it.
    Promise.resolve(answer).catch(() => {})
    throw invalidPolicy('sizing()', 'an object with min and max, and no promise', 'a promise')
  }
  const size = answer as PoolSize
  ENTRY_FIELDS.min('sizing().min', size.min)
  ENTRY_FIELDS.max('sizing().max', size.max)
  checkOrder('sizing()', size)
  refuseOutside('sizing()', size, bounds)
  return { min: size.min, max: size.max }
}

function refuseOutside(path: string, size: PoolSize, named: Partial<PoolSize>): void {
  if (named.min !== undefined && size.min < named.min) {
    throw invalidPolicy(`${path}.min`, `at least \`min\` (${named.min})`, size.min)
  }
  if (named.max !== undefined && size.max > named.max) {
    throw invalidPolicy(`${path}.max`, `at most \`max\` (${named.max})`, size.max)
  }
}
