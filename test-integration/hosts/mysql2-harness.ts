import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import type { AdapterHarness } from '@poolkeeper/conformance'
import { applyPoolPolicy, isPoolkeeperError } from '@poolkeeper/mysql2'
import * as mysql2 from 'mysql2'
import type { Pool, PoolConnection, PoolOptions } from 'mysql2'
import { startFaultProxy } from '../faults/proxy.ts'
import type { MariadbServer } from '../harness/mariadb.ts'
import { mariadbWire } from './mariadb-wire.ts'
import { KeptMysql2Pool, Mysql2Pool, type Mysql2Face, type Mysql2PoolParts } from './mysql2-pool.ts'

/** mysql2's own, or another copy of it. */
export type Mysql2Module = typeof mysql2

/** Which of its faces is tried. */
export type FaceName = 'callback' | 'promise' | 'cluster'

export interface Mysql2HarnessOptions {
  readonly name: string
  readonly face: FaceName
  /** Asked when a test runs: the server is there by then. */
  readonly server: () => MariadbServer
  readonly cannot?: AdapterHarness['cannot']
  readonly module?: Mysql2Module
}

let pools = 0

/** Puts one face of mysql2 before the behaviours. */
export function mysql2Harness(options: Mysql2HarnessOptions): AdapterHarness {
  const { name, face, server, cannot = {}, module = mysql2 } = options

  async function build(): Promise<Mysql2PoolParts> {
    const label = `mysql2_${++pools}`
    const { target, config, door, forget } = mariadbWire(server(), 'mysql2')
    if (target === undefined) throw new Error('no server')
    const proxy = await startFaultProxy({ target })
    const { connection } = await config(proxy, label)
    const dispose = async (): Promise<void> => {
      await proxy.close()
      await forget(label)
    }
    const poolOptions = { ...(connection as PoolOptions), connectionLimit: 3 }
    return { face: FACES[face](module, poolOptions), server: door(label), network: proxy, dispose }
  }

  return {
    name,
    cannot,
    open: async (policy) => {
      const parts = await build()
      return new KeptMysql2Pool(parts, applyPoolPolicy(parts.face.host as Pool, policy))
    },
    openBare: async () => new Mysql2Pool(await build()),
    isTimeout: isPoolkeeperError,
    hasNoDeadline: true,
  }
}

type MakeFace = (module: Mysql2Module, options: PoolOptions) => Mysql2Face

const FACES: Readonly<Record<FaceName, MakeFace>> = {
  callback(module, options) {
    const pool = module.createPool(options)
    return {
      host: pool,
      core: () => pool,
      getConnection: async () => (await promisify(pool.getConnection).call(pool)).promise(),
      query: () => promisify((done: (error: Error | null) => void) => pool.query('select 1', done))(),
      releaseForeign: () => pool.releaseConnection({} as PoolConnection),
      end: () => promisify(pool.end).call(pool),
    }
  },

  promise(module, options) {
    const pool = module.createPool(options).promise()
    return {
      host: pool,
      core: () => pool.pool,
      getConnection: () => pool.getConnection(),
      query: () => pool.execute('select 1'),
      releaseForeign: () => pool.pool.releaseConnection({} as PoolConnection),
      end: () => pool.end(),
    }
  },

  cluster(module, options) {
    // Of itself it asks again where a connect failed, and soon gives up the only node that there is.
    const cluster = module.createPoolCluster({ canRetry: false, removeNodeErrorCount: 1_000 })
    cluster.add('ONLY', options)
    const node = cluster.of('ONLY')
    const core = (): Pool => (cluster as unknown as { _nodes: { ONLY: { pool: Pool } } })._nodes.ONLY.pool
    const getConnection = async (): Promise<PoolConnection> =>
      promisify((done: (error: Error | null, connection?: PoolConnection) => void) => node.getConnection(done))() as Promise<PoolConnection>
    return {
      host: cluster,
      core,
      getConnection: async () => (await getConnection()).promise(),
      query: () => promisify((done: (error: Error | null) => void) => node.query('select 1', done))(),
      releaseForeign: () => core().releaseConnection({} as PoolConnection),
      end: () => promisify(cluster.end).call(cluster),
    }
  },
}

/** Another copy of mysql2 than the one that the workspace uses. */
export function mysql2Copy(name: string): Mysql2Module {
  return createRequire(import.meta.url)(name) as Mysql2Module
}
