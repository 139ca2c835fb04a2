import { startOwnServer, type OwnServer } from './own-server.ts'
import { LOOPBACK } from './ports.ts'
import { findProgram } from './programs.ts'
import { type RedisServer, SERVER_NAMES, startRedis } from './redis.ts'
import { redisCommand } from './redis-command.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'
import { until } from './until.ts'

export interface RedisSentinels {
  /** By which clients ask for it. */
  readonly name: string
  /** Whom clients ask. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  readonly servers: readonly RedisServer[]
  /** In the eyes of the sentinels. */
  primary(): Promise<RedisServer>
  replica(): Promise<RedisServer>
  /** The replica takes the living primary's place, which follows it from then on; resolves to the new primary. */
  failOver(): Promise<RedisServer>
  /** The primary dies; resolves to the replica that the sentinels promoted. */
  crash(): Promise<RedisServer>
  stop(): Promise<void>
}

interface Sentinel {
  readonly own: OwnServer
  readonly port: number
  readonly url: string
}

const NAME = 'poolkeeper-primary'
const SENTINELS = 3
const QUORUM = 2
const DOWN_AFTER_MILLIS = 500
const FAILOVER_TIMEOUT_MILLIS = 3_000

/** A primary, a replica, and three who watch them, on loopback. */
export async function startRedisSentinels(): Promise<RedisSentinels> {
  const settings = { 'repl-diskless-sync-delay': '0', 'replica-serve-stale-data': 'yes' }
  const servers = await Promise.all([startRedis({ settings }), startRedis({ settings })])
  const [primary, replica] = servers
  const watched: Sentinel[] = []
  const set = new Sentinels(servers, watched)
  try {
    await replica.command('REPLICAOF', primary.host, String(primary.port))
    await until('the replica is in step', async () => /master_link_status:up/.test(await replica.command('INFO', 'replication')))
    for (let count = 0; count < SENTINELS; count += 1) watched.push(await startSentinel(primary))
    await set.untilTheyAgree()
    return set
  } catch (error) {
    await set.stop()
    throw error
  }
}

async function startSentinel(primary: RedisServer): Promise<Sentinel> {
  const folder = makeTemporaryFolder()
  const file = findProgram(...SERVER_NAMES)
  let port = 0
  const own = await startOwnServer(folder, (free) => {
    port = free
    // It writes what it learns into its own configuration.
    const config = folder.write('sentinel.conf', configOf(free, primary))
    const command = { file, args: [config, '--sentinel'], folder, endSignal: 'SIGKILL' } as const
    return { name: 'Redis Sentinel', command, ping: () => redisCommand(urlOf(free), 'PING') }
  })
  return { own, port, url: urlOf(port) }
}

function configOf(port: number, { host, port: watched }: RedisServer): string {
  return [
    `port ${port}`,
    `bind ${LOOPBACK}`,
    `sentinel monitor ${NAME} ${host} ${watched} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MILLIS}`,
    `sentinel failover-timeout ${NAME} ${FAILOVER_TIMEOUT_MILLIS}`,
    '',
  ].join('\n')
}

class Sentinels implements RedisSentinels {
  readonly name = NAME
  readonly servers: readonly RedisServer[]
  readonly #sentinels: readonly Sentinel[]

  constructor(servers: readonly RedisServer[], sentinels: readonly Sentinel[]) {
    this.servers = servers
    this.#sentinels = sentinels
  }

  get addresses(): { host: string; port: number }[] {
    return this.#sentinels.map(({ port }) => ({ host: LOOPBACK, port }))
  }

  async primary(): Promise<RedisServer> {
    const { port } = await viewOf(this.#first)
    return this.#find((server) => server.port === port)
  }

  async replica(): Promise<RedisServer> {
    const { port } = await viewOf(this.#first)
    return this.#find((server) => server.port !== port)
  }

  async failOver(): Promise<RedisServer> {
    const next = await this.replica()
    await redisCommand(this.#first.url, 'SENTINEL', 'FAILOVER', NAME)
    await this.#untilItLeads(next)
    return next
  }

  async crash(): Promise<RedisServer> {
    const [primary, next] = [await this.primary(), await this.replica()]
    await primary.shutDown('immediate')
    await this.#untilItLeads(next)
    return next
  }

  /** All have found each other and the replica: until then a failover finds no majority. */
  async untilTheyAgree(): Promise<void> {
    await until('the sentinels know each other', async () => {
      const views = await Promise.all(this.#sentinels.map(viewOf))
      return views.every(({ sentinels, replicas }) => sentinels === SENTINELS && replicas === 1)
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sentinels.map(({ own }) => own.stop()))
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  async #untilItLeads(next: RedisServer): Promise<void> {
    await until('the replica leads in the eyes of all sentinels', async () => {
      const views = await Promise.all(this.#sentinels.map(viewOf))
      return views.every(({ port }) => port === next.port) && /role:master/.test(await next.command('INFO', 'replication'))
    })
  }

  #find(isIt: (server: RedisServer) => boolean): RedisServer {
    const server = this.servers.find(isIt)
    if (server === undefined) throw new Error('the sentinels watch a server of somebody else')
    return server
  }

  get #first(): Sentinel {
    const [first] = this.#sentinels
    if (first === undefined) throw new Error('there is no sentinel')
    return first
  }
}

interface View {
  readonly port: number
  readonly replicas: number
  readonly sentinels: number
}

// master0:name=…,status=ok,address=127.0.0.1:6379,slaves=1,sentinels=3
async function viewOf({ url }: Sentinel): Promise<View> {
  const info = await redisCommand(url, 'INFO', 'sentinel')
  const number = (pattern: RegExp): number => Number(pattern.exec(info)?.[1] ?? 0)
  return { port: number(/address=[^,]*:(\d+)/), replicas: number(/slaves=(\d+)/), sentinels: number(/sentinels=(\d+)/) }
}

function urlOf(port: number): string {
  return `redis://${LOOPBACK}:${port}`
}
