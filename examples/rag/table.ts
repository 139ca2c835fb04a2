import type { Retrieval } from './agents.ts'
import type { Phase } from './compare.ts'

const HEADS = [
  ['', '', '', 'waited for', 'connect', '', 'wait', '', 'query', ''],
  ['', 'retrievals', 'failed', 'a handshake', 'p50', 'p99', 'p50', 'p99', 'p50', 'p99'],
]

/** One block for each phase, one line for each way, in milliseconds. */
export function tableOf(phases: readonly Phase[]): string {
  const blocks = phases.map(({ title, ways }) => ({ title, lines: [...ways].map(([way, all]) => cellsOf(way, all)) }))
  const lines = [...HEADS, ...blocks.flatMap((block) => block.lines)]
  const widths = HEADS[0]!.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)))
  const written = (cells: readonly string[]): string =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ').trimEnd()
  return [...HEADS.map(written), ...blocks.flatMap(({ title, lines }) => ['', title, ...lines.map(written)])].join('\n')
}

function cellsOf(way: string, all: readonly Retrieval[]): string[] {
  const count = (is: (retrieval: Retrieval) => boolean): string => String(all.filter(is).length)
  const times = (['connect', 'wait', 'query'] as const).flatMap((part) => {
    const sorted = all.map((retrieval) => retrieval[part]).sort((one, other) => one - other)
    return [0.5, 0.99].map((share) => millis(sorted[Math.ceil(share * sorted.length) - 1] ?? 0))
  })
  return [`  ${way}`, String(all.length), count((one) => one.hasFailed), count((one) => one.connect > 0), ...times]
}

const millis = (value: number): string => (value < 0.05 ? '·' : value.toFixed(1))
