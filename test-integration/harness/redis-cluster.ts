import { freePort, LOOPBACK } from './ports.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { type ClusterNodeView, parseClusterNodes } from './redis-cluster-view.ts'
import { until } from './until.ts'

export interface RedisCluster {
  /** Three primaries, then their replicas in the same order; roles move when it fails over. */
  readonly nodes: readonly RedisServer[]
  /** Who serves a key's slot now. */
  primaryOf(key: string): Promise<RedisServer>
  /** Waits for one that is in step. */
  replicaOf(primary: RedisServer): Promise<RedisServer>
  /** A replica takes its living primary's place without losing a write; resolves to the new primary. */
  failOver(primary: RedisServer): Promise<RedisServer>
  /** The primary dies and stays dead; resolves to the replica that the others elected. */
  crash(primary: RedisServer): Promise<RedisServer>
  stop(): Promise<void>
}

interface Member {
  readonly server: RedisServer
  readonly busPort: number
}

const PRIMARIES = 3
const SLOTS = 16_384
const SETTINGS = {
  'cluster-enabled': 'yes',
  'cluster-node-timeout': '1000',
  // However far behind its primary a replica was: in a test it shall take over.
  'cluster-replica-validity-factor': '0',
  'repl-diskless-sync-delay': '0',
}

/** Three primaries with a replica each, on loopback. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const members = await Promise.all(Array.from({ length: 2 * PRIMARIES }, startMember))
  const cluster = new Cluster(members.map(({ server }) => server))
  try {
    await cluster.form(members)
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

async function startMember(): Promise<Member> {
  // By default the client's port and 10,000, which the kernel may have given to an outgoing connection.
  const busPort = await freePort()
  return { busPort, server: await startRedis({ settings: { ...SETTINGS, 'cluster-port': String(busPort) } }) }
}

class Cluster implements RedisCluster {
  readonly nodes: readonly RedisServer[]

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  async form(members: readonly Member[]): Promise<void> {
    const [first, ...others] = this.nodes as [RedisServer, ...RedisServer[]]
    await Promise.all(this.#primaries.map((node, index) => node.command('CLUSTER', 'ADDSLOTSRANGE', ...slotsOf(index))))
    // Epochs that are equal are told apart only after they collided, which takes its time.
    await Promise.all(this.nodes.map((node, index) => node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))))
    for (const { server, busPort } of members.slice(1)) {
      await first.command('CLUSTER', 'MEET', LOOPBACK, String(server.port), String(busPort))
    }
    await until('all nodes of the cluster have met', () =>
      every(this.nodes, async (node) => (await viewOf(node)).length === this.nodes.length),
    )
    await Promise.all(others.slice(PRIMARIES - 1).map((replica, index) => follow(replica, this.nodes[index] as RedisServer)))
    await until('every node holds the cluster for whole', () => every(this.nodes, isWhole))
  }

  async primaryOf(key: string): Promise<RedisServer> {
    const anyone = await this.#anyone()
    const slot = Number(await anyone.command('CLUSTER', 'KEYSLOT', key))
    const serves = ({ isPrimary, isDead, slots }: ClusterNodeView): boolean =>
      isPrimary && !isDead && slots.some(([from, to]) => from <= slot && slot <= to)
    return this.#serverOf((await viewOf(anyone)).find(serves))
  }

  async replicaOf(primary: RedisServer): Promise<RedisServer> {
    return until('the primary has a replica in step', async () => {
      const view = await viewOf(primary)
      const id = view.find(({ port }) => port === primary.port)?.id
      const replica = this.#serverOf(view.find(({ primaryId, isDead }) => primaryId === id && !isDead))
      return (await isSynced(replica)) && replica
    })
  }

  async failOver(primary: RedisServer): Promise<RedisServer> {
    const replica = await this.replicaOf(primary)
    await replica.command('CLUSTER', 'FAILOVER')
    await this.#untilItLeads(replica)
    return replica
  }

  async crash(primary: RedisServer): Promise<RedisServer> {
    const replica = await this.replicaOf(primary)
    await primary.shutDown('immediate')
    await this.#untilItLeads(replica)
    return replica
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }

  get #primaries(): readonly RedisServer[] {
    return this.nodes.slice(0, PRIMARIES)
  }

  async #anyone(): Promise<RedisServer> {
    return Promise.any(this.nodes.map(async (node) => node.command('PING').then(() => node)))
  }

  #serverOf(row: ClusterNodeView | undefined): RedisServer {
    const server = this.nodes.find(({ port }) => port === row?.port)
    if (server === undefined) throw new Error('the cluster has no such node now')
    return server
  }

  /** In the eyes of all who live. */
  async #untilItLeads({ port }: RedisServer): Promise<void> {
    const isDown = (node: RedisServer): Promise<boolean> => node.command('PING').then(() => false, () => true)
    await until('the replica leads', () =>
      every(this.nodes, async (node) => {
        if (await isDown(node)) return true
        const row = (await viewOf(node)).find((other) => other.port === port)
        return row !== undefined && row.isPrimary && row.slots.length > 0 && (await isOk(node))
      }),
    )
  }
}

function slotsOf(index: number): [string, string] {
  const share = SLOTS / PRIMARIES
  return [String(Math.ceil(index * share)), String(Math.ceil((index + 1) * share) - 1)]
}

async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  const primaryId = await primary.command('CLUSTER', 'MYID')
  await until('the replica knows whom to follow', async () => (await viewOf(replica)).some(({ id, isPrimary }) => id === primaryId && isPrimary))
  await replica.command('CLUSTER', 'REPLICATE', primaryId)
}

async function isWhole(node: RedisServer): Promise<boolean> {
  const view = await viewOf(node)
  const replicas = view.filter(({ isPrimary }) => !isPrimary)
  const isLinked = view.some(({ port, isPrimary }) => port === node.port && isPrimary) || (await isSynced(node))
  return replicas.length === PRIMARIES && isLinked && (await isOk(node)) && (await namesAll(node))
}

/** Whether clients are told of all nodes: of a replica only once it is known how far it is. */
async function namesAll(node: RedisServer): Promise<boolean> {
  const count = "local n = 0 for _, range in ipairs(redis.call('CLUSTER', 'SLOTS')) do n = n + #range - 2 end return n"
  return Number(await node.command('EVAL', count, '0')) === 2 * PRIMARIES
}

async function isOk(node: RedisServer): Promise<boolean> {
  return /cluster_state:ok/.test(await node.command('CLUSTER', 'INFO'))
}

async function isSynced(node: RedisServer): Promise<boolean> {
  return /master_link_status:up/.test(await node.command('INFO', 'replication'))
}

async function viewOf(node: RedisServer): Promise<ClusterNodeView[]> {
  return parseClusterNodes(await node.command('CLUSTER', 'NODES'))
}

async function every<T>(all: readonly T[], isSo: (one: T) => Promise<boolean>): Promise<boolean> {
  return (await Promise.all(all.map(isSo))).every(Boolean)
}
