/** Somebody comes, and holds a connection for so long. */
export interface Arrival {
  /** Milliseconds since the beginning of the trace. */
  readonly atMillis: number
  readonly holdMillis: number
}

export interface Trace {
  /** When it began, in milliseconds since the epoch; what a schedule goes by. */
  readonly startedAt: number
  /** The earliest first. */
  readonly arrivals: Iterable<Arrival>
}

/** Where a file is wrong. */
export interface TracePlace {
  /** The first one is 1. */
  readonly line?: number | undefined
  readonly field?: string | undefined
  readonly value?: string | undefined
}

/** What is wrong with a file: in which line, with which field, and what stands there. */
export class TraceError extends Error implements TracePlace {
  readonly line: number | undefined
  readonly field: string | undefined
  readonly value: string | undefined

  constructor(message: string, { field, line, value }: TracePlace = {}) {
    super(message)
    this.line = line
    this.field = field
    this.value = value
  }
}

/**
 * Reads a CSV file with the columns `time` and `hold`, in any order and beside others. `time` is milliseconds from
 * any beginning, milliseconds since the epoch, or a date as `2026-11-23T08:00:00.123Z`; `hold` is milliseconds.
 *
 * @throws TraceError
 */
export function parseTrace(text: string): Trace {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const columns = cellsOf(head).map((name) => name.toLowerCase())
  const [time, hold] = [columnOf('time', columns, head), columnOf('hold', columns, head)]
  const rows = lines.flatMap((row, index) => {
    if (row.trim() === '') return []
    const cells = cellsOf(row)
    const read = (field: string, column: number, value: (text: string) => number, bound: string): number =>
      checked(value(cells[column] ?? ''), { line: index + 2, field, value: cells[column] ?? '' }, bound)
    const at = read('time', time, timeOf, 'milliseconds, or a date as 2026-11-23T08:00:00Z')
    return [{ at, holdMillis: read('hold', hold, durationOf, 'milliseconds, at least 0') }]
  })
  if (rows.length === 0) throw new TraceError('there is not one arrival in it')
  rows.sort((one, other) => one.at - other.at)
  const startedAt = rows[0]?.at ?? 0
  return { startedAt, arrivals: rows.map(({ at, holdMillis }) => ({ atMillis: at - startedAt, holdMillis })) }
}

/** Numbers and dates have no commas within, whether or not they stand in quotes. */
function cellsOf(line: string): string[] {
  return line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1').trim())
}

function columnOf(field: string, columns: readonly string[], head: string): number {
  const column = columns.indexOf(field)
  if (column >= 0) return column
  throw new TraceError(`line 1: the columns \`time\` and \`hold\` are needed, got: ${head}`, { line: 1, field, value: head })
}

function checked(value: number, place: TracePlace, bound: string): number {
  if (Number.isFinite(value)) return value
  throw new TraceError(`line ${place.line}: \`${place.field}\` must be ${bound}, got: ${place.value || 'nothing'}`, place)
}

function numberOf(text: string): number {
  return text === '' ? Number.NaN : Number(text)
}

function durationOf(text: string): number {
  const millis = numberOf(text)
  return millis >= 0 ? millis : Number.NaN
}

function timeOf(text: string): number {
  const millis = numberOf(text)
  return Number.isNaN(millis) ? Date.parse(text) : millis
}
