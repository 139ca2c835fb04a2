// The whole check, in the order in which a mistake is cheapest to find. It stops at the first red step.
// The last line sums the tests of all runs: `N passed, N failed`, with `, N skipped` when any.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** What the runs showed; the acceptance page is made from it. */
const reports = join(root, '.reports')
const serversRequired = Boolean(process.env.CI || process.env.POOLKEEPER_REQUIRE_SERVERS)
/** Of the million steps of `npm run model`, as many as a minute has room for. */
const modelSteps = process.env.MODEL_STEPS ?? '250000'
const env = { ...process.env, MODEL_STEPS: modelSteps, PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` }
const total = { passed: 0, failed: 0, skipped: 0 }
const times = []

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

function execute(command, ...args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, env, stdio: 'inherit' })
  if (error) console.error(`${command}: ${error.message}`)
  if (signal) console.error(`${command}: killed by ${signal}`)
  return status ?? 1
}

const script = (name, ...args) => execute('npm', 'run', '--silent', name, ...args)

/** A missing server fails where it must not be missing; elsewhere the tests that need it say so and are skipped. */
function servers() {
  const missingServer = 3
  const code = execute(process.execPath, 'scripts/bootstrap.mjs', '--servers')
  return code === missingServer && !serversRequired ? 0 : code
}

/** A file that cannot even be loaded has no failed test in it, and is a failure all the same. */
function count(report) {
  const unloadable = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  total.passed += report.numPassedTests
  total.failed += report.numFailedTests + unloadable
  total.skipped += report.numPendingTests + report.numTodoTests
}

function tests(project) {
  const file = join(reports, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`, '--includeTaskLocation']
  const args = ['run', '--project', project, ...reporters]
  const code = execute('vitest', ...args)
  if (existsSync(file)) count(JSON.parse(readFileSync(file, 'utf8')))
  return code
}

const steps = {
  bootstrap: servers,
  lint: () => script('lint'),
  docs: () => script('docs', '--', '--check'),
  typecheck: () => script('typecheck'),
  build: () => script('build'),
  unit: () => tests('unit'),
  integration: () => tests('integration'),
  acceptance: () => script('acceptance', '--', '--check'),
}

const started = performance.now()
let red
rmSync(reports, { recursive: true, force: true })
for (const [name, step] of Object.entries(steps)) {
  console.log(`\n--- ${name}`)
  const stepStarted = performance.now()
  const green = step() === 0
  times.push(`${name} ${seconds(stepStarted)}`)
  console.log(`--- ${name}: ${green ? 'ok' : 'FAILED'} in ${seconds(stepStarted)}`)
  if (!green) {
    red = name
    break
  }
}

// A red step that reported no failed test (lint, build, a crash of the runner) is one failure.
if (red && total.failed === 0) total.failed = 1
console.log(`\n${times.join(', ')}; ${seconds(started)} in all${red ? `; stopped at ${red}` : ''}`)
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exitCode = red ? 1 : 0
