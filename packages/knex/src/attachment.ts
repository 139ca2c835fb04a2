import {
  forgetKeeper,
  hasKeeper,
  inForce,
  LendingKeeper,
  Overrides,
  PoolkeeperError,
  registerKeeper,
  resolvePolicy,
  systemClock,
  findPoolkeeperError,
  type KeeperDependencies,
  type PoolKeeper,
  type PoolPolicy,
  type PoolPolicyOptions,
} from '@poolkeeper/core'
import { refuseWhatHostCannot } from './capabilities.ts'
import { Connecting } from './connecting.ts'
import { dialectOf } from './dialects.ts'
import { hostSettings } from './host-settings.ts'
import { isKnexTimeout, type KnexClient, type KnexConnection } from './knex-client.ts'
import { KnexHost } from './knex-host.ts'
import { followStatements } from './statements.ts'
import { asTarnPool, looksLikeTarn, type TarnPool } from './tarn/tarn-pool.ts'
import { TarnPort } from './tarn/tarn-port.ts'
import { followWork } from './work.ts'

const HOST = 'Knex'

/**
 * Puts a keeper in charge of the pool that a Knex client has now, and registers it for the
 * client, its transactions and its clones.
 *
 * @throws PoolkeeperError `UNSUPPORTED_HOST`, `INVALID_POLICY`
 */
export function attachKeeper(
  client: KnexClient,
  options: PoolPolicyOptions,
  dependencies: KeeperDependencies = {},
): PoolKeeper {
  const { clock = systemClock } = dependencies
  const pool = asTarnPool<KnexConnection>(tarnPoolOf(client), HOST)
  const dialect = dialectOf(client)
  const settings = hostSettings(client, pool, dialect)
  const policy = resolvePolicy(options, settings)
  const overrides = new Overrides(client)
  refuseWhatHostCannot(policy, client, dialect)
  const { refusalOf } = dialect.driver
  const connecting = new Connecting(client, overrides, refusalOf, () => keeper)
  const host = new KnexHost(HOST, client, dialect, pool.validate.bind(pool), () => keeper.policy, connecting)
  const port = new TarnPort(pool, host, clock)
  let current = options
  const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
    const next = resolvePolicy({ ...options, ...changes }, settings)
    refuseWhatHostCannot(next, client, dialect)
    current = { ...options, ...changes }
    registerKeeper(client.logger, keeper, current)
    wantStatements(next.leakThresholdMillis !== false)
    return next
  }
  const keeper: LendingKeeper<KnexConnection> = new LendingKeeper(port, policy, { ...dependencies, resolve })
  port.attach(keeper, inForce(policy))

  listenToQueries(client, host, keeper, overrides)
  const wantStatements = followStatements(client, host, keeper, overrides)
  wantStatements(policy.leakThresholdMillis !== false)
  followWork(client, keeper, overrides)
  explainTimeouts(client, pool, keeper, overrides)
  reattachLater(client, () => current, dependencies, overrides)
  overrides.onUndo(() => forgetKeeper(client.logger))
  port.onDetach(() => overrides.undo())

  registerKeeper(client.logger, keeper, options)
  keeper.start()
  return keeper
}

function tarnPoolOf({ pool, config, driverName }: KnexClient): object {
  if (looksLikeTarn(pool)) return pool as object
  if (config.connectionPool !== undefined) {
    throw new PoolkeeperError(
      'UNSUPPORTED_HOST',
      `this Knex runs on a native ${driverName} pool (connectionPool) that nobody here knows`,
    )
  }
  const hint = pool === undefined ? 'it has none (no connection, pool.max: 0, or destroyed)' : 'its pool is not a tarn pool'
  throw new PoolkeeperError('UNSUPPORTED_HOST', `this Knex has no pool to attend: ${hint}`)
}

/** Every answer is proof; what is worse than a failed statement condemns the connection. */
function listenToQueries(
  client: KnexClient,
  host: KnexHost,
  keeper: LendingKeeper<KnexConnection>,
  overrides: Overrides<KnexClient>,
): void {
  const { driver } = dialectOf(client)
  const onResponse = (_response: unknown, query: { __knexUid?: string } | undefined): void => {
    const connection = host.byUid(query?.__knexUid)
    if (connection !== undefined) keeper.answered(connection)
  }
  const onError = (error: unknown, query: { __knexUid?: string } | undefined): void => {
    const connection = host.byUid(query?.__knexUid)
    if (connection === undefined || isKnexTimeout(error)) return
    keeper.failed(connection, error, driver.harmOf(error))
  }
  client.on('query-response', onResponse)
  client.on('query-error', onError)
  overrides.onUndo(() => {
    client.removeListener('query-response', onResponse)
    client.removeListener('query-error', onError)
  })
}

/** Knex's own error stays, and carries ours as its cause. */
function explainTimeouts(
  client: KnexClient,
  pool: TarnPool<KnexConnection>,
  { tracking }: LendingKeeper<KnexConnection>,
  overrides: Overrides<KnexClient>,
): void {
  const { acquireConnection } = client
  // Before 3.3, Knex's error does not carry tarn's. It is made in the turn in which tarn's was told.
  let lastOfTarn: unknown
  const onFail = (_id: number, error: unknown): void => void (lastOfTarn = error)
  pool.on('acquireFail', onFail)
  overrides.onUndo(() => pool.removeListener('acquireFail', onFail))
  const explain = (error: unknown): never => {
    const ours = findPoolkeeperError(error) ?? findPoolkeeperError(lastOfTarn)
    if (isKnexTimeout(error) && ours !== undefined) error.cause = ours
    throw error
  }
  const ask = (): Promise<KnexConnection> => acquireConnection.call(client)
  const acquire = (): Promise<KnexConnection> => {
    // Taken here, where the user's own line calls; further in, the frames are Knex's and ours.
    const trace = tracking.given === undefined ? tracking.trace(acquire) : undefined
    return (trace === undefined ? ask() : tracking.askingFrom(trace, ask)).catch(explain)
  }
  overrides.set('acquireConnection', acquire)
}

/** `destroy()` and then `initialize()` make a new pool: it gets the same policy. */
function reattachLater(
  client: KnexClient,
  options: () => PoolPolicyOptions,
  dependencies: KeeperDependencies,
  overrides: Overrides<KnexClient>,
): void {
  const { initializePool } = client
  overrides.set('initializePool', (config) => {
    // Knex only warns when it has a pool already.
    if (client.pool !== undefined) return initializePool.call(client, config)
    overrides.undo()
    client.initializePool(config)
    // A client made from a kept config has attached its keeper itself by now.
    if (client.pool !== undefined && !hasKeeper(client.logger)) {
      attachKeeper(client, options(), dependencies)
    }
  })
}
