import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cellsOf, DOCUMENT, FAILED, HOSTS, VERSIONS } from './support-matrix.render.ts'

describe('docs/support-matrix.md', () => {
  const document = readFileSync(DOCUMENT, 'utf8')

  test.each([...HOSTS, ...VERSIONS])('has a column for %s, without a failure in it', (name) => {
    const cells = Object.values(cellsOf(document, name))
    expect(cells.length).toBeGreaterThan(0)
    expect(cells).not.toContain(FAILED)
  })
})
