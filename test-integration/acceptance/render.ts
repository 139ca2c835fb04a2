import { readFileSync } from 'node:fs'
import { SCENARIOS, type Scenario, type ScenarioId } from '@poolkeeper/conformance'
import { cellsOf, DOCUMENT, FAILED, HOSTS, NOT_TRIED, PASSED, provenBy, row } from '../support-matrix.render.ts'
import type { Evidence } from './evidence.ts'
import { REASONS } from './reasons.ts'

/** What one run showed: on virtual time, and on real servers. */
export interface Shown {
  readonly unit: readonly Evidence[]
  readonly integration: readonly Evidence[]
}

const IDS = Object.keys(SCENARIOS) as ScenarioId[]
const scenarios: Readonly<Record<ScenarioId, Scenario>> = SCENARIOS
const MARKS: Readonly<Record<Evidence['result'], string>> = { passed: PASSED, failed: FAILED, skipped: NOT_TRIED }

const HEAD = `# Acceptance

Every scenario that the policy is held to, and what the last full run showed of it: on virtual time, by the tests of
core and drivers; on each host, by those behaviours of the [conformance suite](support-matrix.md) that prove it; on real
servers, by tests of its own. ${PASSED} passed · ${FAILED} failed · ${NOT_TRIED} not tried there · empty: not asked there ·
a number: the reason why it does not apply, below. C: shown on virtual time; A: by an adapter on its real host; L: live,
through outages and loads. Titles that end in … stand for a table of cases.

\`npm test\` compares this page with what it sees; \`npm run acceptance\` writes it from the last \`npm test\`.
`

/** What is missing, or said without need; nothing of it may be in a run. */
export function problemsOf(shown: Shown): string[] {
  const strangers = [...shown.unit, ...shown.integration].flatMap(({ ids, file }) =>
    ids.filter((id) => !(id in SCENARIOS)).map((id) => `${id}: ${file} shows it, and nobody knows it`),
  )
  return [...strangers, ...IDS.flatMap((id) => problemsWith(id, shown))]
}

function problemsWith(id: ScenarioId, { unit, integration }: Shown): string[] {
  const [tiers] = scenarios[id]
  const { core, hosts } = REASONS[id] ?? {}
  const inCore = of(id, unit).some(({ result }) => result === 'passed')
  const onHosts = provenBy(id).length > 0 || of(id, integration).length > 0
  const problems: string[] = []
  if (tiers.includes('C') && !inCore && core === undefined) problems.push('no unit test shows it, and no reason is given')
  if (inCore && core !== undefined) problems.push('a unit test shows it, and a reason says that none does')
  if (/[AL]/.test(tiers) && !onHosts && hosts === undefined) problems.push('no host shows it, and no reason is given')
  if (onHosts && hosts !== undefined) problems.push('a host shows it, and a reason says that none does')
  return problems.map((problem) => `${id} (${scenarios[id][1]}): ${problem}`)
}

/** The whole page. */
export function render(shown: Shown): string {
  const matrix = readFileSync(DOCUMENT, 'utf8')
  const columns = HOSTS.map((name) => cellsOf(matrix, name))
  const notes: string[] = []
  const rows = IDS.map((id) => rowOf(id, shown, columns, notes))
  const head = row(['', '', 'scenario', 'on virtual time', ...HOSTS, 'on real servers'])
  const line = row(['---', '---', '---', '---', ...HOSTS.map(() => ':-:'), '---'])
  return [HEAD, head, line, ...rows, '', ...notes.map((note, index) => `${index + 1}. ${note}`), ''].join('\n')
}

type Cells = Readonly<Record<string, string>>

function rowOf(id: ScenarioId, { unit, integration }: Shown, columns: readonly Cells[], notes: string[]): string {
  const [tiers, statement] = scenarios[id]
  const { core, hosts } = REASONS[id] ?? {}
  return row([
    id,
    tiers,
    statement,
    core === undefined ? list(of(id, unit)) : note(core, notes),
    ...columns.map((cells) => onHost(id, cells, notes)),
    hosts === undefined ? list(of(id, integration)) : note(hosts, notes),
  ])
}

/** The least of what the behaviours that prove it showed on one host. */
function onHost(id: ScenarioId, cells: Cells, notes: string[]): string {
  const seen = provenBy(id).map((behaviour) => cells[behaviour] ?? NOT_TRIED)
  if (seen.length === 0) return ''
  const reason = seen.find((cell) => ![PASSED, FAILED, NOT_TRIED].includes(cell))
  if (seen.includes(FAILED)) return FAILED
  if (reason !== undefined) return note(reason, notes)
  return seen.includes(NOT_TRIED) ? NOT_TRIED : PASSED
}

function note(reason: string, notes: string[]): string {
  if (!notes.includes(reason)) notes.push(reason)
  return String(notes.indexOf(reason) + 1)
}

function of(id: ScenarioId, evidence: readonly Evidence[]): Evidence[] {
  return evidence.filter(({ ids }) => ids.includes(id))
}

/** By file, in the order of the files. */
function list(evidence: readonly Evidence[]): string {
  const files = new Set(evidence.map(({ file }) => file))
  const lines = [...files].flatMap((file) => {
    const titles = evidence.filter((one) => one.file === file).map(({ result, title }) => `${MARKS[result]} ${escaped(title)}`)
    return [`*${shortened(file)}*`, ...titles]
  })
  return lines.join('<br>')
}

function shortened(file: string): string {
  return file.replace(/^packages\/(.+)\/src\//, '$1/').replace(/^test-integration\//, '').replace(/\.test\.ts$/, '')
}

function escaped(title: string): string {
  return title.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')
}
