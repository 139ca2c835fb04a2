import type { Report, Row } from './report.ts'
import type { Estimate } from './statistics.ts'

const HEADER = ['', 'ratio', '95 %', 'bare/bare', '95 %', 'limit', '', 'to']

/** For people: plain text, one block a benchmark. */
export function tableOf(reports: readonly Report[]): string {
  const blocks = reports.map(({ benchmark, rows, skipped }) => ({ benchmark, skipped, lines: rows.map(cellsOf) }))
  const all = [HEADER, ...blocks.flatMap(({ lines }) => lines)]
  const widths = HEADER.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string => cells.map((cell, column) => pad(cell, column, widths)).join('  ').trimEnd()
  return blocks
    .map(({ benchmark, skipped, lines }) =>
      (skipped === undefined ? [benchmark, line(HEADER), ...lines.map(line)] : [benchmark, `skipped: ${skipped}`]).join('\n'),
    )
    .join('\n\n')
}

function pad(cell: string, column: number, widths: readonly number[]): string {
  const width = widths[column] ?? 0
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function cellsOf({ title, value, isRange, noise, base, limit, isFloor, verdict }: Row): string[] {
  const figure = (number: number): string => (isRange ? String(number) : number.toFixed(3))
  const interval = ({ low, high }: Estimate): string => `${figure(low)}..${figure(high)}`
  return [
    title,
    figure(value.median),
    interval(value),
    noise === undefined ? '' : figure(noise.median),
    noise === undefined ? '' : interval(noise),
    limit === undefined ? '' : `${isFloor === true ? '≥ ' : ''}${limit}`,
    verdict,
    base === undefined ? `${value.samples} measurements` : `${base.value.toPrecision(4)} ${base.unit}`,
  ]
}
