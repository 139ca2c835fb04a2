import type { Socket } from 'node:net'
import { connectRaw, type Target } from './raw-socket.ts'

/** The first attempt, which may be slow and not lost, and another one beside it. */
const MOST_ATTEMPTS = 2

export interface DialingEvents {
  /** The server has answered the first bytes with these. */
  answered(socket: Socket, first: Buffer, startedAt: number): void
  /** No attempt is left. */
  failed(error: Error): void
}

interface Attempt {
  readonly startedAt: number
  socket: Socket
}

/**
 * Attempts to reach the server for one connection. Until it has answered, nothing of a session is there, and one
 * socket is as good as another: so a silent one need not be waited for as long as postgres.js would.
 */
export class Dialing {
  readonly #target: Target
  readonly #greeting: Buffer
  readonly #events: DialingEvents
  readonly #attempts: Attempt[] = []

  constructor(target: Target, greeting: Buffer, events: DialingEvents) {
    this.#target = target
    this.#greeting = greeting
    this.#events = events
    this.#dial()
  }

  get newestStartedAt(): number {
    return this.#attempts.at(-1)?.startedAt ?? -Infinity
  }

  /** One more, beside the first. */
  again(): void {
    if (this.#attempts.length === MOST_ATTEMPTS) this.#attempts.pop()?.socket.destroy()
    this.#dial()
  }

  /** Nothing is expected of those that are under way. */
  anew(): void {
    this.abandon()
    this.#dial()
  }

  abandon(): void {
    for (const { socket } of this.#attempts.splice(0)) socket.destroy()
  }

  #dial(): void {
    const startedAt = performance.now()
    const lost = (error: Error): void => this.#lost(attempt, error)
    const raw = connectRaw(this.#target, (error, socket) => {
      if (error !== undefined) return lost(error)
      attempt.socket = socket
      const closed = (): void => lost(new Error('the server closed the connection before it was ready'))
      socket.on('error', lost)
      socket.once('close', closed)
      socket.once('data', (first: Buffer) => {
        if (!this.#attempts.includes(attempt)) return
        socket.removeListener('error', lost)
        socket.removeListener('close', closed)
        this.#attempts.splice(this.#attempts.indexOf(attempt), 1)
        this.abandon()
        this.#events.answered(socket, first, startedAt)
      })
      return void socket.write(this.#greeting)
    })
    const attempt: Attempt = { startedAt, socket: raw }
    this.#attempts.push(attempt)
  }

  #lost(attempt: Attempt, error: Error): void {
    const index = this.#attempts.indexOf(attempt)
    if (index < 0) return
    this.#attempts.splice(index, 1)
    attempt.socket.destroy()
    if (this.#attempts.length === 0) this.#events.failed(error)
  }
}
