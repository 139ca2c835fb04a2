import { fileURLToPath } from 'node:url'
import { BEHAVIOURS, type BehaviourId, type Outcome, type ScenarioId } from '@poolkeeper/conformance'
import versions from './versions.json' with { type: 'json' }

export const DOCUMENT: string = fileURLToPath(new URL('../docs/support-matrix.md', import.meta.url))

/** Names the folder into which a run writes what it showed, instead of comparing it with the document. */
export const FOLDER_VARIABLE = 'SUPPORT_MATRIX_FOLDER'

/** The columns of the first table, in their order. */
export const HOSTS: readonly string[] = [
  'Knex · pg',
  'Knex · pg, applied',
  'Knex · mysql2, applied',
  'Knex · mysql',
  'Knex · mariadb',
  'Knex · better-sqlite3',
  'pg-pool',
  'mysql2 · callback pool',
  'mysql2 · promise pool',
  'mysql2 · PoolCluster',
  'Drizzle · node-postgres',
  'Drizzle · node-postgres, applied',
  'Drizzle · mysql2',
  'Drizzle · mysql2, applied',
  'Drizzle · postgres-js',
  'Drizzle · neon-serverless',
  'postgres.js',
  'generic-pool · pg',
  'generic-pool · redis',
  'ioredis · leases',
  'ioredis · lanes',
]

/** The columns of the others: a core of the behaviours, version by version. */
const VERSION_TABLES: readonly { readonly host: string; readonly server: string; readonly names: readonly string[] }[] = [
  { host: 'Knex', server: 'PostgreSQL', names: versions.knex.map(({ version }) => `Knex ${version}`) },
  { host: 'pg', server: 'PostgreSQL', names: [...versions.pg.map(({ version }) => `pg ${version}`), 'pg-native'] },
  { host: 'mysql2', server: 'MariaDB', names: versions.mysql2.map(({ version }) => `mysql2 ${version}`) },
  { host: 'Drizzle', server: 'PostgreSQL', names: versions.drizzle.map(({ version }) => `Drizzle ${version}`) },
  { host: 'postgres.js', server: 'PostgreSQL', names: versions.postgres.map(({ version }) => `postgres.js ${version}`) },
  {
    host: 'generic-pool',
    server: 'PostgreSQL',
    names: versions['generic-pool'].map(({ version }) => `generic-pool ${version}`),
  },
]
export const VERSIONS: readonly string[] = VERSION_TABLES.flatMap(({ names }) => names)

/** What a run showed of one column. */
export interface Column {
  readonly name: string
  readonly outcomes: Readonly<Record<BehaviourId, Outcome>>
}

export const PASSED = '✓'
export const FAILED = '✗'
export const NOT_TRIED = '–'

/** What a cell says: a mark, or the reason for which there is none. */
export function cellOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'passed':
      return PASSED
    case 'failed':
      return FAILED
    case 'not run':
      return NOT_TRIED
    case 'declared':
      return outcome.reason
  }
}

const HEAD = `# Support matrix

What each host showed when the conformance suite last ran, on real servers. ${PASSED} passed · ${NOT_TRIED} not tried
there · a number: declared impossible there, for the reason with that number.

Written by \`npx tsx test-integration/support-matrix.write.ts\` from such a run; every run compares it with what it
sees. Which acceptance scenario is shown where stands in [acceptance.md](acceptance.md).
`

/** The whole document. */
export function render(columns: readonly Column[]): string {
  const reasons: string[] = []
  const hosts = table(columns, HOSTS, reasons)
  const versionTables = VERSION_TABLES.flatMap(({ host, server, names }) => [
    `## Versions of ${host}\n`,
    `A core of the behaviours, on ${server}.\n`,
    `${table(columns, names, reasons)}\n`,
  ])
  const notes = reasons.map((reason, index) => `${index + 1}. ${reason}`).join('\n')
  return [
    HEAD,
    '## Hosts\n',
    `${hosts}\n`,
    `${notes}\n`,
    ...versionTables,
  ].join('\n')
}

function table(columns: readonly Column[], names: readonly string[], reasons: string[]): string {
  const chosen = names.map((name) => columns.find((column) => column.name === name)).filter((column) => column !== undefined)
  const rows = (Object.keys(BEHAVIOURS) as BehaviourId[])
    .filter((id) => chosen.some(({ outcomes }) => outcomes[id].kind !== 'not run'))
    .map((id) => {
      const cells = chosen.map(({ outcomes }) => mark(outcomes[id], reasons))
      return row([`**${id}**: ${BEHAVIOURS[id].promise}`, ...cells])
    })
  const head = row(['', ...chosen.map(({ name }) => name)])
  return [head, row(['---', ...chosen.map(() => ':-:')]), ...rows].join('\n')
}

function mark(outcome: Outcome, reasons: string[]): string {
  const cell = cellOf(outcome)
  if (outcome.kind !== 'declared') return cell
  if (!reasons.includes(cell)) reasons.push(cell)
  return String(reasons.indexOf(cell) + 1)
}

export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

export function provenBy(id: ScenarioId): BehaviourId[] {
  return (Object.keys(BEHAVIOURS) as BehaviourId[]).filter((behaviour) => BEHAVIOURS[behaviour].proves.includes(id))
}

/** What the document says of one column: by behaviour, a mark or a reason. */
export function cellsOf(document: string, name: string): Record<string, string> {
  const lines = document.split('\n')
  const head = lines.findIndex((line) => split(line).includes(name))
  if (head === -1) return {}
  const index = split(lines[head] ?? '').indexOf(name)
  const end = lines.findIndex((line, at) => at > head && line === '')
  const rows = lines.slice(head + 2, end).map((line) => split(line))
  const shown = new Map(rows.map((cells) => [nameIn(cells[0] ?? ''), reasonOr(cells[index] ?? '', lines)]))
  return Object.fromEntries(Object.keys(BEHAVIOURS).map((id) => [id, shown.get(id) ?? NOT_TRIED]))
}

function split(line: string): string[] {
  return line.startsWith('| ') ? line.slice(2, -2).split(' | ') : []
}

function nameIn(cell: string): string {
  return /\*\*(.+?)\*\*/.exec(cell)?.[1] ?? cell
}

function reasonOr(cell: string, lines: readonly string[]): string {
  if (!/^\d+$/.test(cell)) return cell
  const note = lines.find((line) => line.startsWith(`${cell}. `))
  return note?.slice(cell.length + 2) ?? cell
}
