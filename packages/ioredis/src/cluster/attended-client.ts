import { Overrides } from '@poolkeeper/core'
import { redisDriver } from '@poolkeeper/drivers'
import type { SentCommand } from '../host/redis-client.ts'
import type { Lane } from '../lanes/lane.ts'
import type { NodeClient } from './host-cluster.ts'

/** What is told of the connection of a client, as it comes and goes. */
export interface ClientEvents {
  /** Somebody gives it a command; the client's own handshake comes this way as well. */
  command(attended: AttendedClient, command: SentCommand, stream: object | undefined): unknown
  connecting(attended: AttendedClient): void
  ready(attended: AttendedClient): void
  /** It said something. */
  heard(attended: AttendedClient): void
  /** The server answered with an error. */
  failed(attended: AttendedClient, error: unknown): void
  closed(attended: AttendedClient, error: unknown): void
}

/** One client of a node, from when the Cluster has it until it is given back as it was. */
export class AttendedClient {
  readonly client: NodeClient
  /** Its connection, while it has one. */
  lane: Lane | undefined
  /** The number of the attempt to connect that is under way. */
  attempt: number | undefined
  /** The client, past us: what is sent to it goes out at once and alone, whatever waits. */
  readonly direct: NodeClient
  readonly #send: NodeClient['sendCommand']
  readonly #events: ClientEvents
  readonly #overrides: Overrides<NodeClient>
  #unlisten: (() => void) | undefined
  #lastError: unknown

  constructor(client: NodeClient, events: ClientEvents) {
    this.client = client
    this.#events = events
    this.#send = client.sendCommand
    this.#overrides = new Overrides(client)
    this.#overrides.set('sendCommand', (command, stream) => events.command(this, command, stream))
    this.#on('connecting', () => events.connecting(this))
    this.#on('ready', () => this.#ready())
    this.#on('error', (error) => void (this.#lastError = error))
    this.#on('close', () => this.#closed())
    // A check that were gathered into a pipeline with others would wait with them.
    const options = { ...client.options, enableAutoPipelining: false }
    const sendCommand: NodeClient['sendCommand'] = (command, stream) => this.send(command, stream)
    this.direct = Object.create(client, { options: { value: options }, sendCommand: { value: sendCommand } }) as NodeClient
  }

  /** Takes note of what it does already. */
  begin(): void {
    const { status } = this.client
    if (status === 'ready') this.#ready()
    else if (status === 'connecting' || status === 'connect') this.#events.connecting(this)
  }

  /** Resolves when it is connected; one that is not is told to. Rejects with the failure. */
  async connected(): Promise<void> {
    const { client } = this
    if (client.status === 'wait') return client.connect()
    if (client.status === 'ready') return
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void) => (): void => {
        client.removeListener('ready', onReady)
        client.removeListener('close', onClose)
        act()
      }
      const onReady = settle(resolve)
      const onClose = settle(() => reject(new Error('the connection was closed before it was ready')))
      client.on('ready', onReady)
      client.on('close', onClose)
    })
  }

  send(command: SentCommand, stream: object | undefined): unknown {
    return this.#send.call(this.client, command, stream)
  }

  /** Its socket is gone at once. What was sent on it gets ioredis's own error. */
  destroy(): void {
    redisDriver.destroy(this.client)
  }

  /** The client is as it was found. */
  release(): void {
    this.#unlisten?.()
    this.#overrides.undo()
  }

  #on(event: string, listener: (error?: unknown) => void): void {
    this.client.on(event, listener)
    this.#overrides.onUndo(() => this.client.removeListener(event, listener))
  }

  #ready(): void {
    this.#unlisten = redisDriver.listen?.(this.client, {
      answered: () => this.#events.heard(this),
      failed: (error) => this.#events.failed(this, error),
    })
    this.#events.ready(this)
  }

  #closed(): void {
    this.#unlisten?.()
    this.#unlisten = undefined
    this.#events.closed(this, this.#lastError ?? new Error('the connection was closed by the other side'))
    this.#lastError = undefined
  }
}
