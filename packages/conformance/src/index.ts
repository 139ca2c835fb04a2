export { BEHAVIOURS } from './behaviours/index.ts'
export type { Behaviour, BehaviourId, Trial } from './behaviour.ts'
export { describeAdapter, type AdapterRun, type Outcome, type Selection } from './describe-adapter.ts'
export type {
  AdapterHarness,
  BarePool,
  Capability,
  KeptPool,
  Lease,
  Network,
  ServerConnection,
  ServerDoor,
} from './harness.ts'
export type { Expect, Matchers, Runner } from './runner.ts'
export { SCENARIOS, type Scenario, type ScenarioId } from './scenarios.ts'
