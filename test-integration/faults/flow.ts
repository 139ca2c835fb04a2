import type { Socket } from 'node:net'
import { Lane, type Pace } from './lane.ts'

const UNPACED: Readonly<Pace> = { delayMillis: 0, bytesPerSecond: false }

/** One TCP connection of a client, and the one to the server that belongs to it. */
export class Flow {
  readonly clientPort: number
  readonly #client: Socket
  readonly #server: Socket | undefined
  readonly #lanes: readonly Lane[]
  #held = true
  #dead = false

  /** Without a server the flow is dead from its first moment: accepted, and never answered. */
  constructor(client: Socket, server: Socket | undefined, pace: Readonly<Pace>) {
    this.clientPort = client.remotePort ?? 0
    this.#client = client
    this.#server = server
    this.#lanes = server === undefined ? [] : [new Lane(client, server, UNPACED), new Lane(server, client, pace)]
    this.#watchClient()
    server?.unref().setNoDelay(true)
    server?.on('error', () => this.#resetUnlessDead(client))
    if (server === undefined) this.kill()
  }

  /** Whether the client still has this connection, as far as the network can tell. */
  get heldByClient(): boolean {
    return this.#held
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Whether neither side has a socket left. */
  get over(): boolean {
    return this.#client.closed && (this.#server?.closed ?? true)
  }

  /** Nothing passes any more, in either direction, neither data nor the end of it. */
  kill(): void {
    this.#dead = true
    for (const lane of this.#lanes) lane.kill()
    this.#client.resume()
  }

  /** Both sides get a RST. */
  reset(): void {
    for (const lane of this.#lanes) lane.discard()
    this.#client.resetAndDestroy()
    this.#server?.resetAndDestroy()
  }

  pump(): void {
    if (!this.#dead) for (const lane of this.#lanes) lane.pump()
  }

  onClose(listener: () => void): void {
    this.#client.on('close', listener)
    this.#server?.on('close', listener)
  }

  #watchClient(): void {
    const client = this.#client
    client.unref().setNoDelay(true)
    client.on('end', () => this.#letGo())
    client.on('close', () => this.#letGo())
    client.on('error', () => {
      if (this.#server !== undefined) this.#resetUnlessDead(this.#server)
    })
  }

  #letGo(): void {
    this.#held = false
  }

  #resetUnlessDead(other: Socket): void {
    if (!this.#dead) other.resetAndDestroy()
  }
}
