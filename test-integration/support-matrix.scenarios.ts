import type { ScenarioId } from '@poolkeeper/conformance'

/** A test that shows a scenario outside the conformance suite. */
export interface Place {
  /** Within `test-integration/`. */
  readonly file: string
  readonly title: string
}

const FEATURES = 'hosts/knex-features.test.ts'
const PROCESS = 'hosts/knex-process.test.ts'
const CHAOS = 'chaos/knex.test.ts'

/** Scenarios that are about what one host can do, or that take a whole outage. */
export const ELSEWHERE: Readonly<Partial<Record<ScenarioId, readonly Place[]>>> = {
  'P-050': [{ file: CHAOS, title: '(a) every connection is killed by the server' }],
  'P-055': [{ file: FEATURES, title: 'once costs that connection, and no caller anything' }],
  'P-070': [{ file: CHAOS, title: '(d) connections are recycled at their age under 200 requests a second' }],
  'P-088': [{ file: PROCESS, title: 'exits as it does with a bare pool' }],
  'P-107': [{ file: FEATURES, title: 'that fails costs no slot, however often' }],
  'P-109': [{ file: FEATURES, title: 'runs once for each connection, also for those that are opened ahead' }],
  'P-120': [{ file: FEATURES, title: 'an open transaction is not lent to the next caller' }],
  'P-121': [{ file: FEATURES, title: 'a BEGIN that dies with its connection frees the slot' }],
  'P-123': [{ file: FEATURES, title: 'the session is reset before it is handed over' }],
  'P-128': [{ file: FEATURES, title: 'a cancelled query leaves its connection fit for the next' }],
  'P-137': [{ file: FEATURES, title: 'a server that becomes read-only loses its connections' }],
  'P-167': [{ file: FEATURES, title: 'a connection function is asked again when its settings have expired' }],
  'P-172': [{ file: FEATURES, title: 'a keeper is not held in memory by a pool that was closed' }],
  'P-173': [{ file: FEATURES, title: 'are neither in names, nor in events, nor in errors' }],
  'P-182': [{ file: CHAOS, title: '(e) the server is restarted (%s) under load' }],
}

/** Scenarios that nothing shows on a real host, with the reason. */
export const NOT_YET: Readonly<Partial<Record<ScenarioId, string>>> = {
  'P-024': 'not yet: a failed connect is the answer at once, as on the bare host; `createRetry` is not built',
  'P-025': 'does not apply: Knex gives a caller no way to leave the queue',
  'P-062': 'does not apply: the drivers show no unread bytes; a check waits behind them, and ends at its deadline',
  'P-122': 'on virtual time only, in core: no server resets slowly on demand',
  'P-126': "does not apply: the host lends the driver's own connection, and what is kept after its release is that",
  'P-135': 'does not apply: no host here lets a connection be taken out of its pool',
  'P-150': 'not yet: leak detection is not built',
  'P-154': 'not yet: leak detection is not built',
  'P-181': 'on virtual time only, in core; on real hosts each fault is shown by itself',
  'P-184': 'not yet: there is one adapter so far',
}
