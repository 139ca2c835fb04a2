import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import type { Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'

export interface Options {
  readonly scenarios: readonly Scenario[]
  readonly json: boolean
  readonly out: string
  readonly help: boolean
}

export const USAGE: string = `npm run demo -- [--scenario NAME] [--out FILE] [--json]

  --scenario NAME  play one scenario: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --out FILE       write the report there; default demo/report.html
  --json           print the figures as JSON on stdout, and the progress on stderr
                   (npm run --silent demo -- --json, so that npm prints nothing)`

/** @throws Error that says what is wrong with the arguments. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenario: { type: 'string' },
      json: { type: 'boolean', default: false },
      out: { type: 'string', default: fileURLToPath(new URL('report.html', import.meta.url)) },
      help: { type: 'boolean', default: false },
    },
  })
  const { scenario: name, json, out, help } = values
  const scenarios = name === undefined ? SCENARIOS : SCENARIOS.filter((scenario) => scenario.name === name)
  if (scenarios.length === 0) throw new Error(`there is no scenario "${name}"`)
  return { scenarios, json, out, help }
}
