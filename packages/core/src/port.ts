import type { PoolCounts } from './counts.ts'
import type { PoolCredentials } from './credentials/pool-credentials.ts'
import type { PoolkeeperError } from './errors.ts'
import type { Harm } from './harm.ts'
import type { DrainOptions } from './keeper.ts'
import type { FrameOwner, Origin } from './origin.ts'
import type { PoolPolicy } from './policy/values.ts'

/** A host's own figures. */
export interface HostCounts extends Omit<PoolCounts, 'validating'> {
  /** Out of the idle list by the keeper's wish, and not counted elsewhere. */
  readonly withdrawn: number
}

/**
 * What an adapter implements for a host pool that lends connections to one caller at a time.
 *
 * The keeper decides, the port answers and acts. None of the acts may throw; those that return a
 * promise may reject only where it is said.
 */
export interface LendingPort<C extends object> {
  /** Names the host and its version, for errors. */
  readonly host: string

  /** `false` when a connection must not be replaced: it is the database itself. */
  readonly replaceable: boolean

  /** What the host holds now. What is being validated is the keeper's to tell. */
  counts(): HostCounts

  /** The idle connections, the coldest first: the one that the host would lend last. */
  idle(): readonly C[]

  /** The connections that callers hold. */
  lent(): readonly C[]

  /** The callers that wait, the oldest first: what a `WaitingList` keeps for a port, with their deadlines. */
  waiters(): readonly Waiter[]

  /** This process did not run for so long: it is not held against those who wait. */
  postponeDeadlines(millis: number): void

  /** The host's own limits and deadlines, changed at once. */
  configure(policy: PoolPolicy): void

  /**
   * Asks the server for a sign of life on this connection; any answer will do. Resolves with the
   * answer, rejects with the failure. When the policy asks for a role, also with `'wrongRole'`.
   * Deadlines are the keeper's.
   */
  validate(connection: C): Promise<ValidationAnswer>

  /** The transaction that the session is in, as far as it is known without asking. */
  transactionStatus(connection: C): TransactionStatus | undefined

  /**
   * Ends what the last caller left in the session: rolls its transaction back, or resets all of
   * it. Rejects with the failure. Deadlines are the keeper's.
   */
  restoreSession(connection: C, how: 'rollback' | 'reset'): Promise<void>

  /** What can be seen without asking: the connection is known to be dead or unfit. */
  isBroken(connection: C): boolean

  /** How much an error says about the connection it came from, by the driver's own marks. */
  harmOf(error: unknown): Harm

  /** Whether a statement is under way on it; `undefined` where nobody can tell. */
  isBusy(connection: C): boolean | undefined

  /**
   * Opens one more connection, also above the host's maximum; the keeper has counted. It is told
   * of by `opened` like any other, and stays out of the idle list until `restore`.
   */
  open(): Opening<C>

  /**
   * Gives up on attempts to connect that began before `before`, as failed; what still arrives of
   * them is closed. Callers that wait are not failed by it.
   */
  abandonOpenings(before: number): void

  /** Takes a connection out of the idle list; `false` when it is not in it any more. */
  withdraw(connection: C): boolean

  /** Puts a withdrawn connection back into the idle list, and serves who waits. */
  restore(connection: C): void

  /**
   * Gives the caller that waits for the verdict on `silent` the withdrawn connection `proven`
   * instead; `silent` is withdrawn from then on.
   */
  exchange(silent: C, proven: C): void

  /**
   * Removes a connection from the host's books, whatever its state, and closes it: `hard` destroys
   * the socket without a farewell, for a peer that is not expected to answer. Resolves when it is
   * closed or given up.
   */
  close(connection: C, hard: boolean): Promise<void>

  /** Serves callers that wait, with what is there or with what there is room to open. */
  wake(): void

  /**
   * Logs a connection in with other credentials as it is, with nothing of its session lost; on an idle one, or
   * one that was just returned. Rejects with what the server says, which leaves the login as it was. Missing
   * where the wire cannot.
   */
  readonly reauthenticate?: ((connection: C, credentials: PoolCredentials) => Promise<void>) | undefined

  /** What a connect error says of the server, where it says something that the keeper acts upon. */
  refusalOf(error: unknown): ConnectRefusal | undefined

  /** Answers every caller that waits with an error; returns how many. */
  rejectWaiters(error: Error): number
  /** Answers the one caller that asked so; `false` when he does not wait any more. */
  rejectWaiter(origin: Origin, error: Error): boolean

  /** Undoes the attachment: the host is as it was found, and serves who waits in its own way. */
  detach(): void
}

/**
 * Why a server that is there lets nobody in. `full`: it has no room for one more connection.
 * `credentials`: it does not know the user, the password or the database; trying again changes nothing.
 */
export type ConnectRefusal = 'full' | 'credentials'

/** What a connection answered: that it is there, or that it is there in another role. */
export type ValidationAnswer = void | 'wrongRole'

/** A caller that waits. */
export interface Waiter {
  /** By the clock; time in which this process did not run is left out. */
  readonly since: number
  /** As `LendingEvents.origin` said when he asked. */
  readonly origin: Origin | undefined
}

/** How an acquire ends that gets no connection. */
export type AcquireFailure = 'timedOut' | 'aborted' | 'refused' | 'failed'

/** `failed`: open, and good for a rollback only. */
export type TransactionStatus = 'idle' | 'open' | 'failed'

/** This caller is turned away with an error; the connection stays idle, or is closed. */
export interface Refusal {
  readonly error: PoolkeeperError
  readonly keep: boolean
}

/** `true`: lend it; `false`: close it, and try another one; or turn this caller away. */
export type LendAnswer = boolean | Refusal

/** An attempt to connect that the keeper asked for. */
export interface Opening<C extends object> {
  /** Rejects with the connect error. */
  readonly connection: Promise<C>
  /** Gives up on it, as failed; if it still arrives, it is closed. */
  abandon(): void
}

/** What a port tells the keeper. */
export interface LendingEvents<C extends object> {
  /** Somebody asks for a connection. An error refuses him. */
  admit(): PoolkeeperError | undefined
  /**
   * Who asks: called once for each acquire that was admitted, within the host's own call, before
   * anybody is served. `undefined` when nobody wants to know. Frames above `above` are left out.
   */
  origin(above: FrameOwner): Origin | undefined

  /** A connection from before the keeper's time; its age and proof are not known. */
  adopted(connection: C, isLent: boolean): void

  /** Whether callers that wait may be served. */
  mayServe(): boolean
  /** Whether a connection may be opened for a caller that waits; if not, the keeper wakes the port later. */
  mayOpen(): boolean

  /** An attempt to connect begins; the returned number names it. */
  opening(): number
  /**
   * What to connect with, asked within an attempt to connect and under its deadline; `undefined`: as
   * the host's own options say. Rejects with what the connect fails with. With what the server has
   * just refused: something newer, for one more try, or nothing. `connectWithCredentials` does all of it.
   */
  credentials(refused?: PoolCredentials): Promise<PoolCredentials | undefined> | undefined
  /** The server took them; told before `opened`. */
  authenticated(connection: C, credentials: PoolCredentials): void
  /**
   * Connected, and nobody's yet: asked within the connect, so that its deadline holds. When it
   * rejects, the connection is destroyed, and the attempt has failed with that error.
   */
  prepare(connection: C): Promise<void> | undefined
  opened(attempt: number, connection: C): void
  /**
   * Answers what becomes of an attempt that the port began for callers: `'fail'`, the oldest of them
   * gets the error; `'retry'`, they go on waiting, and the keeper wakes the port when it may open again.
   */
  openFailed(attempt: number, error: unknown): 'fail' | 'retry'

  /**
   * May this idle connection be lent? Answered at once when nothing is to be asked. On `false`
   * the host closes the connection and tries another. While a promise is under way, the keeper
   * may `exchange` the connection for one that is proven; the answer is then about that one.
   */
  lend(connection: C): LendAnswer | Promise<LendAnswer>
  /**
   * Whether `lend` is to be called, and the end of a wait to be told, within the async context of the caller whom it
   * is about, also when he has waited: for what the user remembers of a request. A `Waiting` does it, once it was told to
   * remember. It may change at any time.
   */
  readonly wantsContext: boolean
  /**
   * Who waited for `prepare` or `lend` to answer about this connection has left: at his deadline,
   * or because he was rejected. The answer comes soon, and is to be followed.
   */
  abandoned(connection: C): void

  /** The connection is in a caller's hands, who waited since then; `undefined`: not at all. */
  acquired(connection: C, waitedSince: number | undefined, origin?: Origin): void
  /**
   * The object through which the caller uses it: when that is garbage, nobody is left to give the
   * connection back.
   */
  heldThrough(connection: C, holder: object): void
  /**
   * A caller leaves without one; each caller is told of once, by this or by `acquired`.
   *
   * `'aborted'`: by himself, where the host lets him (an `AbortSignal`, for example); the error is his
   * own reason. Who has left before he asked is told of here alone, with a wait of 0: without `admit`,
   * and nothing is opened for him. Who leaves the queue is taken out of it, and the others keep their
   * order. What is being opened for him is not given up: it goes to the next caller, or to the idle
   * list. While `lend` is to be answered, also `abandoned` is told; the answer is followed, and what
   * may be lent goes to the next caller or back to the idle list. Once `acquired`, he has it, and a
   * signal means nothing any more.
   */
  acquireFailed(error: unknown, waitMillis: number, outcome: AcquireFailure): void
  /** What to tell a caller whose deadline has passed. */
  explainTimeout(waitMillis: number): PoolkeeperError

  /** A statement is sent on it. Told only while `wantsStatements`, when telling costs the host something. */
  asked(connection: C, text: string): void
  /** Whether anybody wants to know the statements. Changes only with `configure`. */
  readonly wantsStatements: boolean
  /** The server answered something on this connection. */
  answered(connection: C): void
  /** A statement failed on this connection; the driver says how much that harms. */
  failed(connection: C, error: unknown, judged: Harm): void
  /** The connection died by itself. */
  died(connection: C, error: unknown): void

  /**
   * A caller gave it back; `'foreign'` when nobody holds it. With a promise, its session is being
   * restored: until then it is withdrawn. Frames above `above` are left out of what is told of a
   * misuse.
   */
  returned(connection: C, above: FrameOwner): 'keep' | 'retire' | 'foreign' | Promise<'keep' | 'retire'>
  /**
   * It was given back, is to be kept, and is withdrawn: where the host tests what it gets back. It is
   * restored when it has answered, and closed when not.
   */
  proveReturned(connection: C): void
  /** The host's books show what was decided on a return. */
  settled(): void

  /** The host's own way of closing the pool was used. Resolves in bounded time, with all closed. */
  shutdown(options?: DrainOptions): Promise<void>

  /**
   * The host or the keeper began to close it. `true`: hard, since the peer is not expected to
   * answer a farewell.
   */
  closing(connection: C): boolean
  /** It is closed. */
  closed(connection: C): void
}
