import type { CloseReason } from './close-reason.ts'
import type { PoolkeeperError } from './errors.ts'
import type { HookName } from './hooks.ts'
import type { DrainReport } from './keeper.ts'
import type { Holding } from './lending/holding/holdings.ts'
import type { MisuseKind } from './lending/holding/misuse.ts'

/** Which part of the policy asked for a check; `'return'`: the host's own option. */
export type ValidationTrigger = 'checkout' | 'rival' | 'keepalive' | 'incident' | 'return'

/** What the policy would have done, if it were in force. */
export type ObservedAct =
  | { readonly would: 'validate'; readonly connection: number; readonly reason: 'checkout' | 'keepalive' }
  | { readonly would: 'retire'; readonly connection: number; readonly reason: CloseReason }
  | { readonly would: 'restore'; readonly connection: number; readonly reason: 'rollback' | 'reset' }
  | { readonly would: 'refuse'; readonly connection?: undefined; readonly reason: 'maxPending' | 'circuit' }
  | { readonly would: 'open'; readonly connection?: undefined; readonly reason: 'min' }
  | {
      readonly would: 'resize'
      readonly connection?: undefined
      readonly reason: ResizeReason
      readonly min: number
      readonly max: number
    }

/**
 * Who changed the size: somebody who asked for it, or the policy's `sizing`. `saturated`: more connections got no
 * more done; `recovering`: more are tried again, or allowed; `predictive`: opened ahead of what is expected.
 */
export type ResizeReason = 'asked' | 'schedule' | 'adaptive' | 'saturated' | 'recovering' | 'predictive' | 'function'

interface Facts {
  /** A connection was opened. */
  opened: { readonly connection: number; readonly openMillis: number }
  /** An attempt to open a connection failed, or was given up. */
  openFailed: { readonly error: unknown; readonly openMillis: number }
  /** The provider gave credentials; `undefined`: they do not expire. */
  credentialsRenewed: { readonly expiresInMillis: number | undefined }
  /** The provider threw, hung or gave nonsense. */
  credentialsFailed: { readonly error: unknown }
  /** A caller got a connection. */
  acquired: { readonly connection: number; readonly waitMillis: number }
  /** A caller left without one. */
  acquireFailed: { readonly error: unknown; readonly waitMillis: number }
  /** A caller gave a connection back. */
  released: { readonly connection: number; readonly useMillis: number }
  /** A connection answered its check. */
  validated: { readonly connection: number; readonly trigger: ValidationTrigger; readonly validationMillis: number }
  /** A connection failed its check, or did not answer in time. */
  validationFailed: {
    readonly connection: number
    readonly trigger: ValidationTrigger
    readonly validationMillis: number
    readonly timedOut: boolean
    readonly error: unknown
  }
  /** It was decided that a connection goes; it is closed as soon as nobody holds it. */
  retired: { readonly connection: number; readonly reason: CloseReason }
  /** A connection is closed. */
  closed: {
    readonly connection: number
    readonly reason: CloseReason
    readonly ageMillis: number
    readonly uses: number
  }
  /** A check is slower than usual: another connection is tried beside it. */
  rivalStarted: { readonly connection: number; readonly rival: 'idle' | 'fresh'; readonly silentMillis: number }
  /** An incident: what was proven before it must prove itself again. */
  generationBumped: { readonly generation: number; readonly cause: unknown }
  /** `min` or `max` changed. */
  resized: { readonly min: number; readonly max: number; readonly reason: ResizeReason }
  /** The function that `sizing` is threw, or answered no size that can be; the size stays as it is. */
  sizingFailed: { readonly error: unknown }
  /**
   * What `sizing.predictive` has learnt could not be read or written, or is none that it can use; the error has the code
   * `HISTORY_FAILED`, and what the store threw as its `cause`. Nothing else is changed by it.
   */
  historyFailed: { readonly act: 'load' | 'save'; readonly error: PoolkeeperError }
  /** `recycle()` began to replace the connections that exist. */
  recycled: { readonly connections: number }
  /** A connection came back in an open or failed transaction. */
  dirtyReturn: { readonly connection: number; readonly status: 'open' | 'failed' }
  /** A hook threw, or did not return in time. */
  hookFailed: { readonly hook: HookName; readonly connection: number; readonly error: unknown }
  /** With `mode: 'observe'`: what the policy would have done. */
  observed: ObservedAct
  /**
   * A connection is held for longer than `leakThresholdMillis`, or, if `collected`, what it was held
   * through is garbage. Once for each lease.
   */
  leaked: {
    readonly connection: number
    readonly heldMillis: number
    /** The line of code that acquired it. */
    readonly site: string | undefined
    readonly stack: string | undefined
    /** The label that `ownedBy` gave to its holder's work. */
    readonly owner: string | undefined
    readonly lastQuery: string | undefined
    /** Connections that were acquired by the same line and are held now. */
    readonly heldAtSite: number
    readonly collected: boolean
  }
  /** A connection that was reported as leaked came back, or is closed. */
  leakEnded: { readonly connection: number; readonly heldMillis: number; readonly site: string | undefined }
  /** Work that holds a connection asks for one more. */
  nestedAcquire: {
    /** The one that it holds. */
    readonly connection: number | undefined
    readonly site: string | undefined
    readonly stack: string | undefined
    readonly owner: string | undefined
    /** The line of code that acquired the one that it holds. */
    readonly holderSite: string | undefined
    readonly holderStack: string | undefined
  }
  /** Every connection was held by work that waits for one more; one caller gave way. */
  deadlock: {
    /** Who gave way. */
    readonly site: string | undefined
    readonly owner: string | undefined
    readonly waitMillis: number
    readonly holders: readonly Holding[]
    readonly waiters: readonly Holding[]
  }
  /** Somebody released or used a connection that is not his; nothing is changed by it. */
  misused: {
    readonly misuse: MisuseKind
    readonly connection: number | undefined
    readonly site: string | undefined
    readonly stack: string | undefined
  }
  /** The pool begins to close, and lends nothing more. */
  draining: { readonly timeoutMillis: number }
  /** The pool is closed. */
  drained: { readonly report: DrainReport }
  /** Nothing is lent until `resumed`. */
  paused: { readonly waiters: 'wait' | 'fail' }
  /** The pool lends again. */
  resumed: Record<never, never>
  /** So many connects in a row have failed that callers are kept out of them. */
  circuitOpened: { readonly failures: number; readonly cause: unknown }
  /** A connect succeeded: callers may connect again. */
  circuitClosed: { readonly openMillis: number }
  /** The event loop of this process was blocked: what was slow meanwhile is not the server's doing. */
  loopLagged: { readonly lagMillis: number }
  /** This process did not run for a while; what was proven before counts as unproven. */
  froze: { readonly frozenMillis: number }
}

export type PoolEventType = keyof Facts

type EventOf<T extends PoolEventType> = {
  readonly type: T
  /** The pool's name. */
  readonly pool: string
  /** Milliseconds since the epoch. */
  readonly at: number
} & Facts[T]

/** Everything that a pool reports: one union, told apart by `type`. */
export type PoolEvent = { [T in PoolEventType]: EventOf<T> }[PoolEventType]

/** What an event of one type says, besides its type, its pool and its time. */
export type EventFacts<T extends PoolEventType> = Facts[T]

export const EVENT_TYPES: readonly PoolEventType[] = [
  'opened',
  'openFailed',
  'credentialsRenewed',
  'credentialsFailed',
  'acquired',
  'acquireFailed',
  'released',
  'validated',
  'validationFailed',
  'retired',
  'closed',
  'rivalStarted',
  'generationBumped',
  'resized',
  'sizingFailed',
  'historyFailed',
  'recycled',
  'dirtyReturn',
  'hookFailed',
  'observed',
  'leaked',
  'leakEnded',
  'nestedAcquire',
  'deadlock',
  'misused',
  'draining',
  'drained',
  'paused',
  'resumed',
  'circuitOpened',
  'circuitClosed',
  'loopLagged',
  'froze',
]

/** The name of the `node:diagnostics_channel` on which events of a type are published. */
export function channelName(type: PoolEventType): string {
  return `poolkeeper:${type}`
}
