import { checkPolicyOptions, PoolkeeperError, type PoolPolicyOptions } from '@poolkeeper/core'
import knex, { type Knex } from 'knex'
import { attachKeeper } from './attachment.ts'
import { clientOf, type KnexClient, type KnexClientConfig } from './knex-client.ts'
import { nativePoolOf } from './native-pools.ts'

type ClientClass = new (config: KnexClientConfig) => KnexClient

/**
 * A Knex configuration whose pool is kept by a policy: config in, config out, also in a knexfile.
 *
 * Knex makes its pool itself, from the options that are in the config; the policy is put on it
 * before the first connection is opened. `keeperOf(db)` gives the keeper.
 *
 * @throws PoolkeeperError `INVALID_POLICY`, before anything is opened. What depends on Knex's own
 * options (a `min` above its `max`) is thrown by `knex(config)`.
 */
export function withPoolPolicy(config: Knex.Config, policy: PoolPolicyOptions = {}): Knex.Config {
  checkPolicyOptions(policy)
  if (typeof config !== 'object' || config === null) {
    throw new PoolkeeperError(
      'UNSUPPORTED_HOST',
      'withPoolPolicy takes a Knex configuration object; give a URL as { client, connection: url }',
    )
  }
  const userClient = config.client ?? config.dialect
  const kept = keptClient(dialectClass(userClient), userClient, { ...policy })
  return { ...config, client: kept as unknown as typeof Knex.Client }
}

/** The client class that Knex itself would take. */
function dialectClass(client: Knex.Config['client']): ClientClass {
  if (typeof client === 'function') return client as unknown as ClientClass
  // Without a connection, Knex only looks the dialect up: it loads no driver and makes no pool.
  const probe = knex({ ...(client === undefined ? {} : { client }), useNullAsDefault: true })
  return clientOf(probe).constructor as ClientClass
}

function keptClient(Dialect: ClientClass, userClient: unknown, policy: PoolPolicyOptions): ClientClass {
  return class KeptClient extends Dialect {
    // Called within Knex's own constructor, where nothing of this class is initialised yet.
    override initializePool(config?: KnexClientConfig): void {
      if (userClient !== undefined) this.config.client = userClient
      const hadPool = this.pool !== undefined
      super.initializePool(policy.mode === 'observe' ? config : withoutLifetime(config ?? this.config))
      if (hadPool || this.pool === undefined) return
      const native = nativePoolOf(this)
      if (native === undefined) attachKeeper(this, policy)
      else native.apply(policy)
    }
  }
}

/** Knex's own lifetime is taken over by the policy; versions before 3.2 do not know the words. */
function withoutLifetime(config: KnexClientConfig): KnexClientConfig {
  if (config.pool === undefined) return config
  const { maxConnectionLifetimeMillis: _lifetime, maxConnectionLifetimeJitterMillis: _jitter, ...pool } = config.pool
  return { ...config, pool }
}
