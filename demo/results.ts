import type { PoolStats } from '@poolkeeper/knex'
import type { RunName } from './application.ts'
import type { Figures, Sample } from './measure.ts'
import type { Scenario } from './scenarios/scenario.ts'

/** A moment of a run, in milliseconds since it began. */
export interface Mark {
  readonly at: number
  readonly label: string
}

/** Something that the keeper reported; what it said again and again is one note. */
export interface Note {
  readonly from: number
  readonly until: number
  readonly text: string
  readonly count: number
}

export interface RunResult {
  readonly run: RunName
  readonly durationMillis: number
  readonly samples: readonly Sample[]
  readonly marks: readonly Mark[]
  /** The moment of the fault, where there is one. */
  readonly recoverFrom: number | undefined
  readonly figures: Figures
  readonly errors: readonly { readonly text: string; readonly count: number }[]
  readonly keeper: { readonly stats: PoolStats; readonly notes: readonly Note[] } | undefined
}

export interface ScenarioResult {
  readonly scenario: Scenario
  readonly runs: readonly RunResult[]
}

export interface Environment {
  readonly postgres: string
  readonly knex: string
  readonly node: string
  readonly cpus: number
  readonly at: string
}

export interface DemoResult {
  readonly environment: Environment
  readonly scenarios: readonly ScenarioResult[]
}

/** The figures alone, for programs. */
export function toJson({ environment, scenarios }: DemoResult): object {
  return {
    environment,
    scenarios: scenarios.map(({ scenario: { name, title, settingsText, patienceMillis }, runs }) => ({
      name,
      title,
      settings: settingsText,
      patienceMillis,
      runs: runs.map(({ run, durationMillis, marks, figures, errors, keeper }) => ({
        run,
        durationMillis,
        ...figures,
        errorTexts: errors,
        marks,
        ...(keeper === undefined ? {} : { keeper }),
      })),
    })),
  }
}
