import { EventEmitter } from 'node:events'
import { type PoolPolicyOptions, resolvePolicy, SharedKeeper } from '@poolkeeper/core'
import { VirtualClock } from '@poolkeeper/core/testing'
import { describe, expect, test } from 'vitest'
import type { SentCommand } from '../host/redis-client.ts'
import { ClusterNode } from './cluster-node.ts'
import { clusterSettings } from './cluster-settings.ts'
import type { HostCluster, NodeClient } from './host-cluster.ts'

interface FakeCommand extends SentCommand {
  outcome: string
  resolve(): void
}

function command(name: string): FakeCommand {
  const made = { name, args: [], outcome: 'waits', isResolved: false } as unknown as FakeCommand & { promise: Promise<void> }
  made.promise = new Promise((resolve, reject) => {
    Object.assign(made, { resolve, reject })
  })
  made.promise.then(
    () => (made.outcome = 'answered'),
    (error: Error) => (made.outcome = error.message),
  )
  return made
}

class Queue extends Array<{ command: FakeCommand; stream?: object }> {
  toArray(): this {
    return this
  }
}

interface Network {
  isHeard: boolean
  readonly clock: VirtualClock
}

/** A client of ioredis, as far as a node sees it; its server answers while it `isHeard`. */
class FakeClient extends EventEmitter {
  status = 'wait'
  readonly options = {}
  readonly commandQueue = new Queue()
  readonly offlineQueue = new Queue()
  readonly stream = Object.assign(new EventEmitter(), { writable: true, destroy: () => this.disconnect() })
  readonly sent: string[] = []
  readonly #network: Network

  constructor(network: Network) {
    super()
    this.#network = network
  }

  sendCommand(sent: FakeCommand): unknown {
    if (this.status === 'wait') void this.connect()
    if (this.status !== 'ready') return this.offlineQueue.push({ command: sent })
    this.sent.push(sent.name)
    this.commandQueue.push({ command: sent })
    if (this.#network.isHeard && sent.name !== 'blpop') queueMicrotask(() => this.answer())
    return sent.promise
  }

  ping(callback: (error: unknown) => void): void {
    const ping = command('ping')
    ping.promise.then(() => callback(null), callback)
    this.sendCommand(ping)
  }

  connect(): Promise<void> {
    this.status = 'connecting'
    this.emit('connecting')
    if (this.#network.isHeard) this.open()
    return Promise.resolve()
  }

  open(): void {
    this.status = 'ready'
    this.emit('ready')
    for (const { command: queued } of this.offlineQueue.splice(0)) this.sendCommand(queued)
  }

  answer(): void {
    const next = this.commandQueue.shift()
    next?.command.resolve()
    this.stream.emit('data')
  }

  disconnect(): void {
    this.#network.clock.arrival(1, () => this.close())
  }

  close(): void {
    if (this.status === 'end') return
    this.status = 'end'
    for (const { command: owed } of this.commandQueue.splice(0)) owed.reject(new Error('Connection is closed.'))
    this.emit('close')
  }
}

interface Scene {
  readonly clock: VirtualClock
  readonly keeper: SharedKeeper<never>
  readonly clients: FakeClient[]
  readonly network: Network
  readonly troubles: () => number
  send(name: string): FakeCommand
}

/** A node whose connection was used once, and rests since. */
async function scene(policy: PoolPolicyOptions = {}): Promise<Scene> {
  const clock = new VirtualClock()
  const network: Network = { isHeard: true, clock }
  const clients = [new FakeClient(network)]
  let current = clients[0] as FakeClient
  let troubles = 0
  const resolved = resolvePolicy({ validationTimeoutMillis: 1_000, ...policy }, clusterSettings({ options: {} } as HostCluster))
  const node = new ClusterNode(resolved, {
    clock,
    clientLike() {
      const made = new FakeClient(network)
      clients.push(made)
      return made as unknown as NodeClient
    },
    replace: (_old, fresh) => void (current = fresh as unknown as FakeClient),
    troubled: () => void troubles++,
    isEnding: () => false,
  })
  const keeper = new SharedKeeper(node, resolved, { clock, draw: () => 0.5 })
  node.attach(keeper)
  node.attend(clients[0] as unknown as NodeClient)
  const send = (name: string): FakeCommand => {
    const made = command(name)
    void current.sendCommand(made)
    return made
  }
  send('get')
  await clock.advance(2_000)
  return { clock, keeper: keeper as unknown as SharedKeeper<never>, clients, network, troubles: () => troubles, send }
}

describe('a node of a Cluster', () => {
  test('is asked for a sign of life before a command goes out on what has rested', async () => {
    const { clients, clock, send } = await scene()
    const got = send('get')
    await clock.advance(10)
    expect(clients[0]?.sent).toEqual(['get', 'ping', 'get'])
    expect(got.outcome).toBe('answered')
  })

  test('that stays silent then is given another connection, and the command goes out on that, once', async () => {
    const { clients, clock, keeper, network, send } = await scene()
    network.isHeard = false
    const got = send('set')
    await clock.advance(50)
    network.isHeard = true
    await clock.advance(1_500)
    expect(got.outcome).toBe('answered')
    expect(clients.flatMap(({ sent }) => sent).filter((name) => name === 'set')).toHaveLength(1)
    expect(clients[0]?.status).toBe('end')
    expect(keeper.stats().closes).toMatchObject({ invalid: 1 })
  })

  test('silent under commands in flight, it is left, those that come wait, and the Cluster asks who serves', async () => {
    const { clients, clock, network, send, troubles } = await scene({ validateAfterIdleMillis: false })
    network.isHeard = false
    const owed = send('get')
    await clock.advance(700)
    const held = send('set')
    expect(troubles()).toBeGreaterThan(0)
    expect(clients[0]?.sent).toEqual(['get', 'get'])
    network.isHeard = true
    await clock.advance(3_000)
    expect(held.outcome).toBe('answered')
    expect(owed.outcome).toBe('Connection is closed.')
  })

  test('is not suspected for a blocking command, however long that takes', async () => {
    const { clients, clock, send, troubles } = await scene({ validateAfterIdleMillis: false })
    const job = send('blpop')
    await clock.advance(20_000)
    expect([job.outcome, troubles(), clients.length]).toEqual(['waits', 0, 1])
  })

  test('at the end of its life it is replaced by a connection that has come before', async () => {
    const { clients, clock, keeper, send } = await scene({ maxLifetimeMillis: 10_000 })
    for (let second = 0; second < 12; second++) {
      expect(send('get').outcome).toBe('waits')
      await clock.advance(1_000)
    }
    expect(clients.map(({ status }) => status)).toEqual(['end', 'ready'])
    expect(keeper.stats()).toMatchObject({ opens: { ok: 2 }, closes: { maxLifetime: 1 }, idle: 1 })
  })

  test('detached, its client is as it was found', async () => {
    const { clients, clock, keeper, send } = await scene()
    const own = Object.hasOwn(clients[0] as FakeClient, 'sendCommand')
    keeper.detach()
    const got = send('get')
    await clock.advance(1)
    expect([own, Object.hasOwn(clients[0] as FakeClient, 'sendCommand'), got.outcome]).toEqual([true, false, 'answered'])
    expect(clients[0]?.listenerCount('ready')).toBe(0)
  })
})
