// Writes docs/acceptance.md from what the last full run left in .reports. With --check it writes nothing, and fails when
// the page is not what that run gives. Either way it fails when a scenario has neither a test nor a reason.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { areServersRequired } from '../harness/provided-servers.ts'
import { evidenceOf } from './evidence.ts'
import { problemsOf, render, type Shown } from './render.ts'

const PAGE = fileURLToPath(new URL('../../docs/acceptance.md', import.meta.url))

const shown: Shown = { unit: evidenceOf('unit'), integration: evidenceOf('integration') }
const skipped = shown.integration.filter(({ result }) => result === 'skipped')
const isPartial = skipped.length > 0 && !areServersRequired()

for (const problem of problemsOf(shown)) complain(problem)
if (isPartial) console.log(`docs/acceptance.md is left as it is: ${skipped.length} tests that it names were skipped`)
else if (!process.argv.includes('--check')) writeFileSync(PAGE, render(shown))
else if (readFileSync(PAGE, 'utf8') !== render(shown)) complain('docs/acceptance.md is not what this run showed: npm run acceptance')

function complain(text: string): void {
  console.error(text)
  process.exitCode = 1
}
