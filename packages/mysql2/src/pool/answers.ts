import type { LendingEvents, TransactionStatus } from '@poolkeeper/core'
import { mysql2Driver } from '@poolkeeper/drivers'
import type { Mysql2Command, Mysql2Packet, PoolConnection } from './mysql2-pool.ts'

/** https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_response_packets.html */
const OK = 0x00
const EOF = 0xfe
const ERROR = 0xff
const EOF_PACKET_BYTES = 9
const IN_TRANSACTION = 0x0001

/** ER_LOCK_DEADLOCK: the server has rolled the transaction back. */
const DEADLOCK = 1213

/**
 * Reads what the server says at the end of every answer: that it is there, what is wrong, and
 * whether the session is in a transaction. mysql2 hands most of it to nobody; it is all in packets
 * that arrive in any case.
 */
export class Answers {
  readonly #events: LendingEvents<PoolConnection>
  readonly #inTransaction = new Set<PoolConnection>()

  constructor(events: LendingEvents<PoolConnection>) {
    this.#events = events
  }

  transactionStatus(connection: PoolConnection): TransactionStatus {
    // Asked at every return, and hardly ever is anything in it.
    return this.#inTransaction.size > 0 && this.#inTransaction.has(connection) ? 'open' : 'idle'
  }

  /** The connection is gone. */
  forget(connection: PoolConnection): void {
    this.#inTransaction.delete(connection)
  }

  /** A command was given to the connection, which may have others to do first. */
  asked(connection: PoolConnection, { sql }: Mysql2Command): void {
    if (sql !== undefined && this.#events.wantsStatements) this.#events.asked(connection, sql)
  }

  /** Between the parser and the command: before the command, which may give the connection back at once. */
  read(connection: PoolConnection, packet: Mysql2Packet): void {
    const { _command: command } = connection
    if (command === undefined || command === null) return
    const marker = packet.buffer[packet.offset]
    if (marker === EOF) this.#readEof(connection, command, packet)
    else if (marker === ERROR) this.#readError(connection, packet)
    // Rows may begin with this byte as well.
    else if (marker === OK && isHeader(command)) this.#answered(connection, okStatus(packet))
  }

  #readEof(connection: PoolConnection, command: Mysql2Command, { buffer, start, end, offset }: Mysql2Packet): void {
    if (end - start !== EOF_PACKET_BYTES || command.next === command.fieldsEOF) return
    this.#answered(connection, buffer.readUInt16LE(offset + 3))
  }

  #readError(connection: PoolConnection, packet: Mysql2Packet): void {
    const { offset } = packet
    const error = packet.asError(connection.clientEncoding)
    packet.offset = offset
    if ((error as { errno?: unknown }).errno === DEADLOCK) this.#inTransaction.delete(connection)
    this.#events.failed(connection, error, mysql2Driver.harmOf(error))
  }

  #answered(connection: PoolConnection, status: number): void {
    if ((status & IN_TRANSACTION) === 0) this.#inTransaction.delete(connection)
    else this.#inTransaction.add(connection)
    this.#events.answered(connection)
  }
}

function isHeader({ next, resultsetHeader }: Mysql2Command): boolean {
  return next !== undefined && next === resultsetHeader
}

/** Behind two numbers of variable length: rows affected, and the last id. */
function okStatus({ buffer, offset }: Mysql2Packet): number {
  const afterRows = skipNumber(buffer, offset + 1)
  return buffer.readUInt16LE(skipNumber(buffer, afterRows))
}

/** The first byte is the number, or says how many bytes of it follow. */
const BYTES_OF_NUMBER: Readonly<Record<number, number>> = { 0xfc: 3, 0xfd: 4, 0xfe: 9 }

function skipNumber(buffer: Buffer, at: number): number {
  return at + (BYTES_OF_NUMBER[buffer[at] ?? 0] ?? 1)
}
