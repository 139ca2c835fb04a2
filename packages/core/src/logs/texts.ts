import { describeCounts, type PoolCounts } from '../counts.ts'
import { findPoolkeeperError, type PoolkeeperErrorCode } from '../errors.ts'
import type { EventFacts, PoolEvent, PoolEventType } from '../events.ts'

export type LogLevel = 'info' | 'warn' | 'error'

/** What a person needs to be told of one event. */
export interface Text {
  readonly level: LogLevel
  /** What happened. */
  readonly what: string
  readonly cause?: unknown
  /** What to do about it. */
  readonly advice?: string
  /** Tells events of one type and one pool apart that are not about the same. */
  readonly place?: string | undefined
}

type Texts = { readonly [T in PoolEventType]?: (facts: EventFacts<T>) => Text }

/**
 * The events that are worth a line. Not those of every checkout: while nobody else listens to these,
 * they are not even made.
 */
export const TEXTS: Texts = {
  openFailed: ({ error, openMillis }) => ({
    level: 'warn',
    what: `a connect failed after ${inWords(openMillis)}`,
    cause: error,
    advice: 'see whether the server is up and can be reached, and whether it has connections left',
  }),
  credentialsFailed: ({ error }) => ({
    level: 'error',
    what: 'the provider of credentials gave none',
    cause: error,
    advice: 'connections that are open go on until their credential ends; repair the provider before that',
  }),
  acquireFailed: ({ error, waitMillis }) => failedAcquire(error, waitMillis),
  validationFailed: ({ connection, timedOut, validationMillis, error }) => ({
    level: 'warn',
    what: `connection ${connection} ${timedOut ? 'did not answer' : 'failed'} its check within ${inWords(validationMillis)}, and is closed`,
    cause: error,
    place: timedOut ? 'timedOut' : 'failed',
  }),
  generationBumped: ({ cause }) => ({
    level: 'warn',
    what: 'a connection died in a way that others may have as well: all of them are asked before they are lent again',
    cause,
    advice: 'nothing, if it ends by itself; look for a failover, a restart or a firewall if it comes back',
  }),
  leaked: ({ connection, heldMillis, heldAtSite, lastQuery, owner, site }) => ({
    level: 'error',
    what: `connection ${connection} has been held for ${inWords(heldMillis)}${by(owner)}, acquired at ${site ?? 'an unknown line'}${also(heldAtSite)}`,
    advice: `release it in a finally there${lastQuery === undefined ? '' : `; its last statement: ${shortened(lastQuery)}`}`,
    place: site,
  }),
  leakEnded: ({ connection, heldMillis, site }) => ({
    level: 'info',
    what: `connection ${connection}, acquired at ${site ?? 'an unknown line'}, came back after ${inWords(heldMillis)}`,
    place: site,
  }),
  nestedAcquire: ({ site, holderSite, owner }) => ({
    level: 'warn',
    what: `a second connection is asked for at ${site ?? 'an unknown line'}${by(owner)}, within the transaction begun at ${holderSite ?? 'an unknown line'}`,
    advice: 'pass the transaction on and query through it; when all do this at once, nobody gets a connection',
    place: site,
  }),
  deadlock: ({ holders, site, waitMillis }) => ({
    level: 'error',
    what: `a deadlock: all ${holders.length} holders waited for one more connection, and the one at ${site ?? 'an unknown line'} gave way after ${inWords(waitMillis)}`,
    advice: 'query through the transaction that holds a connection already',
    place: site,
  }),
  misused: ({ misuse, connection, site }) => ({
    level: 'error',
    what: `connection ${connection ?? '?'} was used by somebody who does not hold it (${misuse}) at ${site ?? 'an unknown line'}`,
    advice: 'release once, and let go of it then; nothing was changed by it',
    place: `${misuse} ${site}`,
  }),
  dirtyReturn: ({ connection, status }) => ({
    level: 'warn',
    what: `connection ${connection} came back in ${status === 'open' ? 'an open' : 'a failed'} transaction, and is not lent like that`,
    advice: 'commit or roll back on every way out',
  }),
  hookFailed: ({ hook, connection, error }) => ({
    level: 'error',
    what: `${hook} failed on connection ${connection}, which is closed for it`,
    cause: error,
    place: hook,
  }),
  circuitOpened: ({ failures, cause }) => ({
    level: 'error',
    what: `${failures} connects in a row have failed: callers are answered at once, and one probe at a time looks for the server`,
    cause,
    advice: 'bring the server back; the circuit closes by itself',
  }),
  circuitClosed: ({ openMillis }) => ({ level: 'info', what: `the server is back: a connect succeeded after ${inWords(openMillis)}` }),
  paused: ({ waiters }) => ({ level: 'info', what: `paused; callers ${waiters === 'wait' ? 'wait' : 'are refused'} until resume()` }),
  resumed: () => ({ level: 'info', what: 'lends again' }),
  resized: ({ min, max }) => ({ level: 'info', what: `its size is ${min} to ${max} now` }),
  historyFailed: ({ act, error }) => ({
    level: 'warn',
    what: `what sizing has learnt could not be ${act === 'load' ? 'read: the pool is sized by the load alone until it can, or has learnt it anew' : 'saved'}`,
    cause: error,
    place: act,
  }),
  recycled: ({ connections }) => ({ level: 'info', what: `${connections} connections are being replaced` }),
  drained: ({ report: { blockers, clean, durationMillis, rejectedWaiters } }) => ({
    level: clean ? 'info' : 'error',
    what: `closed after ${inWords(durationMillis)}${clean ? '' : `; ${blockers.length} connections were closed under their holders (${sitesOf(blockers)})`}${rejectedWaiters > 0 ? `; ${rejectedWaiters} callers were refused` : ''}`,
  }),
  froze: ({ frozenMillis }) => ({
    level: 'warn',
    what: `this process did not run for ${inWords(frozenMillis)}: idle connections are asked before they are lent`,
  }),
  loopLagged: ({ lagMillis }) => ({
    level: 'warn',
    what: `the event loop of this process was blocked for ${inWords(lagMillis)}`,
    advice: 'what was slow meanwhile is not the database: look for synchronous work here',
  }),
}

const ADVICE: Partial<Record<PoolkeeperErrorCode, string>> = {
  POOL_EXHAUSTED: 'look for slow queries and for connections that are not given back (leakThresholdMillis names the line), then raise max if the server has room',
  CONNECT_FAILED: 'see whether the server is up and can be reached, and whether it has connections left',
  CIRCUIT_OPEN: 'bring the server back; the circuit closes by itself',
  VALIDATION_FAILED: 'the server is reached and does not answer: look for a firewall that drops flows, or a server that hangs',
}

function failedAcquire(error: unknown, waitMillis: number): Text {
  const ours = findPoolkeeperError(error)
  const code = ours?.code
  // The pool was told to, or the caller left by himself.
  const isExpected = code === 'DRAINING' || code === 'PAUSED' || (error as Error | undefined)?.name === 'AbortError'
  const advice = code === undefined ? undefined : ADVICE[code]
  return {
    level: isExpected ? 'info' : 'error',
    what: `a caller got no connection after ${inWords(waitMillis)}${code === undefined ? '' : ` (${code})`}`,
    cause: ours ?? error,
    place: code,
    ...(advice !== undefined && { advice }),
  }
}

/** The text of an event; `undefined` for one that is not worth a line. */
export function textOf<T extends PoolEventType>(event: Extract<PoolEvent, { type: T }>): Text | undefined {
  return (TEXTS[event.type] as ((facts: PoolEvent) => Text) | undefined)?.(event)
}

/** The types of the events that are worth a line. None of them is emitted at a checkout that succeeds. */
export const DESCRIBED_EVENTS: readonly PoolEventType[] = Object.keys(TEXTS) as PoolEventType[]

/** What a person needs to be told of one event, in words alone. */
export interface EventDescription {
  readonly level: LogLevel
  /** What happened. */
  readonly what: string
  /** Why, if something below is to blame. */
  readonly cause?: string
  /** What to do about it. */
  readonly advice?: string
  /** Tells events of one type and one pool apart that are not about the same. */
  readonly place?: string
}

/** `undefined` for an event that is not worth a line. */
export function describeEvent(event: PoolEvent): EventDescription | undefined {
  const text = textOf(event)
  if (text === undefined) return undefined
  const { level, what, cause, advice, place } = text
  return {
    level,
    what,
    ...(cause !== undefined && { cause: messageOf(cause) }),
    ...(advice !== undefined && { advice }),
    ...(place !== undefined && { place }),
  }
}

/** One line: what happened, what the pool holds, why, and what to do. */
export function lineOf(pool: string, text: Text, counts: (PoolCounts & { readonly max: number }) | undefined, silenced: number): string {
  const { what, cause, advice } = text
  const parts = [
    `pool "${pool}": ${what}`,
    silenced > 0 && `${silenced} more like it since the last line`,
    counts !== undefined && describeCounts(counts, counts.max),
    cause !== undefined && `cause: ${messageOf(cause)}`,
    advice !== undefined && `to do: ${advice}`,
  ]
  return parts.filter((part) => part !== false).join(' | ')
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return shortened(String(cause))
  const { code } = cause as { code?: unknown }
  // Some errors of Node have no message of their own.
  const message = cause.message === '' && cause instanceof AggregateError ? String(cause.errors[0]) : cause.message
  return typeof code === 'string' && !message.includes(code) ? `${shortened(message)} (${code})` : shortened(message)
}

function inWords(millis: number): string {
  return millis < 1_000 ? `${Math.round(millis)} ms` : `${(millis / 1_000).toFixed(millis < 10_000 ? 1 : 0)} s`
}

function by(owner: string | undefined): string {
  return owner === undefined ? '' : ` by "${owner}"`
}

function also(heldAtSite: number): string {
  return heldAtSite > 1 ? ` (that line holds ${heldAtSite})` : ''
}

function sitesOf(blockers: readonly { readonly site: string | undefined; readonly owner: string | undefined }[]): string {
  return [...new Set(blockers.map(({ owner, site }) => owner ?? site ?? 'by whom is not known'))].slice(0, 5).join(', ')
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)} …` : text
}
