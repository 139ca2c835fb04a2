import type { CredentialFacts } from './credentials/pool-credentials.ts'
import type { ConnectionFacts, Mutable } from './facts.ts'

/**
 * Facts by connection, in a `WeakMap`: nothing is written onto the host's objects, and a
 * connection that the host drops without telling us takes its facts with it.
 */
export class Ledger<C extends object> {
  readonly #facts = new WeakMap<C, Mutable<ConnectionFacts>>()
  /** Of connections that are not entered yet. */
  readonly #credentials = new WeakMap<C, CredentialFacts>()
  readonly #draw: () => number
  #lastId = 0

  constructor(draw: () => number) {
    this.#draw = draw
  }

  /** What a connection was opened with, told before it is entered. */
  authenticated(connection: C, credential: CredentialFacts): void {
    this.#credentials.set(connection, credential)
  }

  /** Enters a connection; the server has just answered on it, or is taken to have. */
  open(connection: C, now: number, generation: number): Mutable<ConnectionFacts> {
    const facts: Mutable<ConnectionFacts> = {
      id: ++this.#lastId,
      openedAt: now,
      draw: this.#draw(),
      provenAt: now,
      provenGeneration: generation,
      idleSince: now,
      lentAt: Infinity,
      held: false,
      uses: 0,
      roleProven: false,
      suspect: false,
      credential: this.#credentials.get(connection),
      condemnedFor: undefined,
    }
    this.#facts.set(connection, facts)
    return facts
  }

  get(connection: C): Mutable<ConnectionFacts> | undefined {
    return this.#facts.get(connection)
  }

  forget(connection: C): void {
    this.#facts.delete(connection)
  }
}
