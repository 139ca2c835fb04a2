import type { PoolCounts } from '../counts.ts'
import type { PoolCredentials } from '../credentials/pool-credentials.ts'
import type { PoolkeeperError } from '../errors.ts'
import type { Harm } from '../harm.ts'
import type { FrameOwner } from '../origin.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { AcquireFailure, ConnectRefusal, LendingEvents, ValidationAnswer, Waiter } from '../port.ts'

/**
 * What an adapter implements for a host whose connections are shared by many callers at a time: nothing is
 * lent. What is known of a connection is when the server last answered on it, and whether commands are in
 * flight; what can be done is to ask it for a sign of life, to replace it, and to kill it.
 *
 * None of the acts may throw; those that return a promise may reject only where it is said.
 */
export interface SharedPort<C extends object> {
  /** Names the host and its version, for errors. */
  readonly host: string

  /** What the host holds now; a connection is `used` while commands are in flight or a transaction is open. */
  counts(): Omit<PoolCounts, 'validating'>

  /** The connections that are open, the oldest first. */
  connections(): readonly C[]

  /** Open, with nothing in flight: the host may send the next command on it. */
  isIdle(connection: C): boolean

  /** The callers that wait, the oldest first. */
  waiters(): readonly Waiter[]

  /** This process did not run for so long: it is not held against those who wait. */
  postponeDeadlines(millis: number): void

  /** The fields that may change while the pool runs. */
  configure(policy: PoolPolicy): void

  /**
   * Asks the server for a sign of life on an idle connection. What the host sends on it meanwhile is held
   * back until the answer is there. Rejects with the failure. Deadlines are the keeper's.
   */
  probe(connection: C): Promise<ValidationAnswer>

  /**
   * Asks the server for a sign of life beside the connections that exist. Rejects with the failure;
   * `abandon` gives up on it.
   */
  knock(): { readonly answer: Promise<void>; abandon(): void }

  /** Destroys the socket without a farewell. What was held back on it was never sent. */
  kill(connection: C, error: Error): void

  /** Ends these connections, each as soon as nobody uses it; the host opens others when it needs them. */
  retire(connections: readonly C[]): void

  /** Missing where the host logs in by itself, with what nobody else knows. */
  readonly authentication?: SharedAuthentication<C>

  /** Makes sure that so many connections are open. Rejects with the connect error. */
  open(count: number): Promise<void>

  /** Sends on what waited for the keeper alone. */
  wake(): void

  /** Answers every caller that waits with an error; returns how many. */
  rejectWaiters(error: Error): number

  /** Closes everything, also what is in use; resolves in bounded time. */
  close(): Promise<void>

  /** Undoes the attachment: the host is as it was found. */
  detach(): void
}

/** How a host whose connections are shared logs in with what the policy gives. */
export interface SharedAuthentication<C extends object> {
  /** Logs it in anew, between the commands of its callers. Rejects with what the server says. */
  renew(connection: C, credentials: PoolCredentials): Promise<void>

  refusalOf(error: unknown): ConnectRefusal | undefined

  /** What these were logged in with is over: they take nothing more, and end when they have answered. */
  end(connections: readonly C[]): void
}

/** What a port tells the keeper of a shared pool. */
export interface SharedEvents<C extends object> {
  /** Somebody asks. An error refuses him. */
  admit(): PoolkeeperError | undefined

  /**
   * May commands go out, on whichever idle connection the host takes? `true`, at once; a promise: not
   * before it is settled, and then it is to be asked again. What was proven after `since` need not be again:
   * who waits gives the moment at which he came.
   */
  clear(since?: number): true | Promise<void>

  /** The same for one connection: it has to prove itself before anything is sent on it. */
  mustProve(connection: C): boolean
  /** Proves it now, for a command that came to it unasked. Resolves when that was decided. */
  prove(connection: C): Promise<void>

  /** What to connect with; see `connectWithCredentials`. */
  credentials: LendingEvents<C>['credentials']
  /** The server took them; told after `opened`. */
  authenticated(connection: C, credentials: PoolCredentials): void

  /** Whether the host may connect for those who wait: not while connecting fails so often that only the keeper does. */
  mayOpen(): boolean
  /** An attempt to connect begins; the returned number names it. */
  opening(): number
  opened(attempt: number, connection: C): void
  /** With what the error says of the server, where the port knows. */
  openFailed(attempt: number, error: unknown, refusal?: ConnectRefusal): void
  /** It was given up because nobody needs it any more, which says nothing of the server. */
  openAbandoned(attempt: number): void

  /** Whether who waits is to be told of within the async context in which he asked: see `Waiting`. It may change. */
  readonly wantsContext: boolean
  /** A caller's command goes out on a connection; he waited so long. */
  acquired(waitMillis: number): void
  /** A caller leaves without one; told once for each caller that was admitted, by this or by `acquired`. */
  acquireFailed(error: unknown, waitMillis: number, outcome: AcquireFailure): void
  /** What to tell a caller whose deadline has passed. */
  explainTimeout(waitMillis: number): PoolkeeperError

  /** The first command is in flight on a connection that was idle. */
  busy(connection: C): void
  /** The server answered something. */
  answered(connection: C): void
  /** The last command was answered; or, without an answer, its holder has given it back. */
  rested(connection: C, wasAnswered?: boolean): void
  /** Somebody gives it back in a transaction; whether to end that first. */
  dirty(connection: C, status: 'open' | 'failed'): boolean
  /** That did not succeed: it is going to be killed. */
  uncleaned(connection: C): void
  /** Somebody gives back what he does not hold any more. */
  misused(connection: C | undefined, above: FrameOwner): void
  /** The server said something on it that harms it, or its peers. */
  failed(connection: C, error: unknown, harm: Harm): void
  /** It is closed, or is being closed by the host, for this reason if the keeper had none. */
  closed(connection: C, reason: 'fatal' | 'host' | 'idle' | 'maxLifetime', error?: unknown): void

  /** The host's own way of closing the pool was used; what to tell those whom it will not serve any more. */
  ending(): PoolkeeperError
}
