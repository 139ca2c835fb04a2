import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Harm } from '@poolkeeper/core'
import { Conversation, type ConversationOwner } from './conversation.ts'
import { Dialing } from './dialing.ts'
import type { GateEvents } from './gate-events.ts'
import { cleanStartup, greetingOf } from './messages.ts'
import { OWN_QUESTION } from './postgres-host.ts'
import type { Backend } from './query-class.ts'
import { connectRaw, type Target } from './raw-socket.ts'

/** Makes the startup packet so long that postgres.js sends it at once; taken off before the server sees it. */
export const PAD = 'poolkeeper_pad'

/** A farewell that is not answered by then is not waited for. */
const FAREWELL_MILLIS = 1_000
/** More than it takes: the statements of callers may be of any length. */
const OWN_QUESTION_BYTES = 1_024
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])

type Phase = 'new' | 'starting' | 'open' | 'foreign' | 'ended' | 'closed'

type WriteCallback = (error?: Error | null) => void

/**
 * What postgres.js has in place of a socket: everything goes through unchanged, until somebody asks the
 * connection for a sign of life. Then a Sync goes out in between, its answer is taken out, and what
 * postgres.js wants to send is held back until it is there.
 */
export class Gate extends EventEmitter implements ConversationOwner {
  /** Before 3.4.4, postgres.js makes a new socket for a lost connection only when the old one says so. */
  readonly encrypted = true
  readonly host: string
  readonly port: number
  readonly openedAt: number = performance.now()
  restedAt: number = performance.now()
  /** Somebody has it for himself: nobody else sends anything on it, and it is not asked in between. */
  isReserved = false
  events: GateEvents | undefined
  readonly #conversation = new Conversation(this)
  #held: { bytes: Buffer; callback: WriteCallback | undefined }[] = []
  readonly #target: Target
  /** Until the server has answered. */
  #dialing: Dialing | undefined
  #socket: Socket | undefined
  #phase: Phase = 'new'
  #isProving = false
  #isDoomed = false
  #hasLeft = false
  #error: Error | undefined
  readonly #whenOver = new Set<() => void>()
  #keepAlive: readonly [boolean, number] | undefined

  constructor(target: Target, events: GateEvents | undefined) {
    super()
    this.host = target.host
    this.port = target.port
    this.events = events
    this.#target = target
  }

  /** When the newest attempt to reach the server began; `undefined` once it has answered, or will not. */
  get dialedAt(): number | undefined {
    return this.#socket === undefined ? this.#dialing?.newestStartedAt : undefined
  }

  /** The server is silent: it is called once more, beside the first attempt. */
  dialAgain(): void {
    this.#dialing?.again()
  }

  /** Others were answered who called later. */
  dialAnew(): void {
    this.#dialing?.anew()
  }

  /** The server's number for it. */
  get pid(): number | undefined {
    return this.#conversation.pid
  }

  /** Whether it is the connection that postgres.js knows by these. */
  is({ pid, secret }: Backend): boolean {
    return this.#conversation.pid === pid && this.#conversation.secret === secret
  }

  /** Open, with nothing in flight, in no transaction. */
  get isAtRest(): boolean {
    return this.isOpen && this.#conversation.isAtRest
  }

  get isOpen(): boolean {
    return this.#phase === 'open' && !this.#isDoomed
  }

  get isProbing(): boolean {
    return this.#conversation.isProbing
  }

  get isStarting(): boolean {
    return this.#phase === 'starting'
  }

  get isEnded(): boolean {
    return this.#phase === 'ended' || this.#isDoomed
  }

  /** Nothing more can be asked on it: it is closed, or will be. */
  get isOver(): boolean {
    return this.isEnded || this.#phase === 'closed'
  }

  get isOwed(): boolean {
    return this.#conversation.isOwed
  }

  get transaction(): 'idle' | 'open' | 'failed' {
    return this.#conversation.transaction
  }

  get lastError(): Error | undefined {
    return this.#error
  }

  /** Before postgres.js hears of it. */
  whenOver(act: () => void): void {
    if (this.#phase === 'closed') act()
    else this.#whenOver.add(act)
  }

  get readyState(): string {
    if (this.#phase === 'closed') return 'closed'
    return this.#socket?.readyState ?? 'opening'
  }

  write(given: Uint8Array, callback?: WriteCallback): boolean {
    if (this.#phase === 'closed') return true
    let bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
    if (this.#phase === 'new') {
      const greeted = this.#greet(bytes)
      if (greeted === undefined) return true
      bytes = greeted
    }
    const wasAtRest = this.isAtRest
    if (this.#phase !== 'foreign') this.#conversation.sends(bytes)
    if (wasAtRest && !this.isReserved && !this.isProbing && !this.#isProving && !isOwnQuestion(bytes)) this.#begin()
    const socket = this.#socket
    if (socket === undefined || this.isProbing || this.#isProving) {
      this.#held.push({ bytes, callback })
      return true
    }
    return socket.write(bytes, callback)
  }

  /** Asks the server for a sign of life. Only at rest, or on behalf of what is held back. */
  probe(text: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen || this.isProbing) {
        reject(new Error('the connection cannot be asked now'))
        return
      }
      this.#socket?.write(this.#conversation.probe(text, resolve, reject))
    })
  }

  /** Destroys the socket; who waits for something on it gets the error. */
  kill(error: Error): void {
    if (this.#phase === 'closed') return
    this.#error ??= error
    this.#doom()
    this.#destroy()
  }

  #destroy(): void {
    if (this.#socket !== undefined) this.#socket.destroy()
    else this.#unreached(this.#error ?? new Error('the connection was given up before it was ready'))
  }

  #unreached(error: Error): void {
    this.#dialing?.abandon()
    setImmediate(() => this.#end(this.#error ?? error, true))
  }

  /** Says goodbye on a connection that is at rest, and waits for nothing more. */
  leave(): void {
    this.#doom()
    this.#hasLeft = true
    this.#socket?.end(TERMINATE, () => this.#socket?.destroy())
  }

  /** As sockets do: called by postgres.js, when its connect timeout has passed. */
  destroy(): void {
    // Told before its caller hears of it.
    if (this.isStarting) this.events?.openFailed(this, new Error('no answer within the connect timeout'))
    this.#destroy()
  }

  end(farewell?: Uint8Array): void {
    if (this.#phase === 'closed') return
    this.#phase = 'ended'
    this.#conversation.endProbe(new Error('the connection was ended'))
    this.#farewell(farewell)
  }

  #farewell(bytes: Uint8Array | undefined): void {
    if (this.#socket === undefined) return this.#destroy()
    if (bytes === undefined) this.#socket.end()
    else this.#socket.end(bytes)
    setTimeout(() => this.#socket?.destroy(), FAREWELL_MILLIS).unref()
  }

  setKeepAlive(enable: boolean, delayMillis: number): void {
    this.#keepAlive = [enable, delayMillis]
    this.#socket?.setKeepAlive(enable, delayMillis)
  }

  pause(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  /**
   * postgres.js gives it the next command then. It does so as well when somebody has it for himself, or a transaction is
   * open on it; and a connection whose first command was given up before it was open it forgets, unless it hears this.
   */
  nudge(): void {
    if (this.isAtRest && !this.isReserved && this.#held.length === 0) this.emit('drain')
  }

  /** From now on nothing may be handed to postgres.js that it could give to this connection. */
  #doom(): void {
    if (this.#isDoomed || this.#phase === 'closed') return
    this.#isDoomed = true
    this.events?.doomed(this)
  }

  #greet(bytes: Buffer): Buffer | undefined {
    const greeting = greetingOf(bytes)
    if (greeting === 'tls') {
      const text = 'TLS has to stand in the options that are given to withPoolPolicy(): `ssl` in the URL or in the environment is not seen there'
      this.kill(Object.assign(new Error(text), { code: 'UNSUPPORTED_HOST' }))
      return undefined
    }
    this.#phase = greeting === 'cancel' ? 'foreign' : 'starting'
    if (greeting === 'cancel') {
      connectRaw(this.#target, (error, socket) => (error === undefined ? this.#connected(socket) : this.#unreached(error)))
      return bytes
    }
    this.#conversation.begin()
    this.events?.opening(this)
    this.#dialing = new Dialing(this.#target, cleanStartup(bytes, PAD), {
      answered: (socket, first, startedAt) => {
        this.#connected(socket)
        this.events?.answered(this, startedAt)
        this.#receive(first)
      },
      failed: (error) => this.#unreached(error),
    })
    return undefined
  }

  #connected(socket: Socket): void {
    if (this.#phase === 'closed') return void socket.destroy()
    this.#socket = socket
    this.#dialing = undefined
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.once('end', () => this.#doom())
    socket.on('drain', () => this.nudge())
    socket.on('error', (reason: Error) => (this.#error ??= reason))
    // By then everything that has been written in this turn was handed over, and nothing new is: see `closed`.
    socket.once('close', () => this.#end(this.#error, false))
    if (this.#keepAlive !== undefined) socket.setKeepAlive(...this.#keepAlive)
    this.#release()
  }

  /** The first command after a rest. */
  #begin(): void {
    const { events } = this
    if (events === undefined) return
    events.busy(this)
    if (!events.mustProve(this)) return
    this.#isProving = true
    void events.prove(this).then(() => {
      this.#isProving = false
      this.#release()
    })
  }

  #release(): void {
    if (this.#socket === undefined || this.isProbing || this.#isProving) return
    for (const { bytes, callback } of this.#held.splice(0)) this.#socket.write(bytes, callback)
  }

  #receive(chunk: Buffer): void {
    const wasOpen = this.#phase === 'open'
    const wasAtRest = this.isAtRest
    const passed = this.#phase === 'foreign' ? chunk : this.#conversation.hears(chunk)
    if (!wasOpen && this.isOpen) this.events?.opened(this)
    if (passed.length > 0) this.emit('data', passed)
    if (!wasAtRest && this.isAtRest) {
      this.restedAt = performance.now()
      this.events?.rested(this)
    }
  }

  ready(): void {
    if (this.#phase === 'starting') this.#phase = 'open'
  }

  proven(): void {
    this.#release()
  }

  /**
   * The last word of a server is the error of the socket: handed on as an answer, postgres.js would keep it
   * for the first command of the next connection.
   */
  told(error: Error, harm: Harm, isFatal: boolean): boolean {
    if (this.#phase === 'starting') this.#error = error
    if (this.#phase !== 'open' || harm === 'statement') return true
    this.events?.failed(this, error, harm)
    if (isFatal) this.kill(error)
    return !isFatal
  }

  #end(error: Error | undefined, hadError: boolean): void {
    if (this.#phase === 'closed') return
    const phase = this.#phase
    const isOwed = this.#conversation.isOwed || this.#held.length > 0 || phase === 'new'
    this.#phase = 'closed'
    this.#held = []
    for (const act of this.#whenOver) act()
    this.#whenOver.clear()
    this.#conversation.endProbe(error ?? new Error('the connection was closed'))
    if (phase === 'starting' || phase === 'new') this.events?.openFailed(this, error ?? new Error('the connection was closed before it was ready'))
    const { events } = this
    events?.doomed(this)
    events?.closed(this, phase === 'ended' || this.#hasLeft ? 'ended' : 'died', error)
    // What postgres.js was about to write is written first: it forgets for ever to write on a connection that it loses meanwhile.
    setImmediate(() => {
      if (error !== undefined && isOwed && this.listenerCount('error') > 0) this.emit('error', error)
      this.emit('close', hadError)
      events?.gone(this)
    })
  }
}

/** It is asked of what was just opened, and is nobody's use of it. */
function isOwnQuestion(bytes: Buffer): boolean {
  return bytes.length < OWN_QUESTION_BYTES && bytes.includes(OWN_QUESTION)
}
