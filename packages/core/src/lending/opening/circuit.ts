export interface CircuitOptions {
  /**
   * After so many failed connects in a row the pool stops sending its callers into them. A caller that
   * no living connection could ever serve is then refused at once, with `CIRCUIT_OPEN` and the last
   * connect error as its cause; connections that live go on being lent, and who waits for one of them
   * goes on waiting.
   *
   * After a pause (see `createBackoff`) one probe is sent: in the background while the pool is in use,
   * else when the next caller comes, who waits for its outcome. If it succeeds, everybody is served; if
   * it fails, or stays silent, the next pause begins.
   *
   * Bites while the server is down: callers learn of it in no time instead of queueing, and a server
   * that comes back is met by one login instead of a storm. Choose it so high that one lost packet
   * opens nothing, and so low that a real outage does; 5 is a good start. What does not count: a server
   * that has no room, since it is there; and a deadline that passed because this process was blocked.
   *
   * An integer from 1 to 1_000, or `false`.
   *
   * @defaultValue `false` (every caller has an attempt of his own)
   */
  readonly circuit?: number | false
}

/** `closed`: callers may connect. `open`: nobody may. `halfOpen`: one probe is under way, for all. */
export type CircuitStatus = 'closed' | 'open' | 'halfOpen'

/** Where a circuit stands. A value: what happens to it makes another one. */
export type Circuit =
  | { readonly status: 'closed'; readonly failures: number }
  | ({ readonly status: 'open' } & Outage)
  | ({ readonly status: 'halfOpen'; readonly probe: number; readonly probingSince: number } & Outage)

interface Outage {
  /** Failed connects since the last one that succeeded. */
  readonly failures: number
  readonly openedAt: number
  /** The last probes, one after the other, that got no answer at all. */
  readonly silentProbes: number
}

/** A probe that is silent for longer is given up, the first time. */
const FIRST_PATIENCE_MILLIS = 1_000

/** Who comes later than this after the probe was sent does not wait for its outcome. */
const WAIT_WITH_PROBE_MILLIS = 1_000

export const CLOSED: Circuit = Object.freeze({ status: 'closed', failures: 0 })

/** A connect failed, and it was not the probe that says so; see `afterProbe`. */
export function afterFailure(circuit: Circuit, threshold: number, now: number): Circuit {
  const failures = circuit.failures + 1
  if (circuit.status !== 'closed') return { ...circuit, failures }
  if (failures < threshold) return { status: 'closed', failures }
  return { status: 'open', failures, openedAt: now, silentProbes: 0 }
}

/** A probe begins, named by a number. */
export function withProbe(circuit: Circuit, probe: number, now: number): Circuit {
  if (circuit.status !== 'open') return circuit
  return { ...circuit, status: 'halfOpen', probe, probingSince: now }
}

/** A probe failed, or was given up because it stayed silent. One that others have overtaken changes nothing. */
export function afterProbe(circuit: Circuit, probe: number, wasSilent: boolean): Circuit {
  if (circuit.status !== 'halfOpen' || circuit.probe !== probe) return circuit
  const { failures, openedAt, silentProbes } = circuit
  return { status: 'open', failures, openedAt, silentProbes: wasSilent ? silentProbes + 1 : 0 }
}

/**
 * How long a probe may be silent. Twice as long after each that was: a firewall that swallows
 * connects is noticed to be gone soon, and a server that takes long to let anybody in is not given
 * up for ever.
 */
export function probePatienceMillis(circuit: Circuit, connectTimeoutMillis: number): number {
  const silentProbes = circuit.status === 'closed' ? 0 : circuit.silentProbes
  return Math.min(connectTimeoutMillis, FIRST_PATIENCE_MILLIS * 2 ** silentProbes)
}

/** Whether a caller may wait for the outcome of the probe that is under way. */
export function mayWaitForProbe(circuit: Circuit, now: number): boolean {
  return circuit.status === 'halfOpen' && now - circuit.probingSince < WAIT_WITH_PROBE_MILLIS
}
