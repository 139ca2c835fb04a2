import type { ConnectRefusal, Harm, PoolPolicy, TransactionStatus, ValidationAnswer } from '@poolkeeper/core'
import type { Connecting } from './connecting.ts'
import type { Dialect } from './dialects.ts'
import type { KnexClient, KnexConnection } from './knex-client.ts'
import type { TarnHost } from './tarn/tarn-host.ts'

type HostValidate = (connection: KnexConnection) => boolean | Promise<boolean>

/**
 * How Knex treats one connection of its tarn pool.
 *
 * Knex's own check (`pool.validate` of the user, a credential's expiry, the dialect's flags) is
 * asked at every checkout, as ever. When the user's part of it asks the server, it is the pool's
 * check: it is then asked when a check is due, under our deadline, and nothing is asked twice.
 */
export class KnexHost implements TarnHost<KnexConnection> {
  readonly name: string
  readonly replaceable: boolean
  readonly #client: KnexClient
  readonly #dialect: Dialect
  readonly #hostValidate: HostValidate
  readonly #policy: () => PoolPolicy
  readonly #connecting: Connecting
  readonly #byUid = new Map<string, KnexConnection>()
  readonly #hasUserCheck: boolean
  /** Knex's own check consists of flags and of settings that may expire, and of nothing else. */
  readonly #isPlain: boolean
  /** Learned from the socket: the user's check talks to the server. */
  #userCheckAsksServer = false

  constructor(
    name: string,
    client: KnexClient,
    dialect: Dialect,
    hostValidate: HostValidate,
    policy: () => PoolPolicy,
    connecting: Connecting,
  ) {
    this.name = name
    this.#connecting = connecting
    this.replaceable = dialect.replaceable
    this.#client = client
    this.#dialect = dialect
    this.#hostValidate = hostValidate
    this.#policy = policy
    this.#isPlain = isPlainCheck(client, hostValidate)
    this.#hasUserCheck = client._ownsPool === false || typeof client.config.pool?.validate === 'function'
  }

  agrees(connection: KnexConnection, wasChecked: boolean): boolean | Promise<boolean> {
    if (this.#hasUserCheck && wasChecked) return true
    // Where Knex's own check would have nothing to wait for, its parts are asked without its promise.
    const isPlain = this.#isPlain || this.#userCheckAsksServer
    if (isPlain && !this.#settingsMayExpire() && this.#isFit(connection)) return true
    // Knex refuses in its own way, and says so in its log.
    return this.#hostValidate(connection)
  }

  async validate(connection: KnexConnection): Promise<ValidationAnswer> {
    const { driver } = this.#dialect
    if (this.#hasUserCheck) {
      const before = driver.bytesWritten(connection)
      if (!(await this.#hostValidate(connection))) throw new Error("the host's own validation refused the connection")
      this.#userCheckAsksServer = before !== undefined && driver.bytesWritten(connection) !== before
    }
    const { validateRole, validationQuery } = this.#policy()
    if (validateRole === 'writable') return (await driver.isWritable?.(connection)) === true ? undefined : 'wrongRole'
    if (!this.#userCheckAsksServer) await driver.validate(connection, validationQuery)
  }

  transactionStatus(connection: KnexConnection): TransactionStatus | undefined {
    return this.#dialect.driver.transactionStatus?.(connection)
  }

  async restoreSession(connection: KnexConnection, how: 'rollback' | 'reset'): Promise<void> {
    const { driver } = this.#dialect
    await (how === 'reset' ? driver.reset?.(connection) : driver.rollback?.(connection))
  }

  isBroken(connection: KnexConnection): boolean {
    return Boolean(connection.__knex__disposed) || this.#dialect.driver.isBroken(connection)
  }

  harmOf(error: unknown): Harm {
    return this.#dialect.driver.harmOf(error)
  }

  isBusy(connection: KnexConnection): boolean | undefined {
    return this.#dialect.driver.isBusy?.(connection)
  }

  destroyHard(connection: KnexConnection): void {
    this.#dialect.driver.destroy(connection)
  }

  async whenClosed(connection: KnexConnection): Promise<void> {
    await this.#dialect.driver.whenClosed?.(connection)
  }

  connecting(): () => void {
    const ticket = this.#connecting.expect()
    return () => {
      ticket.isGivenUp = true
      if (ticket.connection !== undefined) this.destroyHard(ticket.connection)
    }
  }

  refusalOf(error: unknown): ConnectRefusal | undefined {
    return this.#dialect.driver.refusalOf(error)
  }

  watch(connection: KnexConnection, onDeath: (error: unknown) => void): () => void {
    if (connection.__knexUid !== undefined) this.#byUid.set(connection.__knexUid, connection)
    return this.#dialect.driver.watch(connection, onDeath)
  }

  forget(connection: KnexConnection): void {
    if (connection.__knexUid !== undefined) this.#byUid.delete(connection.__knexUid)
  }

  /** The connection that Knex names in its query events. */
  byUid(uid: unknown): KnexConnection | undefined {
    return typeof uid === 'string' ? this.#byUid.get(uid) : undefined
  }

  /** A credential that may expire is looked at by Knex at every checkout. */
  #settingsMayExpire(): boolean {
    return typeof this.#client.connectionConfigExpirationChecker === 'function'
  }

  #isFit(connection: KnexConnection): boolean {
    return !this.isBroken(connection) && Boolean(this.#client.validateConnection(connection))
  }
}

/** From 3.2 on the check is an async function, made of these parts; before that it has no promise. */
function isPlainCheck({ config, _ownsPool }: KnexClient, hostValidate: HostValidate): boolean {
  const { validate, maxConnectionLifetimeMillis } = config.pool ?? {}
  const isAsync = hostValidate.constructor.name === 'AsyncFunction'
  return isAsync && _ownsPool !== false && validate === undefined && maxConnectionLifetimeMillis === undefined
}
