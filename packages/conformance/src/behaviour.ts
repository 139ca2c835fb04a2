import type { PoolPolicyOptions } from '@poolkeeper/core'
import type { AdapterHarness, BarePool, Capability, KeptPool } from './harness.ts'
import type { Expect } from './runner.ts'
import type { ScenarioId } from './scenarios.ts'

export type BehaviourId =
  | 'reuse'
  | 'strict-max'
  | 'handover'
  | 'check-window'
  | 'check-deadline'
  | 'proof'
  | 'dead-seen'
  | 'dead-unseen'
  | 'dead-in-window'
  | 'half-open'
  | 'slow-server'
  | 'connect-refused'
  | 'connect-frozen'
  | 'connect-late'
  | 'connect-retry'
  | 'circuit'
  | 'max-lifetime'
  | 'credentials'
  | 'max-uses'
  | 'idle-timeout'
  | 'keepalive'
  | 'min-and-ready'
  | 'dirty-return'
  | 'hooks'
  | 'hooks-fail'
  | 'observe'
  | 'host-errors'
  | 'misuse'
  | 'leak-report'
  | 'leak-reclaim'
  | 'died-lent'
  | 'observers'
  | 'counters'
  | 'wall-clock'
  | 'resize'
  | 'sizing'
  | 'foresight'
  | 'recycle'
  | 'evict-idle'
  | 'pause'
  | 'drain'
  | 'drain-blocked'
  | 'host-close'
  | 'last-answer'
  | 'detach'
  | 'applied-twice'
  | 'random-faults'

/** One promise of the policy, with the tests that show it on a host. */
export interface Behaviour {
  /** The promise in one sentence; its row in the support matrix. */
  readonly promise: string
  /** The acceptance scenarios that it proves. */
  readonly proves: readonly ScenarioId[]
  readonly needs: readonly Capability[]
  readonly tests: Readonly<Record<string, (trial: Trial) => Promise<void>>>
}

/** What one test works with. Every pool that it opens is closed after it, and must be gone. */
export interface Trial {
  readonly harness: AdapterHarness
  readonly expect: Expect
  /** A small pool with short deadlines, unless the policy says otherwise. */
  open(policy?: PoolPolicyOptions): Promise<KeptPool>
  openBare(): Promise<BarePool>
  /** Waits until that many connections are open: as the pool counts, and as the server does, where there is one. */
  untilOpen(pool: KeptPool, count: number): Promise<void>
  /** Waits until the pool counts as many connections as its server does. */
  untilAgreed(pool: KeptPool): Promise<void>
}
