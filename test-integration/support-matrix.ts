import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AdapterRun } from '@poolkeeper/conformance'
import { expect, test } from 'vitest'
import { cellOf, cellsOf, type Column, DOCUMENT, FOLDER_VARIABLE, HOSTS, VERSIONS } from './support-matrix.render.ts'

/**
 * The last test of a host: `docs/support-matrix.md` says what this run showed of it. A run of
 * which a part was filtered away shows too little to compare.
 */
export function testSupportMatrix(run: AdapterRun): void {
  test(`docs/support-matrix.md says what ${run.name} has shown`, ({ skip }) => {
    if (!run.complete) skip('only a part of the behaviours was run')
    const column: Column = { name: run.name, outcomes: run.outcomes() }
    expect([...HOSTS, ...VERSIONS]).toContain(column.name)
    const folder = process.env[FOLDER_VARIABLE]
    if (folder === undefined) return expect(cellsOf(readFileSync(DOCUMENT, 'utf8'), column.name)).toEqual(cellsSeen(column))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${column.name}.json`), JSON.stringify(column))
  })
}

function cellsSeen({ outcomes }: Column): Record<string, string> {
  return Object.fromEntries(Object.entries(outcomes).map(([id, outcome]) => [id, cellOf(outcome)]))
}
