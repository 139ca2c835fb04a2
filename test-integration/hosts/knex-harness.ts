import type { AdapterHarness, KeptPool, ServerDoor } from '@poolkeeper/conformance'
import type { PoolPolicyOptions } from '@poolkeeper/core'
import { applyPoolPolicy, keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { startFaultProxy } from '../faults/proxy.ts'
import { type ConnectionNumber, KeptKnexPool, KnexPool, type KnexPoolParts } from './knex-pool.ts'
import { NO_NETWORK } from './no-server.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** One dialect on one server. */
export interface KnexWire {
  /** Where its server is; `undefined` when it has none. */
  readonly target: Address | undefined
  /** The configuration for a server at this address; `label` names the pool to the server, where it can. */
  config(address: Address, label: string): Promise<Knex.Config>
  /** The server's view of the pool with this label. */
  door(label: string): ServerDoor
  /** Undoes what `config` prepared. */
  forget(label: string): Promise<void>
  readonly numberOf: ConnectionNumber
  /** Asks the server whether a transaction is open on a connection, where that can be asked. */
  readonly isInTransaction?: (connection: object) => Promise<boolean>
}

/** How the policy gets onto the pool. */
export type Way = 'withPoolPolicy' | 'applyPoolPolicy'

export interface KnexHarnessOptions {
  readonly name: string
  readonly way: Way
  /** Asked when a test runs: the servers are there by then. */
  readonly wire: () => KnexWire
  readonly lacks?: AdapterHarness['lacks']
  readonly cannot?: AdapterHarness['cannot']
  /** Another copy of Knex than the one that the workspace uses. */
  readonly createKnex?: (config: Knex.Config) => Knex
}

async function unknown(): Promise<never> {
  throw new Error('nobody can ask this server for its transactions')
}

const NOWHERE: Address = { host: '', port: 0 }
let pools = 0

/** Puts Knex, one dialect and one way of applying the policy before the behaviours. */
export function knexHarness(options: KnexHarnessOptions): AdapterHarness {
  const { name, way, wire, lacks = {}, cannot = {}, createKnex = knex } = options

  async function build(make: (config: Knex.Config) => Knex): Promise<KnexPoolParts> {
    const { target, config, door, forget, numberOf, isInTransaction = unknown } = wire()
    const label = `pool_${++pools}`
    const proxy = target === undefined ? undefined : await startFaultProxy({ target })
    const db = make(silent(await config(proxy ?? NOWHERE, label)))
    const dispose = async (): Promise<void> => {
      await proxy?.close()
      await forget(label)
    }
    return { db, server: door(label), network: proxy ?? NO_NETWORK, numberOf, isInTransaction, dispose }
  }

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    if (way === 'withPoolPolicy') {
      const parts = await build((config) => createKnex(withPoolPolicy(config, policy)))
      return new KeptKnexPool(parts, keeperOf(parts.db))
    }
    const parts = await build(createKnex)
    return new KeptKnexPool(parts, applyPoolPolicy(parts.db, policy))
  }

  return {
    name,
    lacks,
    cannot,
    open,
    openBare: async () => new KnexPool(await build(createKnex)),
    isTimeout: (error) =>
      error instanceof Error &&
      error.name === 'KnexTimeoutError' &&
      error.message.startsWith('Knex: Timeout acquiring a connection.'),
  }
}

/** Knex warns on the console of what the tests do to it on purpose. */
export function silent(config: Knex.Config): Knex.Config {
  const quiet = (): void => {}
  return { pool: { min: 0, max: 3 }, log: { warn: quiet, error: quiet, deprecate: quiet, debug: quiet }, ...config }
}
