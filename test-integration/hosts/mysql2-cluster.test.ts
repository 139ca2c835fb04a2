import { promisify } from 'node:util'
import { applyPoolPolicy, type ClusterKeeper, keeperOf, type PoolEvent, type PoolPolicyOptions } from '@poolkeeper/mysql2'
import { createPoolCluster, type PoolCluster, type PoolClusterOptions, type PoolConnection, type PoolOptions } from 'mysql2'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startFaultProxy } from '../faults/proxy.ts'
import { requireServer } from '../harness/require-server.ts'

const address = requireServer('mariadb')

/** Made anew each time: mysql2 writes what it reads in the URL into the object. */
const nodeAt = (uri: string): PoolOptions => ({ uri, connectionLimit: 1 })
const node = (): PoolOptions => nodeAt(address.url)

interface KeptCluster {
  readonly cluster: PoolCluster
  readonly keeper: ClusterKeeper
  acquire(pattern: string): Promise<PoolConnection>
}

function kept(policy: PoolPolicyOptions = {}, options: PoolClusterOptions = {}): KeptCluster {
  const cluster = createPoolCluster(options)
  onTestFinished(() => promisify(cluster.end).call(cluster))
  const keeper = applyPoolPolicy(cluster, { drainTimeoutMillis: 300, ...policy })
  const acquire = (pattern: string): Promise<PoolConnection> =>
    new Promise((resolve, reject) => {
      cluster.getConnection(pattern, (error, connection) => (error === null ? resolve(connection) : reject(error)))
    })
  return { cluster, keeper, acquire }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

address.describe('A PoolCluster of mysql2', () => {
  test('has a keeper for each node, those that are added later included', async () => {
    const { cluster, keeper, acquire } = kept({ name: 'shop' })
    cluster.add('PRIMARY', node())
    cluster.add('REPLICA', node())
    ;(await acquire('PRIMARY')).release()
    expect([...keeper.nodes.keys()]).toEqual(['PRIMARY', 'REPLICA'])
    expect(keeper.nodes.get('PRIMARY')?.name).toBe('shop PRIMARY')
    expect(keeper.stats()).toMatchObject({ name: 'shop', max: 2, idle: 1, acquires: { ok: 1 } })
    expect(keeperOf(cluster)).toBe(keeper)
  })

  test('tells the events of all nodes to who subscribed before they were there, until he leaves', async () => {
    const { cluster, keeper, acquire } = kept()
    const heard: string[] = []
    const leave = keeper.subscribe((event: PoolEvent) => heard.push(`${event.pool}: ${event.type}`))
    cluster.add('LATE', node())
    ;(await acquire('LATE')).release()
    leave()
    ;(await acquire('LATE')).release()
    expect(heard).toEqual(['opened', 'acquired', 'released'].map((type) => `mysql2 cluster LATE: ${type}`))
  })

  test('does not give up a node that is busy, and does not send its callers to wait elsewhere', async () => {
    const { cluster, keeper, acquire } = kept({ acquireTimeoutMillis: 100, validationTimeoutMillis: 50 }, { removeNodeErrorCount: 1 })
    const gone: unknown[] = []
    cluster.on('remove', (id) => gone.push(id))
    cluster.add('BUSY', node())
    const held = await acquire('BUSY')
    for (let time = 0; time < 3; time++) expect(await failureOf(acquire('BUSY'))).toMatchObject({ code: 'POOL_EXHAUSTED' })
    expect(gone).toEqual([])
    expect(keeper.stats().acquires).toMatchObject({ ok: 1, timedOut: 3 })
    held.release()
    ;(await acquire('BUSY')).release()
  })

  test('still gives up a node to which connecting fails, and serves its callers from another', async () => {
    const proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: Number(new URL(address.url).port) } })
    onTestFinished(() => proxy.close())
    proxy.refuse()
    const broken = new URL(address.url)
    broken.port = String(proxy.port)
    const { cluster, keeper, acquire } = kept({}, { removeNodeErrorCount: 1, defaultSelector: 'ORDER' })
    const gone: unknown[] = []
    cluster.on('remove', (id) => gone.push(id))
    cluster.add('A', nodeAt(broken.href))
    cluster.add('B', node())
    ;(await acquire('*')).release()
    expect(gone).toEqual(['A'])
    await vi.waitFor(() => expect([...keeper.nodes.keys()]).toEqual(['B']))
  })

  test('P-137: takes a node at its word that it is read-only, heard on a lease, and leaves the others alone', async () => {
    const { cluster, keeper, acquire } = kept()
    cluster.add('A', node())
    cluster.add('B', node())
    ;(await acquire('B')).release()
    const writer = await acquire('A')
    const refusal = "signal sqlstate 'HY000' set mysql_errno = 1290, message_text = 'read-only'"
    const heard = new Promise<unknown>((resolve) => writer.execute(refusal, resolve))
    expect(await heard).toMatchObject({ errno: 1290 })
    writer.release()
    await vi.waitFor(() => expect(keeper.nodes.get('A')?.stats()).toMatchObject({ generation: 1, closes: { fatal: 1 } }))
    expect(keeper.nodes.get('B')?.stats()).toMatchObject({ generation: 0, idle: 1 })
  })

  test('is operated as one: sizes, pauses, health', async () => {
    const { cluster, keeper, acquire } = kept()
    cluster.add('A', node())
    cluster.add('B', node())
    await keeper.resize({ max: 3 })
    keeper.reconfigure({ maxLifetimeMillis: 5_000, keepaliveMillis: false })
    cluster.add('C', { ...node(), connectionLimit: 2 })
    expect([...keeper.nodes.values()].map(({ policy }) => [policy.max, policy.maxLifetimeMillis])).toEqual([[3, 5_000], [3, 5_000], [3, 5_000]])
    expect(keeper.health().status).toBe('up')
    keeper.pause({ waiters: 'fail' })
    expect(await failureOf(acquire('A'))).toMatchObject({ code: 'PAUSED' })
    expect(keeper.health()).toMatchObject({ status: 'down', reasons: ['A: the pool is paused', 'B: the pool is paused', 'C: the pool is paused'] })
    keeper.resume()
    ;(await acquire('A')).release()
    await expect(keeper.resize({ min: 5 })).rejects.toMatchObject({ code: 'INVALID_POLICY' })
    expect(keeper.stats().min).toBe(0)
  })

  test('ends by drain and by its own end(), with what is in use closed at the deadline', async () => {
    const { cluster, keeper, acquire } = kept()
    cluster.add('A', node())
    cluster.add('B', node())
    await acquire('A')
    ;(await acquire('B')).release()
    const report = await keeper.drain({ timeoutMillis: 100 })
    expect(report).toMatchObject({ clean: false, blockers: [{ connection: 1 }] })
    expect(await failureOf(acquire('B'))).toMatchObject({ message: 'Pool is closed.', cause: { code: 'DRAINING' } })
    expect(keeper.drain()).toBe(keeper.drain())
  })

  test('is given back as it was found', async () => {
    const { cluster, keeper, acquire } = kept()
    cluster.add('A', node())
    ;(await acquire('A')).release()
    keeper.detach()
    cluster.add('B', node())
    ;(await acquire('A')).release()
    ;(await acquire('B')).release()
    expect(() => keeperOf(cluster)).toThrow(expect.objectContaining({ code: 'NOT_APPLIED' }))
    expect(Object.keys(cluster)).not.toContain('add')
  })
})
