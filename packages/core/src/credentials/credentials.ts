import type { Clock } from '../clock.ts'
import type { Mutable } from '../facts.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { Reporter } from '../reporter.ts'
import type { Situation } from '../rules/rule.ts'
import {
  checkedCredentials,
  credentialsError,
  isSameSecret,
  type CredentialFacts,
  type PoolCredentials,
} from './pool-credentials.ts'

/** A renewal that fails or hangs has time for several more within this. */
const LONGEST_MARGIN_MILLIS = 60_000
const MARGIN_SHARE = 0.1
/** Never earlier than at half of its life, however many connections have to be replaced. */
const LARGEST_SHARE = 0.5
const FIRST_PAUSE_MILLIS = 1_000
const LONGEST_PAUSE_MILLIS = 10_000

/** What the parts of a keeper share, as far as it is needed here. */
export interface CredentialsContext {
  readonly policy: PoolPolicy
  readonly clock: Clock
  readonly reporter: Reporter
  readonly situation: Mutable<Situation>
}

interface Issue {
  readonly credentials: PoolCredentials
  readonly facts: CredentialFacts
  readonly lifeMillis: number
  readonly wallExpiresAt: number
}

interface Fetch {
  readonly issue: Promise<Issue>
  /** What the server had refused when it began. */
  readonly refused: PoolCredentials | undefined
}

/**
 * What connections are opened with, where the policy has a provider: asked by all who need it
 * together, kept until shortly before its end, and never shown to anybody but the port.
 */
export class Credentials {
  readonly #context: CredentialsContext
  readonly #issued = new WeakMap<PoolCredentials, CredentialFacts>()
  /** Given in place of what the server had refused. */
  readonly #substitutes = new WeakSet<PoolCredentials>()
  #provider: PoolPolicy['credentials']
  #current: Issue | undefined
  #fetching: Fetch | undefined
  #lastIssue = 0
  #failuresInRow = 0
  #pausedUntil = -Infinity

  constructor(context: CredentialsContext) {
    this.#context = context
    this.#provider = context.policy.credentials
  }

  /**
   * For a connect. With what the server has just refused: something else, or `undefined` when the
   * provider has nothing else to give.
   */
  forConnect(refused: PoolCredentials | undefined): Promise<PoolCredentials | undefined> | undefined {
    this.#followPolicy()
    if (this.#provider === undefined) return undefined
    if (refused !== undefined) return this.#instead(refused)
    const current = this.#current
    if (current === undefined || this.#leftOf(current) <= 0) return this.#fetch(undefined).then(({ credentials }) => credentials)
    return Promise.resolve(current.credentials)
  }

  /**
   * For another keeper of the same pool, as its provider: nobody is asked twice. What it asks for again while that
   * is not due, the server has refused.
   */
  asProvider(): () => Promise<PoolCredentials> {
    let last: PoolCredentials | undefined
    return async () => {
      this.#followPolicy()
      const current = this.#current
      if (current === undefined || this.#leftOf(current) <= current.facts.marginMillis) {
        last = (await this.#fetch(undefined)).credentials
      } else if (last === undefined || current.credentials !== last) last = current.credentials
      // The same secret may have been given another end.
      else last = (await this.#instead(last)) ?? this.#current?.credentials ?? last
      return last
    }
  }

  /** Of what is given now. */
  get issue(): number {
    return this.#context.situation.credential?.issue ?? 0
  }

  /** Whether something newer has been given than what the connection was opened with. */
  isOutdated({ credential }: { readonly credential: CredentialFacts | undefined }): boolean {
    const { credential: newest } = this.#context.situation
    return credential !== undefined && newest !== undefined && credential.issue < newest.issue
  }

  /** The server took them. Where it had refused older ones, what was opened with those is replaced. */
  accepted(credentials: PoolCredentials): CredentialFacts | undefined {
    const { situation } = this.#context
    const facts = this.#issued.get(credentials)
    if (facts !== undefined && this.#substitutes.has(credentials)) {
      situation.refusedIssue = Math.max(situation.refusedIssue, facts.issue - 1)
    }
    return facts
  }

  /** Renews ahead of the end: in rounds alone, so a pool that rests lets its provider rest. */
  renewIfDue(replacingMillis: number): void {
    this.#followPolicy()
    const current = this.#current
    if (current === undefined || this.#fetching !== undefined || this.#context.clock.now() < this.#pausedUntil) return
    const margin = Math.min(Math.max(current.facts.marginMillis, replacingMillis), current.lifeMillis * LARGEST_SHARE)
    // Who connects with nothing in hand is told; here the next round tries again.
    if (this.#leftOf(current) <= margin) this.#fetch(undefined).catch(() => {})
  }

  /** How often a round has to look, to be in time. */
  get periodMillis(): number {
    return this.#current === undefined ? Infinity : this.#current.facts.marginMillis / 4
  }

  /** Another provider gives other credentials: what was opened with the old ones is replaced. */
  #followPolicy(): void {
    const { policy, situation } = this.#context
    if (policy.credentials === this.#provider) return
    this.#provider = policy.credentials
    this.#current = undefined
    this.#fetching = undefined
    this.#pausedUntil = -Infinity
    situation.credential = undefined
    situation.refusedIssue = this.#lastIssue
  }

  /** By both clocks: one may have stood still, and the other may have been set. */
  #leftOf({ facts, wallExpiresAt }: Issue): number {
    const { clock, situation } = this.#context
    return Math.min(facts.expiresAt - clock.now() - situation.suspendedMillis, wallExpiresAt - clock.wallNow())
  }

  async #instead(refused: PoolCredentials): Promise<PoolCredentials | undefined> {
    // One that began before the refusal may still bring what was refused.
    const running = this.#fetching
    if (running !== undefined && running.refused !== refused) await running.issue.catch(() => {})
    const { credentials } = this.#newerThan(refused) ?? (await this.#fetch(refused))
    if (isSameSecret(credentials, refused)) return undefined
    this.#substitutes.add(credentials)
    return credentials
  }

  /** What another connect, or a renewal, has brought meanwhile. */
  #newerThan(refused: PoolCredentials): Issue | undefined {
    const current = this.#current
    return current === undefined || isSameSecret(current.credentials, refused) ? undefined : current
  }

  #fetch(refused: PoolCredentials | undefined): Promise<Issue> {
    if (this.#fetching !== undefined) return this.#fetching.issue
    const provider = this.#provider
    // Whoever waits for a provider that was exchanged meanwhile gets what the new one says.
    const issue = this.#ask(provider).then((given) => (provider === this.#provider ? given : this.#fetch(undefined)))
    const fetching: Fetch = { issue, refused }
    this.#fetching = fetching
    const end = (): void => {
      if (this.#fetching === fetching) this.#fetching = undefined
    }
    fetching.issue.then(end, end)
    return fetching.issue
  }

  async #ask(provider: PoolPolicy['credentials']): Promise<Issue> {
    const { clock, policy, reporter } = this.#context
    try {
      const issue = this.#issue(await this.#withinTime(async () => provider?.()))
      this.#failuresInRow = 0
      this.#pausedUntil = -Infinity
      if (provider === this.#provider) this.#use(issue)
      return issue
    } catch (cause) {
      const error = credentialsError(policy.name, cause)
      const pause = Math.min(LONGEST_PAUSE_MILLIS, FIRST_PAUSE_MILLIS * 2 ** Math.min(this.#failuresInRow++, 10))
      this.#pausedUntil = clock.now() + pause
      if (reporter.hears('credentialsFailed')) reporter.emit('credentialsFailed', { error })
      throw error
    }
  }

  #issue(given: unknown): Issue {
    const { clock, situation } = this.#context
    const wallNow = clock.wallNow()
    const credentials = checkedCredentials(given, wallNow)
    const lifeMillis = credentials.expiresAt - wallNow
    const facts: CredentialFacts = {
      issue: ++this.#lastIssue,
      expiresAt: clock.now() + situation.suspendedMillis + lifeMillis,
      marginMillis: Math.min(LONGEST_MARGIN_MILLIS, lifeMillis * MARGIN_SHARE),
    }
    this.#issued.set(credentials, facts)
    return { credentials, facts, lifeMillis, wallExpiresAt: credentials.expiresAt }
  }

  #use(issue: Issue): void {
    const { reporter, situation } = this.#context
    this.#current = issue
    situation.credential = issue.facts
    if (reporter.hears('credentialsRenewed')) {
      reporter.emit('credentialsRenewed', { expiresInMillis: issue.lifeMillis === Infinity ? undefined : issue.lifeMillis })
    }
  }

  /** The host's own deadline for the connect is twice as long: the answer is ours, and says why. */
  #withinTime(ask: () => Promise<unknown>): Promise<unknown> {
    const { clock, policy } = this.#context
    const patience = Math.ceil(policy.connectTimeoutMillis / 2)
    return new Promise((resolve, reject) => {
      const timer = clock.after(patience, () => {
        clock.afterInput(() => reject(new Error(`the credentials provider gave no answer within ${patience} ms`)))
      })
      ask().then(resolve, reject).finally(() => timer.cancel())
    })
  }
}
