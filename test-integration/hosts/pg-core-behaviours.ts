import type { BehaviourId } from '@poolkeeper/conformance'

/** What touches the inside of pg-pool and of its clients; the rest is decided in the core. */
export const CORE: readonly BehaviourId[] = [
  'reuse',
  'strict-max',
  'handover',
  'proof',
  'dead-seen',
  'dead-unseen',
  'dead-in-window',
  'half-open',
  'connect-refused',
  'connect-late',
  'max-uses',
  'idle-timeout',
  'dirty-return',
  'host-errors',
  'misuse',
  'counters',
  'resize',
  'recycle',
  'drain',
  'host-close',
  'last-answer',
  'detach',
  'applied-twice',
]
