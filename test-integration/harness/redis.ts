import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type OwnServer, requireOwn, startOwnServer } from './own-server.ts'
import { LOOPBACK } from './ports.ts'
import { findProgram } from './programs.ts'
import { HARNESS_NAME, redisCommand } from './redis-command.ts'
import { externalAddress, type ServerAddress, type ShutdownMode } from './server-address.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

export type { ServerAddress, ShutdownMode }

export interface RedisOptions {
  /** As in redis.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface RedisClient {
  readonly id: number
  readonly name: string
  /** `host:port` of its own end. */
  readonly address: string
  /** Its last command. */
  readonly command: string
  /** It is between MULTI and EXEC. */
  readonly isInMulti: boolean
  /** That command waits for something to come, as BLPOP does. */
  readonly isBlocked: boolean
}

export interface RedisServer extends ServerAddress {
  readonly host: string
  readonly port: number
  readonly kind: 'system' | 'external'
  readonly version: string
  /** One command on a connection of its own; answers that are arrays are not understood. */
  command(...command: readonly string[]): Promise<string>
  /** The server's own view of its clients, without the harness's connections. */
  connections(): Promise<RedisClient[]>
  /** Resolves to the number of connections that it ended. */
  killClients(): Promise<number>
  /**
   * Kills those whose names begin so. Returns when the server has let go of them, without one turn of this process's
   * event loop: it still believes in connections whose FIN is in the kernel already.
   */
  killClientsSync(nameStart: string): void
  /** Same port, no data: nothing is kept on disk. `whileDown` runs before it comes up again. */
  restart(mode?: ShutdownMode, whileDown?: () => Promise<void>): Promise<void>
  /** Connections stay open, new ones can be made, and nothing answers. */
  pause(): void
  resume(): void
  /** Down until `restart`. */
  shutDown(mode?: ShutdownMode): Promise<void>
  stop(): Promise<void>
}

/** Valkey is a Redis by another name. */
export const SERVER_NAMES = ['redis-server', 'valkey-server'] as const

/** One of each is needed. */
export const REDIS_PROGRAMS: readonly (readonly string[])[] = [SERVER_NAMES]

/** The server of `REDIS_URL`, else one of our own. Any option asks for one of our own. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const external = externalAddress('REDIS_URL', options)
  if (external !== undefined) return attachRedis(external)
  const file = findProgram(...SERVER_NAMES)
  const folder = makeTemporaryFolder()
  let url = ''
  const own = await startOwnServer(folder, (port) => {
    url = `redis://${LOOPBACK}:${port}`
    const settings = { bind: LOOPBACK, port: String(port), save: '', appendonly: 'no', ...options.settings }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
    const command = { file, args, folder, endSignal: 'SIGKILL' } as const
    return { name: 'Redis', command, ping: () => redisCommand(`redis://${LOOPBACK}:${port}`, 'PING') }
  })
  return open({ url, adminUrl: url }, own)
}

/** A server that somebody else started: `stop` does nothing, and it cannot be restarted. */
export function attachRedis(address: ServerAddress): Promise<RedisServer> {
  return open(address, undefined)
}

async function open(address: ServerAddress, own: OwnServer | undefined): Promise<RedisServer> {
  const info = await redisCommand(address.adminUrl, 'INFO', 'server')
  return new Redis(address, own, /redis_version:(\S+)/.exec(info)?.[1] ?? '')
}

const SHUTDOWN_SIGNALS = { fast: 'SIGTERM', immediate: 'SIGKILL' } as const

class Redis implements RedisServer {
  readonly host: string
  readonly port: number
  readonly url: string
  readonly adminUrl: string
  readonly kind: RedisServer['kind']
  readonly version: string
  readonly #own: OwnServer | undefined

  constructor(address: ServerAddress, own: OwnServer | undefined, version: string) {
    const { hostname, port } = new URL(address.url)
    this.host = hostname
    this.port = Number(port || 6379)
    this.url = address.url
    this.adminUrl = address.adminUrl
    this.kind = own === undefined ? 'external' : 'system'
    this.version = version
    this.#own = own
  }

  command(...command: readonly string[]): Promise<string> {
    return redisCommand(this.adminUrl, ...command)
  }

  async connections(): Promise<RedisClient[]> {
    const clients = (await this.command('CLIENT', 'LIST')).split('\n').filter(Boolean).map(describe)
    return clients.filter(({ name }) => name !== HARNESS_NAME)
  }

  async killClients(): Promise<number> {
    let killed = 0
    for (const { id } of await this.connections()) {
      killed += Number(await this.command('CLIENT', 'KILL', 'ID', String(id)))
    }
    return killed
  }

  killClientsSync(nameStart: string): void {
    const script = fileURLToPath(new URL('kill-redis-now.mjs', import.meta.url))
    execFileSync(process.execPath, [script, this.adminUrl, nameStart], { env: { ...process.env, NODE_OPTIONS: '' } })
  }

  async restart(mode: ShutdownMode = 'fast', whileDown?: () => Promise<void>): Promise<void> {
    await requireOwn(this.#own, 'restarted').restart(SHUTDOWN_SIGNALS[mode], whileDown)
  }

  pause(): void {
    requireOwn(this.#own, 'paused').pause()
  }

  resume(): void {
    requireOwn(this.#own, 'resumed').resume()
  }

  async shutDown(mode: ShutdownMode = 'fast'): Promise<void> {
    await requireOwn(this.#own, 'shut down').end(SHUTDOWN_SIGNALS[mode])
  }

  async stop(): Promise<void> {
    await this.#own?.stop()
  }
}

function describe(line: string): RedisClient {
  const fields = new Map(line.split(' ').map((field) => splitOnce(field, '=')))
  return {
    id: Number(fields.get('id')),
    name: fields.get('name') ?? '',
    address: fields.get('addr') ?? '',
    command: fields.get('cmd') ?? '',
    isInMulti: Number(fields.get('multi') ?? -1) >= 0,
    isBlocked: fields.get('flags')?.includes('b') ?? false,
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return [text.slice(0, at), text.slice(at + 1)]
}
