import { PoolkeeperError } from '../errors.ts'

/** What a connection is opened with. */
export interface PoolCredentials {
  /** The user, when it changes with the password; else the host's own option stands. */
  readonly user?: string | undefined
  readonly password: string
  /** Until when the server takes it: milliseconds since the epoch, or a `Date`. Left out: for ever. */
  readonly expiresAt?: number | Date | undefined
}

export interface CredentialsOptions {
  /**
   * Gives the user and the password for new connections, in place of what the host's options say:
   * tokens of a cloud's identity service, leases of a vault, passwords that are rotated.
   *
   * Asked when a connection is first opened, by all who open one at that time together, and again
   * ahead of `expiresAt`: a minute before, or a tenth of its life if that is less, and only while the
   * pool is in use or keeps a minimum. A connection lives no longer than its credential: upkeep
   * replaces it in time, and it is never lent past that moment. When the server refuses what was
   * given, the provider is asked once more and the connect tried once more; what was opened with the
   * refused one is then replaced as well. Over a wire that takes a login at any time (Redis), connections
   * are not replaced for it: those that live are logged in anew, and outlive what they were opened with.
   *
   * It may take up to half of `connectTimeoutMillis`. When it throws, hangs or returns nonsense, the
   * connect fails with `CREDENTIALS_FAILED`.
   *
   * @defaultValue none (what the host's own options say)
   */
  readonly credentials?: () => Promise<PoolCredentials>
}

/** What may be known of a credential: nothing of it is secret. */
export interface CredentialFacts {
  /** Counts the credentials of this pool from 1. */
  readonly issue: number
  /** A `Clock` reading, to which the time is added for which this process was suspended; `Infinity`: never. */
  readonly expiresAt: number
  /** So long before its end it is renewed, and what was opened with it is replaced. */
  readonly marginMillis: number
}

/** A copy that nobody else changes, or what is wrong with it, without repeating any of it. */
export function checkedCredentials(given: unknown, wallNow: number): PoolCredentials & { readonly expiresAt: number } {
  if (typeof given !== 'object' || given === null) throw nonsense(`an object, got ${kindOf(given)}`)
  const { user, password, expiresAt } = given as Record<string, unknown>
  if (typeof password !== 'string') throw nonsense(`a \`password\` that is a text, got ${kindOf(password)}`)
  if (user !== undefined && (typeof user !== 'string' || user === '')) {
    throw nonsense(`a \`user\` that is a text or left out, got ${kindOf(user)}`)
  }
  return Object.freeze({ user, password, expiresAt: checkedExpiry(expiresAt, wallNow) })
}

function checkedExpiry(expiresAt: unknown, wallNow: number): number {
  if (expiresAt === undefined) return Infinity
  const millis = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt
  if (typeof millis !== 'number' || Number.isNaN(millis)) {
    throw nonsense(`an \`expiresAt\` in milliseconds since the epoch, a Date, or none, got ${kindOf(expiresAt)}`)
  }
  if (millis <= wallNow) {
    const ago = Math.ceil((wallNow - millis) / 1_000)
    throw nonsense(`an \`expiresAt\` that is to come, in milliseconds since the epoch, got one that is ${ago} s over`)
  }
  return millis
}

/** The secret does not change with its expiry. */
export function isSameSecret(one: PoolCredentials, other: PoolCredentials): boolean {
  return one.user === other.user && one.password === other.password
}

function nonsense(expected: string): Error {
  return new TypeError(`a credentials provider must return ${expected}`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof Date) return 'a date that is none'
  return value === '' ? 'an empty text' : `a value of type ${typeof value}`
}

export function credentialsError(pool: string, cause: unknown): PoolkeeperError {
  const message = `the credentials provider of pool "${pool}" gave nothing to connect with`
  return new PoolkeeperError('CREDENTIALS_FAILED', message, { pool, cause })
}
