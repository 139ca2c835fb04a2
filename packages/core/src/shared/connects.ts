import type { ConnectRefusal } from '../port.ts'
import { Backoff } from '../lending/opening/backoff.ts'
import { CircuitBreaker, type PoolCircuit } from '../lending/opening/circuit-breaker.ts'
import type { SharedContext } from './context.ts'

/** A pool that nobody asked for so long can do without a connection for a while. */
const WANTED_FOR_MILLIS = 5_000

/** What becomes of connects to the server of a shared pool, and whether its callers are let into them. */
export class SharedConnects<C extends object> {
  readonly breaker: CircuitBreaker
  readonly #context: SharedContext<C>
  readonly #backoff = new Backoff()
  readonly #draw: () => number

  constructor(context: SharedContext<C>, draw: () => number, circuit: PoolCircuit | undefined) {
    this.#context = context
    this.#draw = draw
    const probe = (): { readonly answer: Promise<void>; abandon(): void } => context.port.knock()
    this.breaker = new CircuitBreaker(context, { pauseLeft: () => this.#pauseLeft(), probe }, circuit)
  }

  succeeded(): void {
    this.#backoff.succeeded()
    if (!this.breaker.isClosed) this.breaker.close()
  }

  failed(openMillis: number, error: unknown, refusal: ConnectRefusal | undefined): void {
    const { clock, policy } = this.#context
    const failedAt = clock.now()
    const attempt = { startedAt: failedAt - openMillis, failedAt, isHopeless: refusal === 'credentials' }
    this.#backoff.failed(attempt, policy.createBackoff, this.#draw)
    // A server that has no room is there.
    if (refusal === 'full') this.breaker.close()
    else this.breaker.failed(error)
  }

  #pauseLeft(): number {
    const { clock, lastAcquireAt, port } = this.#context
    const now = clock.now()
    return this.#backoff.leftMillis(now, now - lastAcquireAt < WANTED_FOR_MILLIS || port.counts().pending > 0)
  }
}
