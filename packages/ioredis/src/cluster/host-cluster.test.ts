import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { asHostCluster, type HostCluster, isReplica, type NodeClient, redirect, replaceClient } from './host-cluster.ts'

const KEY = '127.0.0.1:7000'

class FakeClient extends EventEmitter {
  status = 'ready'
  readonly options: { readOnly?: boolean; retryStrategy?: null } = { readOnly: false, retryStrategy: null }
  readonly roles: string[] = []
  readonly(): Promise<void> {
    this.roles.push('readonly')
    return Promise.resolve()
  }
  readwrite(): Promise<void> {
    this.roles.push('readwrite')
    return Promise.resolve()
  }
}

type Nodes = Record<string, FakeClient | undefined>

class FakePool extends EventEmitter {
  readonly nodes: { readonly all: Nodes; readonly master: Nodes; readonly slave: Nodes } = { all: {}, master: {}, slave: {} }

  /** As ioredis 5 does it: the end of a client takes out its node, whoever serves it by then. */
  add(client: FakeClient): void {
    this.nodes.all[KEY] = this.nodes.master[KEY] = client
    client.once('end', () => {
      this.removeNode(KEY)
      this.emit('-node', client, KEY)
    })
  }

  removeNode(key: string): void {
    for (const nodes of Object.values(this.nodes)) Reflect.deleteProperty(nodes, key)
  }
}

class FakeCluster extends EventEmitter {
  readonly isCluster = true
  readonly connectionPool = new FakePool()
  sendCommand(): void {}
  refreshSlotsCache(): void {}
  connect(): void {}
  disconnect(): void {}
}

function scene(): { cluster: HostCluster; pool: FakePool; told: string[]; old: FakeClient; fresh: FakeClient } {
  const fake = new FakeCluster()
  const { connectionPool: pool } = fake
  const [old, fresh] = [new FakeClient(), new FakeClient()]
  pool.add(old)
  const told: string[] = []
  for (const event of ['+node', '-node', 'nodeError', 'drain']) pool.on(event, () => told.push(event))
  return { cluster: asHostCluster(fake), pool, told, old, fresh }
}

const asClient = (client: FakeClient): NodeClient => client as unknown as NodeClient

test('the end of a client that was replaced leaves the node to the next one', () => {
  const { cluster, pool, told, old, fresh } = scene()
  replaceClient(cluster, KEY, asClient(old), asClient(fresh))
  old.emit('end')
  expect(pool.nodes).toEqual({ all: { [KEY]: fresh }, master: { [KEY]: fresh }, slave: {} })
  expect(told).toEqual([])
})

test('the end of the next one takes the node out, as the Cluster does it itself', () => {
  const { cluster, pool, told, old, fresh } = scene()
  replaceClient(cluster, KEY, asClient(old), asClient(fresh))
  fresh.emit('error', new Error('lost'))
  fresh.emit('end')
  expect(pool.nodes.all).toEqual({})
  expect(told).toEqual(['nodeError', '-node', 'drain'])
})

test('who listens to the Cluster is told of the exchange; listeners of a user stay on the old one', () => {
  const { cluster, old, fresh } = scene()
  const told: unknown[] = []
  cluster.on('+node', (client: never) => told.push(['+', client]))
  cluster.on('-node', (client: never) => told.push(['-', client]))
  old.on('end', () => told.push('ended'))
  replaceClient(cluster, KEY, asClient(old), asClient(fresh))
  old.emit('end')
  expect(told).toEqual([['+', fresh], ['-', old], 'ended'])
})

test('a role that changed while the next one connected is told to it', () => {
  const { cluster, pool, old, fresh } = scene()
  pool.nodes.slave[KEY] = old
  Reflect.deleteProperty(pool.nodes.master, KEY)
  old.options.readOnly = true
  replaceClient(cluster, KEY, asClient(old), asClient(fresh))
  expect(fresh.roles).toEqual(['readonly'])
  expect(isReplica(cluster, KEY)).toBe(true)
})

test('a pipeline is written to the client that stands in it', () => {
  const fresh = asClient(new FakeClient())
  const stream = { isPipeline: true, destination: { redis: undefined } }
  redirect(stream, fresh)
  redirect(undefined, fresh)
  expect(stream.destination.redis).toBe(fresh)
})

test('what is no Cluster, or has not what is needed, is refused by name', () => {
  expect(() => asHostCluster({})).toThrow('no Cluster of ioredis')
  const broken = Object.assign(new FakeCluster(), { connectionPool: {}, refreshSlotsCache: undefined })
  expect(() => asHostCluster(broken)).toThrow('refreshSlotsCache, connectionPool.removeNode')
})

test('a Cluster that has taken all nodes out itself is told when the last one has ended', () => {
  const { cluster, pool, told, old, fresh } = scene()
  replaceClient(cluster, KEY, asClient(old), asClient(fresh))
  pool.removeNode(KEY)
  fresh.emit('end')
  expect(told).toEqual(['-node', 'drain'])
})
