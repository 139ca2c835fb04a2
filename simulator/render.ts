import type { Figures } from './figures.ts'
import type { Step } from './replay.ts'

const HEADINGS = [
  'policy',
  'callers',
  'failed',
  'waited',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'worst ms',
  'connection-hours',
  'of the first',
  'most',
  'opened',
  'resized',
  'flash absorbed',
]

export interface Table {
  readonly headings: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** One row a policy; the first is what the others are compared with. */
export function tableOf(all: readonly Figures[]): Table {
  return { headings: HEADINGS, rows: all.map((figures) => cellsOf(figures, all[0]?.connectionHours ?? 0)) }
}

export function renderTable(all: readonly Figures[]): string {
  const { rows } = tableOf(all)
  const widths = HEADINGS.map((_, column) => Math.max(...[HEADINGS, ...rows].map((row) => row[column]?.length ?? 0)))
  const fit = (cell: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 ? cell.padEnd(width) : cell.padStart(width)
  }
  const line = (row: readonly string[]): string => row.map(fit).join('  ').trimEnd()
  return [line(HEADINGS), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

function cellsOf(figures: Figures, hoursOfFirst: number): string[] {
  const { waitMillis, connectionHours, secondsToAbsorb } = figures
  const sum = (by: Readonly<Record<string, number>>): string => String(Object.values(by).reduce((all, each) => all + each, 0))
  return [
    figures.policy,
    String(figures.callers),
    sum(figures.failed),
    `${(100 * figures.waitedShare).toFixed(2)} %`,
    waitMillis.p50.toFixed(1),
    waitMillis.p99.toFixed(1),
    waitMillis.p999.toFixed(1),
    waitMillis.max.toFixed(0),
    connectionHours.toFixed(1),
    hoursOfFirst === 0 ? '-' : `${((100 * connectionHours) / hoursOfFirst).toFixed(0)} %`,
    String(figures.mostConnections),
    String(figures.opened),
    sum(figures.resized),
    secondsToAbsorb === undefined ? '-' : `${secondsToAbsorb} s`,
  ]
}

const HEIGHT = 12
const COLUMNS = 96

/** Over the time: what is in use (█), and what is open beside it (░). */
export function renderPlot({ policy, steps: all }: Figures, top: number): string {
  const steps = columnsOf(all)
  const rows = Array.from({ length: HEIGHT }, (_, index) => {
    const level = ((HEIGHT - index - 0.5) * top) / HEIGHT
    const cells = steps.map(({ connections, inUse }) => (inUse >= level ? '█' : connections >= level ? '░' : ' '))
    return `${String(Math.round(((HEIGHT - index) * top) / HEIGHT)).padStart(5)} ┤${cells.join('')}`.trimEnd()
  })
  return [`${policy}: connections in use █ and open ░`, ...rows, `    0 └${'─'.repeat(steps.length)}`].join('\n')
}

/** As many steps to a column that they fit, on average. */
function columnsOf(steps: readonly Step[]): readonly Pick<Step, 'connections' | 'inUse'>[] {
  const width = Math.ceil(steps.length / COLUMNS)
  return Array.from({ length: Math.ceil(steps.length / Math.max(1, width)) }, (_, column) => {
    const part = steps.slice(column * width, (column + 1) * width)
    const mean = (of: 'connections' | 'inUse'): number => part.reduce((sum, step) => sum + step[of], 0) / part.length
    return { connections: mean('connections'), inUse: mean('inUse') }
  })
}

export function topOf(all: readonly Figures[]): number {
  return Math.max(HEIGHT, ...all.flatMap(({ steps }) => steps.map(({ connections, inUse }) => Math.max(connections, inUse))))
}
