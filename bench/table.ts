import type { Report, Row } from './report.ts'
import type { Estimate } from './statistics.ts'

const HEADER = ['', 'kept/bare', '95 %', 'bare/bare', '95 %', 'limit', '', 'bare']

/** For people: plain text, one block a benchmark. */
export function tableOf(reports: readonly Report[]): string {
  const cells = reports.map(({ rows }) => rows.map(cellsOf))
  const widths = HEADER.map((title, column) =>
    Math.max(title.length, ...cells.flat().map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return reports
    .map(({ benchmark, skipped }, index) =>
      skipped === undefined
        ? [benchmark, line(HEADER), ...(cells[index] ?? []).map(line)].join('\n')
        : `${benchmark}\nskipped: ${skipped}`,
    )
    .join('\n\n')
}

function cellsOf({ title, value, noise, bare, limit, verdict }: Row): string[] {
  return [
    title,
    figure(value.median),
    interval(value),
    noise === undefined ? '' : figure(noise.median),
    noise === undefined ? '' : interval(noise),
    limit === undefined ? '-' : `${limit}`,
    verdict,
    bare === undefined ? '' : `${bare.value.toPrecision(4)} ${bare.unit}`,
  ]
}

function interval({ low, high }: Estimate): string {
  return `${figure(low)}..${figure(high)}`
}

function figure(value: number): string {
  return Number.isInteger(value) && value !== 1 ? `${value}` : value.toFixed(3)
}
