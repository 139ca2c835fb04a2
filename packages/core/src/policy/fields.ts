import { LEAST_PAUSE_MILLIS } from '../lending/opening/backoff.ts'
import { callback, integer, millis, oneOf, orFalse, ratio, record, secretCallback, text, type FieldCheck } from './bounds.ts'
import { sizingCheck } from '../sizing/check.ts'
import type { PoolPolicyOptions } from './options.ts'

const LARGEST_POOL = 100_000

/** Every field and its bounds. A new option does not compile until it stands here. */
export const FIELDS: Readonly<Record<keyof PoolPolicyOptions, FieldCheck>> = {
  name: text(200),
  min: integer({ min: 0, max: LARGEST_POOL }),
  max: integer({ min: 1, max: LARGEST_POOL }),
  minIdle: orFalse(integer({ min: 1, max: LARGEST_POOL })),
  maxPending: orFalse(integer({ min: 0, max: 1_000_000 })),
  maxConcurrentCreates: orFalse(integer({ min: 1, max: LARGEST_POOL })),
  overflow: integer({ min: 0, max: LARGEST_POOL }),
  overflowAfterMillis: millis(0),
  createRetry: oneOf(true, false),
  createBackoff: record({ firstMillis: millis(LEAST_PAUSE_MILLIS), longestMillis: millis(LEAST_PAUSE_MILLIS) }),
  circuit: orFalse(integer({ min: 1, max: 1_000 })),
  replaceAhead: integer({ min: 0, max: 100 }),
  acquireTimeoutMillis: millis(1),
  connectTimeoutMillis: millis(1),
  credentials: secretCallback,
  idleTimeoutMillis: orFalse(millis(1)),
  maxLifetimeMillis: orFalse(millis(1_000)),
  lifetimeSpread: ratio({ min: 0, max: 0.5 }),
  maxUses: orFalse(integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  validationQuery: text(10_000),
  validateRole: oneOf('writable', false),
  retireOn: callback,
  validateAfterIdleMillis: orFalse(millis(0)),
  validationTimeoutMillis: millis(10),
  keepaliveMillis: orFalse(millis(1_000)),
  onReturn: oneOf('check', 'reset', false),
  onOpen: callback,
  onAcquire: callback,
  onRelease: callback,
  drainTimeoutMillis: millis(0),
  mode: oneOf('enforce', 'observe'),
  leakThresholdMillis: orFalse(millis(100)),
  reclaimLeaks: oneOf(true, false),
  detectNestedAcquire: oneOf('warn', 'fail', false),
  sizing: sizingCheck,
}

/** Words of the policy whose feature is not built yet: refused by name, never ignored. */
export const NOT_BUILT_YET: readonly string[] = []
