// Runs the conformance suite on every host, and writes docs/support-matrix.md from what it showed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Column, DOCUMENT, FOLDER_VARIABLE, HOSTS, render, VERSIONS } from './support-matrix.render.ts'

const folder = mkdtempSync(join(tmpdir(), 'poolkeeper-matrix-'))
try {
  const args = ['vitest', 'run', '--project', 'integration', 'test-integration/hosts']
  const { status } = spawnSync('npx', args, { env: { ...process.env, [FOLDER_VARIABLE]: folder }, stdio: 'inherit' })
  const columns = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Column)
  const missing = [...HOSTS, ...VERSIONS].filter((name) => !columns.some((column) => column.name === name))
  for (const name of missing) console.error(`nothing was shown of ${name}`)
  writeFileSync(DOCUMENT, render(columns))
  process.exitCode = status !== 0 || missing.length > 0 ? 1 : 0
} finally {
  rmSync(folder, { recursive: true, force: true })
}
