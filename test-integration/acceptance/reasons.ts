import type { ScenarioId } from '@poolkeeper/conformance'

/** Why a scenario has no test where its tiers ask for one. */
export interface Reasons {
  /** On virtual time. */
  readonly core?: string
  /** On real hosts. */
  readonly hosts?: string
}

const NO_TRY_ACQUIRE = 'no host here has an acquire that does not wait; `maxPending` 0 is as near as it gets (P-032)'
const NO_HIJACK = 'no host here lets a connection be taken out of its pool for good'

export const REASONS: Readonly<Partial<Record<ScenarioId, Reasons>>> = {
  'P-025': { hosts: 'no host here gives a caller a way to leave the queue' },
  'P-033': { core: NO_TRY_ACQUIRE },
  'P-062': { hosts: 'the drivers show no unread bytes; a check waits behind them, and ends at its deadline' },
  'P-103': { core: "the host looks at what its connect gave, before any keeper hears of it: shown on the real one" },
  'P-135': { core: NO_HIJACK, hosts: NO_HIJACK },
}
