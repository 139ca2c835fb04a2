import { existsSync, readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A test that says, or whose `describe` says, which scenario it shows. */
export interface Evidence {
  readonly ids: readonly string[]
  /** Below those of its `describe`s, without ids; of a `test.each` the first one, with … for the others. */
  readonly title: string
  /** From the root of the repository. */
  readonly file: string
  readonly result: 'passed' | 'failed' | 'skipped'
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly Assertion[] }[]
}

interface Assertion {
  readonly ancestorTitles: readonly string[]
  readonly title: string
  readonly status: string
  readonly location?: { readonly line: number } | null
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const REPORTS = new URL('../../.reports/', import.meta.url)
const IDS = /^(P-\d{3}(?:, P-\d{3})*): /

/** What the last full run left of one project's tests. */
export function evidenceOf(project: 'unit' | 'integration'): Evidence[] {
  const file = fileURLToPath(new URL(`${project}.json`, REPORTS))
  if (!existsSync(file)) throw new Error(`no results of the ${project} tests in .reports: npm test leaves them there`)
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report
  const evidence = testResults.flatMap(({ name, assertionResults }) => {
    const path = relative(ROOT, name).split(sep).join('/')
    return casesByTest(assertionResults).flatMap((cases) => evidenceFrom(path, cases))
  })
  return evidence.sort((a, b) => compare(a.file, b.file))
}

/** The cases of a `test.each` share their place in the file, and are one test for each scenario. */
function casesByTest(assertions: readonly Assertion[]): Assertion[][] {
  const tests = new Map<string, Assertion[]>()
  for (const assertion of assertions) {
    const { ancestorTitles, title, location } = assertion
    const test = [...ancestorTitles, String(location?.line), IDS.exec(title)?.[1]].join(' > ')
    tests.set(test, [...(tests.get(test) ?? []), assertion])
  }
  return [...tests.values()]
}

function evidenceFrom(file: string, cases: readonly Assertion[]): Evidence[] {
  const titles = cases.slice(0, 1).flatMap(({ ancestorTitles, title }) => [...ancestorTitles, title])
  const ids = titles.flatMap((title) => IDS.exec(title)?.[1]?.split(', ') ?? [])
  if (ids.length === 0) return []
  const title = titles.map((one) => one.replace(IDS, '')).join(' › ')
  const result = resultOf(new Set(cases.map(({ status }) => status)))
  return [{ ids, title: cases.length > 1 ? `${title} …` : title, file, result }]
}

function resultOf(statuses: ReadonlySet<string>): Evidence['result'] {
  if (statuses.has('failed')) return 'failed'
  return statuses.size === 1 && statuses.has('passed') ? 'passed' : 'skipped'
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
