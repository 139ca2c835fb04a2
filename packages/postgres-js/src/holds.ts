import type { Gate } from './gate.ts'
import type { PostgresQuery, PostgresSql, QueryHandler, QueryPrototype, ReservedSql, ScopeSql } from './postgres-host.ts'
import { type Backend, guardScope } from './query-class.ts'
import { lostError } from './lost-error.ts'

/** What is told of connections that somebody has for himself. */
export interface HoldEvents {
  /** The connection that postgres.js knows by these. */
  gateOf(backend: Backend): Gate | undefined
  reserved(gate: Gate | undefined): void
  /** It comes back. */
  returned(gate: Gate | undefined): void
  /** It comes back in a transaction; whether to end that first. */
  dirty(gate: Gate, status: 'open' | 'failed'): boolean
  /** Resolves when it is clean, or lost. */
  clean(gate: Gate, rollback: Promise<unknown>): Promise<void>
  misused(gate: Gate | undefined, release: () => void): void
}

/** Any arguments, in which functions take a scope: those of `begin` and of `savepoint`. */
type Scoped = (...given: unknown[]) => Promise<unknown>

/**
 * Connections that somebody has for himself: by `reserve()`, or within `begin()`. postgres.js goes on to hand his
 * statements to a connection that is lost meanwhile: the next one is written into nothing, which ends the process, and
 * what is still expected from the connection is the first that the next caller hears on it. Here they are refused.
 */
export class Holds {
  readonly #sql: PostgresSql
  readonly #prototype: QueryPrototype
  readonly #events: HoldEvents
  readonly #begin: Scoped

  constructor(sql: PostgresSql, prototype: QueryPrototype, events: HoldEvents) {
    this.#sql = sql
    this.#prototype = prototype
    this.#events = events
    this.#begin = sql.begin
  }

  /** In the place of the instance's own. */
  readonly begin: Scoped = (...given) => {
    const { unsafe } = this.#sql
    let asked: PostgresQuery | undefined
    const guarded = this.#withGuards(given, () => (asked?.state == null ? undefined : this.#events.gateOf(asked.state)))
    // Its first statement, which it asks for at once, is given to the connection that all others go to.
    this.#sql.unsafe = (...statement) => (asked = unsafe(...statement))
    try {
      return this.#begin(...guarded)
    } finally {
      this.#sql.unsafe = unsafe
    }
  }

  /** Which one it is, is known by the server's number. */
  keep(reserved: ReservedSql): ReservedSql {
    const gate = this.#events.gateOf(stateOf(reserved))
    const { release } = reserved
    let isReleased = false
    const scope = this.#guard(reserved, gate)
    this.#events.reserved(gate)
    const giveBack = (): void => {
      this.#events.returned(gate)
      // Lost, it has gone its way within postgres.js, and may be somebody else's by now.
      if (gate?.isOver !== true) release()
    }
    reserved.release = () => {
      if (isReleased) return this.#events.misused(gate, reserved.release)
      isReleased = true
      if (gate === undefined) return giveBack()
      const isOwed = gate.isOwed || scope?.isBusy === true
      if (!isOwed && gate.transaction === 'idle') giveBack()
      else void this.#clean(reserved, gate, isOwed).then(giveBack)
    }
    return reserved
  }

  /** What is under way decides in which transaction it comes back. */
  async #clean(reserved: ReservedSql, gate: Gate, isOwed: boolean): Promise<void> {
    const ask = (text: string): Promise<unknown> => Promise.resolve(reserved.unsafe(text))
    if (isOwed) await this.#events.clean(gate, ask(''))
    const { isOver, transaction } = gate
    if (isOver || transaction === 'idle' || !this.#events.dirty(gate, transaction)) return
    await this.#events.clean(gate, ask('rollback'))
  }

  #withGuards(given: readonly unknown[], gateOf: () => Gate | undefined): unknown[] {
    return given.map((argument) => {
      if (typeof argument !== 'function') return argument
      const work = argument as (scope: ScopeSql) => unknown
      return (scope: ScopeSql) => {
        this.#guard(scope, gateOf())
        return work(scope)
      }
    })
  }

  #guard(scope: ScopeSql, gate: Gate | undefined): Scope | undefined {
    if (gate === undefined) return undefined
    const { handler } = scope.unsafe('')
    const guarded = new Scope(gate, handler)
    guardScope(this.#prototype, handler, guarded.door)
    const { savepoint } = scope
    if (savepoint !== undefined) {
      scope.savepoint = (...given) => {
        if (!isTemplate(given[0])) return savepoint(...this.#withGuards(given, () => gate))
        return savepoint((nested: ScopeSql & Scoped) => {
          this.#guard(nested, gate)
          return nested(...given)
        })
      }
    }
    return guarded
  }
}

/** The statements that go to one connection alone, as long as there is one. */
class Scope {
  /** What was asked and is not answered. That of a cursor is not seen, and passes for under way. */
  #outstanding = 0
  readonly #gate: Gate
  readonly #handler: QueryHandler
  /** Those that wait for others of their scope. */
  readonly #queued = new Set<PostgresQuery>()

  constructor(gate: Gate, handler: QueryHandler) {
    this.#gate = gate
    this.#handler = handler
  }

  readonly door: QueryHandler = (query) => {
    if (this.#gate.isOver) return this.#refuse(query)
    this.#watch(query)
    this.#handler(query)
    if (query.state === null) this.#queue(query)
  }

  /** postgres.js writes a turn after it was asked: until then, the connection itself looks at rest. */
  get isBusy(): boolean {
    return this.#outstanding > 0
  }

  #watch(query: PostgresQuery): void {
    const { reject, resolve } = query
    this.#outstanding++
    query.resolve = (result) => {
      this.#outstanding--
      resolve(result)
    }
    query.reject = (error) => {
      this.#outstanding--
      reject(error)
    }
  }

  #queue(query: PostgresQuery): void {
    if (this.#queued.size === 0) this.#gate.whenOver(() => this.#refuseQueued())
    this.#queued.add(query)
  }

  #refuseQueued(): void {
    for (const query of this.#queued) if (query.state === null) this.#refuse(query)
    this.#queued.clear()
  }

  #refuse(query: PostgresQuery): void {
    // As in postgres.js: who does not listen is not told, and the scope fails anyway.
    query.then(undefined, () => {})
    query.reject(lostError(this.#gate))
  }
}

function isTemplate(given: unknown): boolean {
  return Array.isArray(given) && 'raw' in given
}

/** An empty statement is given to it, which says at once where it goes. Its answer, or its end, is nobody's. */
function stateOf(reserved: ReservedSql): Backend {
  const query = reserved.unsafe('')
  query.executed = true
  query.handler(query)
  query.then(undefined, () => {})
  return (query.state as Backend | null) ?? {}
}
