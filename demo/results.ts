import type { PoolStats } from '@poolkeeper/core'
import type { Figures, Sample } from './measure.ts'
import type { PartName, RunName, Story } from './scenario.ts'

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
  readonly scenario: Story & { readonly part: PartName }
  readonly runs: readonly RunResult[]
}

export interface Environment {
  /** What each part ran on, in words. */
  readonly parts: Readonly<Partial<Record<PartName, string>>>
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
    scenarios: scenarios.map(({ scenario: { name, part, title, settingsText, patienceMillis }, runs }) => ({
      name,
      part,
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
