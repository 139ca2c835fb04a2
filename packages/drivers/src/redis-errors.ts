import type { ConnectRefusal, Harm } from '@poolkeeper/core'
import { isSocketError } from './socket-errors.ts'

/** The first word of an error that Redis answers with. */
const WORD = /^-?([A-Z]+)(?= |$)/

/** The server is on its way up or down, or has changed its role: its other connections are in doubt as well. */
const SERVER_GOES_AWAY: ReadonlySet<string> = new Set(['READONLY', 'LOADING', 'CLUSTERDOWN', 'MASTERDOWN'])
/** A primary that becomes a replica sends blocked clients away with these words. */
const ROLE_CHANGED_TEXT = /^UNBLOCKED .*instance state changed/
/** This connection is nobody's any more: its user was changed under it. */
const CONNECTION_LOST: ReadonlySet<string> = new Set(['NOAUTH'])
const BAD_CREDENTIALS: ReadonlySet<string> = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM'])

/** What ioredis itself says of a connection that is lost, without a code. */
const LOST_TEXT =
  /^Connection is closed|^Command aborted due to connection close|^Stream isn't writeable|^Socket timeout|^Reached the max retries per request limit/
/** The password of servers before 6, and a database that does not exist. */
const REFUSED_TEXT = /^ERR (invalid password|AUTH |Client sent AUTH|DB index is out of range|invalid DB index)/
const FULL_TEXT = /^ERR max number of clients/

export function redisHarmOf(error: unknown): Harm {
  const text = textOf(error)
  const word = wordOf(text)
  if (SERVER_GOES_AWAY.has(word) || ROLE_CHANGED_TEXT.test(text)) return 'server'
  if (CONNECTION_LOST.has(word) || isSocketError(error)) return 'connection'
  return LOST_TEXT.test(text) ? 'connection' : 'statement'
}

export function redisRefusalOf(error: unknown): ConnectRefusal | undefined {
  const text = textOf(error)
  if (FULL_TEXT.test(text)) return 'full'
  return BAD_CREDENTIALS.has(wordOf(text)) || REFUSED_TEXT.test(text) ? 'credentials' : undefined
}

/** An error about the command is an answer too; what the server says begins with a word in capitals. */
export function isRedisAnswer(error: unknown): boolean {
  return wordOf(textOf(error)) !== '' && redisHarmOf(error) === 'statement'
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}

function wordOf(text: string): string {
  return WORD.exec(text)?.[1] ?? ''
}
