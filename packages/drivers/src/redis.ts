import type { Driver } from './driver.ts'
import { isRedisAnswer, redisHarmOf, redisRefusalOf } from './redis-errors.ts'
import { asError } from './socket-errors.ts'

type Callback = (error: unknown, reply?: unknown) => void

interface Stream {
  destroy(): void
  once(event: 'close', listener: () => void): unknown
  on(event: 'data', listener: () => void): unknown
  removeListener(event: 'data', listener: () => void): unknown
  readonly destroyed?: boolean
  readonly closed?: boolean
  readonly bytesWritten?: number
}

/** The part of an ioredis client that is used here; declared so that ioredis is not a dependency. */
export interface RedisConnection {
  readonly status: string
  /** Missing until it connects. */
  readonly stream?: Stream | null
  /** What was sent and not answered yet. */
  readonly commandQueue?: { readonly length: number }
  readonly options: object
  ping(callback: Callback): unknown
  call(command: string, args: string[], callback: Callback): unknown
  disconnect(reconnect?: boolean): void
  /** Where ioredis takes every error that the server answers with, before the caller hears of it. */
  handleReconnection?(error: Error, item: never): void
  on(event: string, listener: (error?: unknown) => void): unknown
  removeListener(event: string, listener: (error?: unknown) => void): unknown
}

/**
 * What makes a client of ioredis a member of a pool: it fails and is replaced. Left to itself, ioredis connects
 * again and sends once more what may have been executed already (an INCR counts twice), with its WATCH lost.
 *
 * All of them together: without `autoResendUnfulfilledCommands` alone, what was in flight is never answered.
 */
export const REDIS_MEMBER_OPTIONS = {
  lazyConnect: true,
  retryStrategy: null,
  reconnectOnError: null,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
} as const

const ALIVE: ReadonlySet<string> = new Set(['connecting', 'connect', 'ready', 'monitoring'])

export const redisDriver: Driver<RedisConnection> = {
  wire: 'redis',

  validate: (client, text) =>
    new Promise((resolve, reject) => {
      const onAnswer: Callback = (error) => {
        if (error === undefined || error === null || isRedisAnswer(error)) resolve()
        else reject(asError(error))
      }
      const [command, ...args] = text?.trim().split(/\s+/) ?? []
      if (command === undefined) client.ping(onAnswer)
      else client.call(command, args, onAnswer)
    }),

  isWritable: (client) =>
    new Promise((resolve, reject) => {
      client.call('role', [], (error, reply) => {
        if (error !== undefined && error !== null) reject(asError(error))
        else resolve(Array.isArray(reply) && String(reply[0]) === 'master')
      })
    }),

  reauthenticate: (client, { password, user }) =>
    new Promise((resolve, reject) => {
      client.call('auth', user === undefined ? [password] : [user, password], (error) => {
        if (error !== undefined && error !== null) reject(asError(error))
        else resolve()
      })
    }),

  isBroken: ({ status, stream }) => !ALIVE.has(status) || stream?.destroyed === true,

  isBusy: ({ commandQueue }) => (commandQueue === undefined ? undefined : commandQueue.length > 0),

  destroy(client) {
    // Whoever listened may be gone by now; ioredis prints an error that nobody listens to.
    client.on('error', () => {})
    // Only says goodbye, which a half-open peer never hears: ioredis destroys the socket 2 s later.
    client.disconnect(false)
    client.stream?.destroy()
  },

  whenClosed: ({ stream }) =>
    new Promise((resolve) => {
      if (stream === undefined || stream === null || stream.closed === true) resolve()
      else stream.once('close', () => resolve())
    }),

  harmOf: redisHarmOf,

  refusalOf: redisRefusalOf,

  watch(client, onDeath) {
    // An error is told first, and says why; only what follows it says that the connection is lost.
    let lastError: unknown
    let isTold = false
    const onError = (error?: unknown): void => void (lastError = error)
    const onEnd = (): void => {
      if (isTold) return
      isTold = true
      onDeath(lastError ?? new Error('the connection was closed by the other side'))
    }
    client.on('error', onError)
    client.on('close', onEnd)
    client.on('end', onEnd)
    return () => {
      client.removeListener('error', onError)
      client.removeListener('close', onEnd)
      client.removeListener('end', onEnd)
    }
  },

  listen(client, { answered, failed }) {
    const { stream, handleReconnection } = client
    stream?.on('data', answered)
    if (handleReconnection !== undefined) {
      client.handleReconnection = function (error, item) {
        failed(error)
        handleReconnection.call(client, error, item)
      }
    }
    return () => {
      stream?.removeListener('data', answered)
      // Its own is the prototype's.
      if (handleReconnection !== undefined) delete client.handleReconnection
    }
  },

  bytesWritten: ({ stream }) => stream?.bytesWritten,
}
