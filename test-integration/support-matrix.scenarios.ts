import type { ScenarioId } from '@poolkeeper/conformance'

/** A test that shows a scenario outside the conformance suite. */
export interface Place {
  /** Within `test-integration/`. */
  readonly file: string
  readonly title: string
}

/** Scenarios that take more than one pool and one host: what a host alone can do, and whole outages. */
export const ELSEWHERE: Readonly<Partial<Record<ScenarioId, readonly Place[]>>> = {}

/** Scenarios that nothing shows, with the reason. */
export const NOT_YET: Readonly<Partial<Record<ScenarioId, string>>> = {}
