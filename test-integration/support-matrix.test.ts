import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SCENARIOS, type ScenarioId } from '@poolkeeper/conformance'
import { describe, expect, test } from 'vitest'
import { cellsOf, DOCUMENT, HOSTS, provenBy, renderScenarios, VERSIONS } from './support-matrix.render.ts'
import { ELSEWHERE, NOT_YET } from './support-matrix.scenarios.ts'

describe('docs/support-matrix.md', () => {
  const document = readFileSync(DOCUMENT, 'utf8')

  test.each([...HOSTS, ...VERSIONS])('has a column for %s, without a failure in it', (name) => {
    const cells = Object.values(cellsOf(document, name))
    expect(cells.length).toBeGreaterThan(0)
    expect(cells).not.toContain('✗')
  })

  test('says of each scenario where it is shown', () => {
    expect(document.endsWith(renderScenarios())).toBe(true)
  })
})

describe('the acceptance scenarios', () => {
  const ids = Object.keys(SCENARIOS) as ScenarioId[]

  test.each(ids)('%s is shown somewhere, or has a reason', (id) => {
    const shown = provenBy(id).length + (ELSEWHERE[id] ?? []).length
    expect(shown > 0).toBe(NOT_YET[id] === undefined)
  })

  test('name tests that are there', () => {
    const places = Object.values(ELSEWHERE).flat()
    const lost = places.filter(({ file, title }) => {
      const text = readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8')
      return !text.includes(title)
    })
    expect(lost).toEqual([])
  })
})
