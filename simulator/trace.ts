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

/** What is wrong with a file, and in which line. */
export class TraceError extends Error {}

/**
 * Reads a CSV file with the columns `time` and `hold`, in any order and beside others. `time` is milliseconds from
 * any beginning, milliseconds since the epoch, or a date as `2026-11-23T08:00:00.123Z`; `hold` is milliseconds.
 */
export function parseTrace(text: string): Trace {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const columns = head.split(',').map((name) => name.trim().toLowerCase())
  const [time, hold] = [columns.indexOf('time'), columns.indexOf('hold')]
  if (time === -1 || hold === -1) throw new TraceError(`line 1: the columns \`time\` and \`hold\` are needed, got: ${head}`)
  const rows = lines.flatMap((line, index) => {
    if (line.trim() === '') return []
    const cells = line.split(',')
    const at = timeOf(cells[time]?.trim() ?? '')
    const holdMillis = numberOf(cells[hold]?.trim() ?? '')
    if (Number.isNaN(at) || !(holdMillis >= 0)) throw new TraceError(`line ${index + 2}: no time and no hold of at least 0: ${line}`)
    return [{ at, holdMillis }]
  })
  if (rows.length === 0) throw new TraceError('there is not one arrival in it')
  rows.sort((one, other) => one.at - other.at)
  const startedAt = rows[0]?.at ?? 0
  return { startedAt, arrivals: rows.map(({ at, holdMillis }) => ({ atMillis: at - startedAt, holdMillis })) }
}

function numberOf(text: string): number {
  return text === '' ? Number.NaN : Number(text)
}

function timeOf(text: string): number {
  const millis = numberOf(text)
  return Number.isNaN(millis) ? Date.parse(text) : millis
}
