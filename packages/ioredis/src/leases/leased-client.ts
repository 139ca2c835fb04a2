import type { Redis } from 'ioredis'
import type { HostClient, SentCommand } from '../host/redis-client.ts'
import { connectionLost } from '../lanes/errors.ts'

type Listener = (...args: never[]) => void

/** The client as an emitter of events. */
interface Emitter {
  on(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  prependListener(event: string, listener: Listener): unknown
  prependOnceListener(event: string, listener: Listener): unknown
  removeListener(event: string, listener: Listener): unknown
  removeAllListeners(event?: string): unknown
}

/**
 * A client of the pool in the hands of one holder: all that it is, for as long as he has it. Its connection is never
 * made anew under him, since his WATCH would be lost without a word.
 */
export class LeasedClient {
  /** For its holder: the client itself, but for what is said here. */
  readonly face: Redis
  readonly #client: HostClient
  readonly #pool: string
  readonly #onCommand: (command: SentCommand) => void
  readonly #listeners: [event: string, listener: Listener][] = []
  #isOver = false

  /** @param onCommand - told of each command that the holder sends */
  constructor(client: HostClient, pool: string, onCommand: (command: SentCommand) => void) {
    this.#client = client
    this.#pool = pool
    this.#onCommand = onCommand
    this.face = Object.create(client, {
      ...this.#commands(),
      ...this.#emitter(client as unknown as Emitter),
    }) as Redis
  }

  /** Its holder has given it back: what he still sends is refused, and what he listened to is nobody's any more. */
  end(): void {
    this.#isOver = true
    for (const [event, listener] of this.#listeners) this.#client.removeListener(event, listener as (error?: unknown) => void)
  }

  #commands(): PropertyDescriptorMap {
    const disconnect = (): void => this.#client.disconnect(false)
    return described({
      sendCommand: (command: SentCommand, stream?: object) => this.#send(command, stream),
      connect: () => Promise.reject(this.#lost('is not connected anew under its holder')),
      disconnect,
      end: disconnect,
    })
  }

  #send(command: SentCommand, stream: object | undefined): unknown {
    if (!this.#isOver && this.#client.status === 'ready') {
      this.#onCommand(command)
      return this.#client.sendCommand(command, stream)
    }
    command.reject(this.#lost(this.#isOver ? 'was used after it was given back' : 'was lost under its holder, and with it what he watched'))
    return command.promise
  }

  #lost(what: string): Error {
    return connectionLost(this.#pool, what)
  }

  /** Listeners are the holder's, and go with him; those that the pool has stay. */
  #emitter(emitter: Emitter): PropertyDescriptorMap {
    const add =
      (method: 'on' | 'once' | 'prependListener' | 'prependOnceListener') =>
      (event: string, listener: Listener): Redis => {
        this.#listeners.push([event, listener])
        emitter[method](event, listener)
        return this.face
      }
    const remove = (event: string, listener: Listener): Redis => {
      emitter.removeListener(event, listener)
      return this.face
    }
    const removeAll = (event?: string): Redis => {
      for (const [of, listener] of this.#listeners) if (event === undefined || of === event) emitter.removeListener(of, listener)
      return this.face
    }
    return described({
      on: add('on'),
      addListener: add('on'),
      once: add('once'),
      prependListener: add('prependListener'),
      prependOnceListener: add('prependOnceListener'),
      off: remove,
      removeListener: remove,
      removeAllListeners: removeAll,
    })
  }
}

function described(values: object): PropertyDescriptorMap {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value: value as unknown, configurable: true, writable: true }]))
}
