import type { Harm } from '@poolkeeper/core'
import type { Gate } from './gate.ts'

/** How a connection ended: by itself, or by the wish of postgres.js. */
export type GateEnd = 'died' | 'ended'

/** What a gate tells. */
export interface GateEvents {
  opening(gate: Gate): void
  /** The server has said its first word to an attempt of that time. */
  answered(gate: Gate, dialedAt: number): void
  opened(gate: Gate): void
  openFailed(gate: Gate, error: unknown): void
  busy(gate: Gate): void
  rested(gate: Gate): void
  failed(gate: Gate, error: unknown, harm: Harm): void
  mustProve(gate: Gate): boolean
  prove(gate: Gate): Promise<void>
  /** It will be closed soon. Until `gone`, postgres.js still takes it for a connection that it can use. */
  doomed(gate: Gate): void
  /** The socket is closed; postgres.js is told next. */
  closed(gate: Gate, how: GateEnd, error: unknown): void
  gone(gate: Gate): void
}
