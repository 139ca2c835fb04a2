/** https://www.postgresql.org/docs/current/protocol-message-formats.html, as far as it is looked at here. */

/** The bytes that name messages of the server. */
export const FROM_SERVER = { key: 0x4b, readyForQuery: 0x5a, error: 0x45, notice: 0x4e, parameter: 0x53, notification: 0x41 } as const

const HEADER_BYTES = 5
const QUERY = 0x51
const SYNC = 0x53
/** Parse, Bind, Describe, Execute, Close, Flush: the server says nothing final about them before a Sync. */
const UNFINISHED: ReadonlySet<number> = new Set([0x50, 0x42, 0x44, 0x45, 0x43, 0x48])

const STARTUP_CODE = 196_608
const CANCEL_CODE = 80_877_102
const SSL_CODE = 80_877_103
const TLS_HANDSHAKE = 0x16

export const SYNC_MESSAGE: Buffer = Buffer.from([SYNC, 0, 0, 0, 4])
export const SSL_REQUEST: Buffer = (() => {
  const message = Buffer.alloc(8)
  message.writeInt32BE(8, 0)
  message.writeInt32BE(SSL_CODE, 4)
  return message
})()

export function queryMessage(text: string): Buffer {
  const body = Buffer.from(`${text}\0`)
  const message = Buffer.alloc(HEADER_BYTES + body.length)
  message[0] = QUERY
  message.writeInt32BE(4 + body.length, 1)
  body.copy(message, HEADER_BYTES)
  return message
}

/** What the client has asked, and the server has not finished yet. */
export interface Asked {
  /** Answers that end with ReadyForQuery and are still to come. */
  pending: number
  /** Something was sent that only a Sync will end. */
  isUnfinished: boolean
}

/** Follows what a client sends; it sends whole messages. */
export function follow(asked: Asked, bytes: Uint8Array): void {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  while (offset + HEADER_BYTES <= view.length) {
    const type = view[offset] ?? 0
    if (type === QUERY || type === SYNC) {
      asked.pending++
      asked.isUnfinished = false
    } else if (UNFINISHED.has(type)) asked.isUnfinished = true
    offset += 1 + Math.max(4, view.readInt32BE(offset + 1))
  }
}

/** What the first bytes on a connection are for. */
export type Greeting = 'startup' | 'cancel' | 'tls'

export function greetingOf(bytes: Buffer): Greeting {
  if (bytes[0] === TLS_HANDSHAKE || (bytes.length === 8 && bytes.readInt32BE(4) === SSL_CODE)) return 'tls'
  return bytes.length === 16 && bytes.readInt32BE(4) === CANCEL_CODE ? 'cancel' : 'startup'
}

/**
 * The startup packet without one of its parameters, and without what postgres.js had left to say on the connection
 * before: bytes of a command whose caller has long had his error.
 */
export function cleanStartup(bytes: Buffer, parameter: string): Buffer {
  let offset = 0
  while (offset + 8 <= bytes.length && !isStartupAt(bytes, offset)) offset++
  if (offset + 8 > bytes.length) return bytes
  const words = bytes.subarray(offset + 8).toString('utf8').split('\0')
  const kept: string[] = []
  for (let index = 0; index + 1 < words.length && words[index] !== ''; index += 2) {
    if (words[index] !== parameter) kept.push(words[index] ?? '', words[index + 1] ?? '')
  }
  const body = Buffer.from(`${kept.join('\0')}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length, 0)
  head.writeInt32BE(STARTUP_CODE, 4)
  return Buffer.concat([head, body])
}

function isStartupAt(bytes: Buffer, offset: number): boolean {
  return bytes.readInt32BE(offset) === bytes.length - offset && bytes.readInt32BE(offset + 4) === STARTUP_CODE
}

/** https://www.postgresql.org/docs/current/protocol-error-fields.html, by the names that postgres.js gives them. */
const ERROR_FIELDS: Readonly<Record<string, string>> = {
  S: 'severity_local',
  V: 'severity',
  C: 'code',
  M: 'message',
  D: 'detail',
  H: 'hint',
  F: 'file',
  L: 'line',
  R: 'routine',
}

/** The fields of an ErrorResponse. */
export function errorFields(message: Buffer): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {}
  for (const part of message.subarray(HEADER_BYTES).toString('utf8').split('\0')) {
    const name = ERROR_FIELDS[part.charAt(0)]
    if (name !== undefined) fields[name] = part.slice(1)
  }
  return fields
}

/** Whether a whole message is wanted before it goes on. */
export interface MessageReader {
  wants(type: number): boolean
  /** Whether the message goes on to postgres.js. */
  read(type: number, message: Buffer): boolean
}

/** Cuts what the server sends into its messages, and lets those through that its reader does not keep. */
export class ServerMessages {
  readonly #reader: MessageReader
  /** Of the message under way: what was withheld up to now. */
  #withheld: Buffer = Buffer.alloc(0)
  /** Bytes of it that are still to come, and go on without being looked at. */
  #passing = 0

  constructor(reader: MessageReader) {
    this.#reader = reader
  }

  /** What goes on; empty when nothing does. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#withheld.length === 0 ? chunk : Buffer.concat([this.#withheld, chunk])
    const passed: Buffer[] = []
    let from = 0
    let offset = Math.min(this.#passing, bytes.length)
    this.#passing -= offset
    while (offset + HEADER_BYTES <= bytes.length) {
      const type = bytes[offset] ?? 0
      const end = offset + 1 + bytes.readUInt32BE(offset + 1)
      if (!this.#reader.wants(type)) {
        this.#passing = Math.max(0, end - bytes.length)
        offset = Math.min(end, bytes.length)
        continue
      }
      if (end > bytes.length) break
      if (!this.#reader.read(type, bytes.subarray(offset, end))) {
        passed.push(bytes.subarray(from, offset))
        from = end
      }
      offset = end
    }
    this.#withheld = bytes.subarray(offset)
    passed.push(bytes.subarray(from, offset))
    return passed.length === 1 ? (passed[0] ?? bytes) : Buffer.concat(passed)
  }
}
