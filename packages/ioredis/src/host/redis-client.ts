import type { PoolCredentials } from '@poolkeeper/core'
import { REDIS_MEMBER_OPTIONS, redisDriver, type RedisConnection } from '@poolkeeper/drivers'
import { Redis, type RedisOptions } from 'ioredis'

/** A command of ioredis, on its way. */
export interface SentCommand {
  readonly name: string
  readonly args: readonly unknown[]
  readonly promise: Promise<unknown>
  /** It has its answer, which was no error. */
  readonly isResolved?: boolean
  reject(error: Error): void
}

/** A pipeline or transaction of ioredis: what it holds, and the client that it will be sent on. */
export interface SentPipeline {
  redis: object
  readonly _queue: readonly SentCommand[]
  /** How many `multi()` are open in it. */
  readonly _transactions: number
  exec(callback?: unknown): unknown
}

interface Socket {
  readonly writable: boolean
  cork(): void
  uncork(): void
  prependListener(event: 'close', listener: () => void): unknown
}

/** What ioredis keeps to itself: everything that is not in its own documentation is used in this file and the façade alone. */
export interface HostClient extends RedisConnection {
  readonly options: RedisOptions
  readonly commandQueue: { readonly length: number; toArray(): { readonly command: SentCommand }[] }
  readonly stream: NonNullable<RedisConnection['stream']> & Socket
  /** Of the connection that it has. */
  readonly condition: { readonly select: number } | null
  /** What `defineCommand` and `addBuiltinCommand` put on it. */
  readonly scriptsSet: Readonly<Record<string, { readonly lua: string; readonly numberOfKeys?: number | null; readonly readOnly?: boolean }>>
  defineCommand(name: string, definition: { lua: string; numberOfKeys?: number; readOnly?: boolean }): void
  sendCommand: (command: SentCommand, stream?: object) => unknown
  connect(): Promise<void>
}

/** Makes a client that is to be a member of the pool; it connects when `openMember` says so, or by itself. */
export type MakeMember = () => HostClient

export function hostClient(client: Redis): HostClient {
  return client as unknown as HostClient
}

/** Members with the options of a client, as `duplicate()` makes them. */
export function membersLike(options: RedisOptions): MakeMember {
  return () => newClient({ ...options, ...REDIS_MEMBER_OPTIONS })
}

/** ioredis tells by the types of its options how replies are mapped; here that is the caller's matter. */
export function newClient(options: RedisOptions, url?: string): HostClient {
  const given = options as RedisOptions & { replyMapping?: 'legacy' }
  return hostClient(url === undefined ? new Redis(given) : new Redis(url, given))
}

/** Members of the user's own making. ioredis looks at these options when it needs them, not before. */
export function membersOf(factory: () => Redis): MakeMember {
  return () => {
    const client = hostClient(factory())
    Object.assign(client.options, REDIS_MEMBER_OPTIONS)
    return client
  }
}

/** Whether something can be written to it now. */
export function isWritable(client: HostClient): boolean {
  return client.status === 'ready' && client.stream.writable
}

/** An attempt to connect. */
export interface OpeningMember {
  /** Rejects with what the server or the socket said. */
  readonly ready: Promise<HostClient>
  /** Gives it up: its socket is gone at once. */
  abandon(error: Error): void
}

/**
 * Connects, logs in, and waits until the server has loaded its data. The deadline is the caller's.
 *
 * @param credentials - in place of what the options say
 */
export function openMember(make: MakeMember, credentials?: PoolCredentials): OpeningMember {
  const client = make()
  if (credentials !== undefined) logInWith(client.options, credentials)
  let abandon = (_error: Error): void => {}
  const ready = new Promise<HostClient>((resolve, reject) => {
    // ioredis rejects with "Connection is closed", and tells the reason as an event before that.
    let reason: Error | undefined
    const onError = (error?: unknown): void => void (reason = error instanceof Error ? error : new Error(String(error)))
    const settle = (act: () => void) => (): void => {
      client.removeListener('ready', onReady)
      client.removeListener('close', onClose)
      client.removeListener('end', onClose)
      act()
    }
    const onReady = settle(() => {
      client.removeListener('error', onError)
      // Some versions say so of a connection whose login was refused, and which they have begun to close.
      if (isWritable(client)) return resolve(client)
      redisDriver.destroy(client)
      reject(reason ?? new Error('the connection was closed as soon as it was ready'))
    })
    const onClose = settle(() => reject(reason ?? new Error('the server closed the connection before it was ready')))
    abandon = (error) => {
      reason = error
      redisDriver.destroy(client)
      onClose()
    }
    client.on('error', onError)
    client.on('ready', onReady)
    client.on('close', onClose)
    client.on('end', onClose)
    if (client.status === 'wait') client.connect().catch(() => {})
    else if (client.status === 'ready') onReady()
    else if (redisDriver.isBroken(client)) onClose()
  })
  return { ready, abandon }
}

/** ioredis looks at these options when it connects, not before. */
function logInWith(options: RedisOptions, { password, user }: PoolCredentials): void {
  options.password = password
  if (user !== undefined) options.username = user
}

/** Ends the connection at once; each command that waits for an answer on it gets this error. */
export function killMember(client: HostClient, error: Error): void {
  for (const { command } of client.commandQueue.toArray()) command.reject(error)
  redisDriver.destroy(client)
}

/** Defines on one client the scripts that were defined on another. */
export function copyScripts(from: HostClient, to: HostClient): void {
  for (const [name, { lua, numberOfKeys, readOnly }] of Object.entries(from.scriptsSet)) {
    if (to.scriptsSet[name]?.lua === lua) continue
    to.defineCommand(name, { lua, ...(typeof numberOfKeys === 'number' && { numberOfKeys }), ...(readOnly === true && { readOnly }) })
  }
}
