import type { CloseReason } from './close-reason.ts'
import type { DrainReport } from './keeper.ts'

/** Which part of the policy asked for a check. */
export type ValidationTrigger = 'checkout' | 'rival' | 'keepalive' | 'incident'

interface Facts {
  opened: { readonly connection: number; readonly openMillis: number }
  openFailed: { readonly error: unknown; readonly openMillis: number }
  acquired: { readonly connection: number; readonly waitMillis: number }
  acquireFailed: { readonly error: unknown; readonly waitMillis: number }
  released: { readonly connection: number; readonly useMillis: number }
  validated: { readonly connection: number; readonly trigger: ValidationTrigger; readonly validationMillis: number }
  validationFailed: {
    readonly connection: number
    readonly trigger: ValidationTrigger
    readonly validationMillis: number
    readonly timedOut: boolean
    readonly error: unknown
  }
  retired: { readonly connection: number; readonly reason: CloseReason }
  closed: {
    readonly connection: number
    readonly reason: CloseReason
    readonly ageMillis: number
    readonly uses: number
  }
  rivalStarted: { readonly connection: number; readonly rival: 'idle' | 'fresh'; readonly silentMillis: number }
  generationBumped: { readonly generation: number; readonly cause: unknown }
  resized: { readonly min: number; readonly max: number }
  recycled: { readonly connections: number }
  dirtyReturn: { readonly connection: number; readonly status: 'open' | 'failed' }
  draining: { readonly timeoutMillis: number }
  drained: { readonly report: DrainReport }
  paused: { readonly waiters: 'wait' | 'fail' }
  resumed: Record<never, never>
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
  'recycled',
  'dirtyReturn',
  'draining',
  'drained',
  'paused',
  'resumed',
  'froze',
]

/** The name of the `node:diagnostics_channel` on which events of a type are published. */
export function channelName(type: PoolEventType): string {
  return `poolkeeper:${type}`
}
