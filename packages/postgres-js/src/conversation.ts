import { type Harm } from '@poolkeeper/core'
import { pgDriver } from '@poolkeeper/drivers'
import { type Asked, errorFields, follow, FROM_SERVER, type MessageReader, queryMessage, ServerMessages, SYNC_MESSAGE } from './messages.ts'

const REST = 'I'.charCodeAt(0)
const FAILED = 'E'.charCodeAt(0)
/** What the server may send of its own accord, between the answers. */
const UNASKED: ReadonlySet<number> = new Set([FROM_SERVER.notice, FROM_SERVER.parameter, FROM_SERVER.notification])

/** Who has the socket. */
export interface ConversationOwner {
  /** The server takes commands from now on. */
  ready(): void
  /** The sign of life is there. */
  proven(): void
  /** The server tells an error; whether postgres.js is to hear of it. */
  told(error: Error, harm: Harm, isFatal: boolean): boolean
}

interface Probe {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** What was asked on one connection and what is still owed, with the questions that we ask in between. */
export class Conversation implements MessageReader {
  /** The server's number for the connection, and what it wants to hear with a cancel. */
  pid: number | undefined
  secret: number | undefined
  readonly #owner: ConversationOwner
  readonly #asked: Asked = { pending: 0, isUnfinished: false }
  readonly #messages = new ServerMessages(this)
  #isReady = false
  #status = REST
  #probe: Probe | undefined

  constructor(owner: ConversationOwner) {
    this.#owner = owner
  }

  /** The startup packet goes out; it ends as commands do. */
  begin(): void {
    this.#asked.pending = 1
  }

  /** Nothing in flight, in no transaction. */
  get isAtRest(): boolean {
    return this.#isReady && !this.isOwed && this.#status === REST
  }

  /** As the last answer said. */
  get transaction(): 'idle' | 'open' | 'failed' {
    if (this.#status === REST) return 'idle'
    return this.#status === FAILED ? 'failed' : 'open'
  }

  /** Something is in flight, whatever the transaction. */
  get isOwed(): boolean {
    return this.#asked.pending > 0 || this.#asked.isUnfinished
  }

  get isProbing(): boolean {
    return this.#probe !== undefined
  }

  sends(bytes: Uint8Array): void {
    follow(this.#asked, bytes)
  }

  /** What of it postgres.js is to have. */
  hears(chunk: Buffer): Buffer {
    return this.#messages.push(chunk)
  }

  /** What to send, in between, for a sign of life. */
  probe(text: string | undefined, resolve: () => void, reject: (error: Error) => void): Buffer {
    this.#probe = { resolve, reject }
    return text === undefined ? SYNC_MESSAGE : queryMessage(text)
  }

  /** There will be no sign of life. */
  endProbe(error: Error): void {
    this.#probe?.reject(error)
    this.#probe = undefined
  }

  wants(type: number): boolean {
    if (type === FROM_SERVER.readyForQuery || (type === FROM_SERVER.key && !this.#isReady)) return true
    return type === FROM_SERVER.error || (this.#probe !== undefined && !UNASKED.has(type))
  }

  read(type: number, message: Buffer): boolean {
    if (type === FROM_SERVER.error && !this.#isForPostgres(message)) return false
    if (type === FROM_SERVER.key && this.#probe === undefined) {
      this.pid = message.readUInt32BE(5)
      this.secret = message.readUInt32BE(9)
    }
    if (type !== FROM_SERVER.readyForQuery) return this.#probe === undefined
    return this.#answered(message[5] ?? REST)
  }

  #answered(status: number): boolean {
    const probe = this.#probe
    if (probe !== undefined) {
      this.#probe = undefined
      probe.resolve()
      this.#owner.proven()
      return false
    }
    this.#asked.pending--
    this.#status = status
    if (!this.#isReady) {
      this.#isReady = true
      this.#owner.ready()
    }
    return true
  }

  #isForPostgres(message: Buffer): boolean {
    const fields = errorFields(message)
    const error = Object.assign(new Error(fields['message']), { ...fields, name: 'PostgresError' })
    const isFatal = fields['severity'] === 'FATAL' || fields['severity'] === 'PANIC'
    return this.#owner.told(error, pgDriver.harmOf(error), isFatal)
  }
}
