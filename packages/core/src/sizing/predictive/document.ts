import { MOST_WEEKS, type SlotHistory, type WeekHistory } from './week-history.ts'
import { WEEK_SLOTS } from './week-clock.ts'

/**
 * A history as one text: JSON with a row of numbers for each property of a slot, which people can read, at most some
 * fifty kilobytes. The sum tells a text of which a part is from another day, as a crash in the middle of a write may
 * leave it, though it can be parsed.
 */
const FORMAT = 'poolkeeper-sizing-history'
const VERSION = 1

const LONGEST_DOCUMENT = 200_000
const HIGHEST_LOAD = 1_000_000
const DIGITS = 3

const ROWS = ['levels', 'deviations', 'bursts', 'weeks'] as const
type Rows = Readonly<Record<(typeof ROWS)[number], readonly number[]>>

export function encodeHistory({ slots, timeZone }: WeekHistory): string {
  const row = (valueOf: (slot: SlotHistory) => number): number[] => slots.map((slot) => (slot === undefined ? 0 : rounded(valueOf(slot))))
  const rows: Rows = {
    levels: row(({ level }) => level),
    deviations: row(({ variance }) => Math.sqrt(variance)),
    bursts: row(({ burst }) => burst),
    weeks: row(({ weeks }) => weeks),
  }
  return JSON.stringify({ format: FORMAT, version: VERSION, sum: sumOf(timeZone, rows), timeZone, ...rows })
}

/** What the numbers mean, not one digit more. */
function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS))
}

/** What was read, as far as it is to be believed. */
export type DecodedHistory =
  | { readonly history: WeekHistory; readonly refused?: undefined; readonly isLater?: undefined }
  | {
      readonly history?: undefined
      /** Why it is not believed. */
      readonly refused: string
      /** It is what a later version wrote, and goes on needing. */
      readonly isLater: boolean
    }

/** Believes all of it, or nothing. */
export function decodeHistory(document: unknown, timeZone: string): DecodedHistory {
  const refuse = (refused: string, isLater = false): DecodedHistory => ({ refused, isLater })
  if (typeof document !== 'string') return refuse(`a text is needed, got ${typeof document}`)
  if (document.length > LONGEST_DOCUMENT) return refuse(`it is ${document.length} characters long`)
  const read = parsed(document)
  if (read?.['format'] !== FORMAT) return refuse('it is no history, or a part of one')
  const { version } = read
  if (version !== VERSION) return refuse(`it is of version ${String(version)}, and this is version ${VERSION}`, Number(version) > VERSION)
  if (read['timeZone'] !== timeZone) return refuse(`it is of the time zone ${String(read['timeZone'])}, and the policy has ${timeZone}`)
  const rows = rowsOf(read)
  if (rows === undefined) return refuse('there are numbers in it that cannot be')
  if (read['sum'] !== sumOf(timeZone, rows)) return refuse('it was not written in one piece')
  return { history: { timeZone, slots: slotsOf(rows) } }
}

function parsed(document: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(document)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function rowsOf(read: Record<string, unknown>): Rows | undefined {
  const isLoad = (value: unknown): boolean => typeof value === 'number' && value >= 0 && value <= HIGHEST_LOAD
  const isCount = (value: unknown): boolean => Number.isInteger(value) && isLoad(value) && (value as number) <= MOST_WEEKS
  const isRow = (name: (typeof ROWS)[number]): boolean => {
    const row = read[name]
    return Array.isArray(row) && row.length === WEEK_SLOTS && row.every(name === 'weeks' ? isCount : isLoad)
  }
  return ROWS.every(isRow) ? (read as unknown as Rows) : undefined
}

function slotsOf({ bursts, deviations, levels, weeks }: Rows): (SlotHistory | undefined)[] {
  return weeks.map((seen, slot) => {
    if (seen === 0) return undefined
    return { level: levels[slot] ?? 0, variance: (deviations[slot] ?? 0) ** 2, burst: bursts[slot] ?? 0, weeks: seen }
  })
}

/** FNV-1a, which finds what was torn, and protects from nobody. */
function sumOf(timeZone: string, rows: Rows): string {
  let sum = 0x811c9dc5
  for (const character of JSON.stringify([timeZone, ...ROWS.map((name) => rows[name])])) {
    sum = Math.imul(sum ^ character.charCodeAt(0), 0x01000193) >>> 0
  }
  return sum.toString(16).padStart(8, '0')
}
