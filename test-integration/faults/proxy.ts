import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort, LOOPBACK } from '../harness/ports.ts'
import { Flow } from './flow.ts'
import type { Pace } from './lane.ts'

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number }
}

export interface FlowFilter {
  /** Only the flows from these local ports of the client; default all. */
  readonly clientPorts?: readonly number[]
}

export interface BlackholeOptions extends FlowFilter {
  /** Also swallow connections made from now on, until `heal()`. */
  readonly newConnections?: boolean
}

/** A TCP proxy that breaks the network on demand. Flows start healthy. */
export interface FaultProxy {
  readonly host: string
  readonly port: number
  /** Connections that clients hold, those that are blackholed included. */
  readonly openConnections: number
  /** The client's local port of each of them, oldest first. */
  readonly clientPorts: readonly number[]
  /** Resets existing flows, except those that are blackholed; new ones work. */
  cut(filter?: FlowFilter): void
  /**
   * Existing flows go silent in both directions, for ever: what is sent is swallowed, and their end
   * is told to nobody. New connections work, unless `newConnections` is set: then they are accepted
   * and swallowed as well. `heal()` ends this for new connections only.
   */
  blackhole(options?: BlackholeOptions): void
  /** What the server sends arrives so much later, in order, on all flows; 0 is off. */
  delay(millis: number): void
  /** What the server sends trickles at this rate on each flow; `false` is off. */
  throttle(bytesPerSecond: number | false): void
  /** New connections are reset at once; existing ones go on. */
  refuse(): void
  /** New connections go there from now on, as behind an address that a failover moves. */
  redirect(target: FaultProxyOptions['target']): void
  /** Ends `delay`, `throttle`, `refuse` and the swallowing of new connections. */
  heal(): void
  /** Resets everything that is left and stops listening. */
  close(): Promise<void>
}

type Welcome = 'forward' | 'refuse' | 'swallow'

class TcpFaultProxy implements FaultProxy {
  readonly host: string = LOOPBACK
  readonly port: number
  #target: FaultProxyOptions['target']
  readonly #listener: Server
  readonly #flows = new Set<Flow>()
  readonly #pace: Pace = { delayMillis: 0, bytesPerSecond: false }
  #welcome: Welcome = 'forward'

  constructor(target: FaultProxyOptions['target'], port: number) {
    this.#target = target
    this.port = port
    // Without half-open sockets Node would answer a FIN by itself, behind a blackhole too.
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#receive(client))
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once('error', reject)
      this.#listener.listen(this.port, this.host, resolve)
    })
    this.#listener.unref()
  }

  get openConnections(): number {
    return this.clientPorts.length
  }

  get clientPorts(): readonly number[] {
    return [...this.#flows].filter((flow) => flow.heldByClient).map((flow) => flow.clientPort)
  }

  cut(filter: FlowFilter = {}): void {
    for (const flow of this.#select(filter)) if (!flow.dead) flow.reset()
  }

  blackhole(options: BlackholeOptions = {}): void {
    for (const flow of this.#select(options)) flow.kill()
    if (options.newConnections === true) this.#welcome = 'swallow'
  }

  delay(millis: number): void {
    this.#pace.delayMillis = millis
    this.#pump()
  }

  throttle(bytesPerSecond: number | false): void {
    this.#pace.bytesPerSecond = bytesPerSecond
    this.#pump()
  }

  refuse(): void {
    this.#welcome = 'refuse'
  }

  redirect(target: FaultProxyOptions['target']): void {
    this.#target = target
  }

  heal(): void {
    this.#welcome = 'forward'
    this.#pace.delayMillis = 0
    this.#pace.bytesPerSecond = false
    this.#pump()
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()))
    this.#listener.ref()
    for (const flow of this.#flows) flow.reset()
    await closed
  }

  #receive(client: Socket): void {
    if (this.#welcome === 'refuse') {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const server = this.#welcome === 'swallow' ? undefined : this.#reachServer()
    const flow = new Flow(client, server, this.#pace)
    this.#flows.add(flow)
    flow.onClose(() => {
      if (flow.over) this.#flows.delete(flow)
    })
  }

  #reachServer(): Socket {
    return connect({ ...this.#target, allowHalfOpen: true })
  }

  #select(filter: FlowFilter): Flow[] {
    const { clientPorts } = filter
    return [...this.#flows].filter((flow) => clientPorts?.includes(flow.clientPort) ?? true)
  }

  #pump(): void {
    for (const flow of this.#flows) flow.pump()
  }
}

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const proxy = new TcpFaultProxy(options.target, await freePort())
  await proxy.listen()
  return proxy
}
