import type { Harm, LendingEvents } from '@poolkeeper/core'
import { describe, expect, test } from 'vitest'
import { Answers } from './answers.ts'
import type { Mysql2Command, Mysql2Packet, PoolConnection } from './mysql2-pool.ts'

const IN_TRANSACTION = 1
const AUTOCOMMIT = 2

const header = (): void => {}
const fieldsEOF = (): void => {}
const row = (): void => {}
const COMMAND = { sql: 'select 1', resultsetHeader: header, fieldsEOF }
const atHeader: Mysql2Command = { ...COMMAND, next: header }
const atRow: Mysql2Command = { ...COMMAND, next: row }
const atFieldsEnd: Mysql2Command = { ...COMMAND, next: fieldsEOF }

function packet(body: readonly number[], error?: Error): Mysql2Packet {
  const buffer = Buffer.from([body.length, 0, 0, 1, ...body])
  const made: Mysql2Packet = {
    buffer,
    start: 0,
    end: buffer.length,
    offset: 4,
    asError() {
      made.offset = buffer.length
      return error ?? new Error('none')
    },
  }
  return made
}

const ok = (status: number, rows: readonly number[] = [0]): Mysql2Packet => packet([0, ...rows, 0, status, 0, 0, 0])
const eof = (status: number): Mysql2Packet => packet([0xfe, 0, 0, status, 0])
const refusal = (errno: number): Mysql2Packet =>
  packet([0xff, 0, 0], Object.assign(new Error('refused'), { errno, sqlState: 'HY000' }))

function setUp(): { answers: Answers; told: string[]; read: (command: Mysql2Command | null, packet: Mysql2Packet) => string } {
  const told: string[] = []
  const events = {
    wantsStatements: true,
    asked: (_: object, text: string) => told.push(`asked ${text}`),
    answered: () => told.push('answered'),
    failed: (_: object, __: unknown, harm: Harm) => told.push(`failed ${harm}`),
  }
  const answers = new Answers(events as unknown as LendingEvents<PoolConnection>)
  const connection = { _command: null } as unknown as { _command: Mysql2Command | null } & PoolConnection
  const read = (command: Mysql2Command | null, given: Mysql2Packet): string => {
    connection._command = command
    answers.read(connection, given)
    return answers.transactionStatus(connection)
  }
  return { answers, told, read }
}

describe('the transaction that a session is in', () => {
  test('is none before anything was said', () => {
    const { answers } = setUp()
    expect(answers.transactionStatus({} as PoolConnection)).toBe('idle')
  })

  test('is told by the end of every answer, with rows and without', () => {
    const { read } = setUp()
    expect(read(atHeader, ok(IN_TRANSACTION))).toBe('open')
    expect(read(atRow, eof(IN_TRANSACTION | AUTOCOMMIT))).toBe('open')
    expect(read(atRow, eof(AUTOCOMMIT))).toBe('idle')
  })

  test.each([
    { rows: [250], bytes: 'one byte' },
    { rows: [0xfc, 1, 2], bytes: 'two bytes' },
    { rows: [0xfd, 1, 2, 3], bytes: 'three bytes' },
    { rows: [0xfe, 1, 2, 3, 4, 5, 6, 7, 8], bytes: 'eight bytes' },
  ])('is found behind a number of rows of $bytes', ({ rows }) => {
    const { read } = setUp()
    expect(read(atHeader, ok(IN_TRANSACTION, rows))).toBe('open')
  })

  test('is not told by a row, whatever byte it begins with', () => {
    const { read, told } = setUp()
    expect(read(atRow, packet([0, 1, 1, 1, 1, 1]))).toBe('idle')
    expect(read(atRow, packet([0xfe, 1, 1, 1, 1, 1, 1, 1]))).toBe('idle')
    expect(told).toEqual([])
  })

  test('stays after an error, but for a deadlock, at which the server rolls back', () => {
    const { read } = setUp()
    read(atHeader, ok(IN_TRANSACTION))
    expect(read(atHeader, refusal(1146))).toBe('open')
    expect(read(atHeader, refusal(1213))).toBe('idle')
  })

  test('is forgotten with the connection', () => {
    const { answers, read } = setUp()
    read(atHeader, ok(IN_TRANSACTION))
    expect(answers.transactionStatus({} as PoolConnection)).toBe('idle')
  })
})

describe('what the keeper is told', () => {
  test('is one answer for a statement, not one for the end of its columns', () => {
    const { read, told } = setUp()
    read(atFieldsEnd, eof(0))
    expect(told).toEqual([])
    read(atRow, eof(0))
    expect(told).toEqual(['answered'])
  })

  test('is how much an error harms, and the packet is left as it was found', () => {
    const { read, told } = setUp()
    const [missing, readOnly] = [refusal(1146), refusal(1836)]
    read(atHeader, missing)
    read(atHeader, readOnly)
    expect(told).toEqual(['failed statement', 'failed server'])
    expect([missing.offset, readOnly.offset]).toEqual([4, 4])
  })

  test('is nothing of what belongs to no statement', () => {
    const { read, told } = setUp()
    read(null, refusal(4031))
    expect(told).toEqual([])
  })

  test('is each statement as it is given, if it wants to know', () => {
    const { answers, told } = setUp()
    answers.asked({} as PoolConnection, atHeader)
    answers.asked({} as PoolConnection, { next: header })
    expect(told).toEqual(['asked select 1'])
  })
})
