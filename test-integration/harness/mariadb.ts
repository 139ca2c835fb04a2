import { type AdminSql, ReopeningAdmin } from './admin-sql.ts'
import { openMariadb } from './mariadb-admin.ts'
import { killConnections, killConnectionsSync, listConnections, type MariadbConnection } from './mariadb-connections.ts'
import { type MariadbOptions, startOwnMariadb } from './mariadb-process.ts'
import { type OwnServer, requireOwn } from './own-server.ts'
import { externalAddress, type ServerAddress, type ShutdownMode } from './server-address.ts'

export type { AdminSql, MariadbConnection, MariadbOptions, ServerAddress, ShutdownMode }

export interface MariadbServer extends ServerAddress {
  readonly host: string
  readonly port: number
  /** Without special rights, so that `maxConnections` binds it; may do all in `database`. */
  readonly user: string
  readonly database: string
  readonly kind: 'system' | 'external'
  readonly version: string
  /** With all rights, unless the server is external; opens again after a restart. */
  readonly admin: AdminSql
  /** The server's own view of its clients, without the harness's connections. */
  connections(): Promise<MariadbConnection[]>
  /** Resolves to the number of connections that it ended. */
  killAll(): Promise<number>
  /** As `killAll`, but this process's event loop has not seen it when it returns. */
  killAllSync(): void
  /** Same port, same data. `whileDown` runs before it comes up again. */
  restart(mode?: ShutdownMode, whileDown?: () => Promise<void>): Promise<void>
  /** Connections stay open, new ones can be made, and nothing answers. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** The server of `MARIADB_URL`, else one of our own. Any option asks for one of our own. */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbServer> {
  const external = externalAddress('MARIADB_URL', options)
  if (external !== undefined) return attachMariadb(external)
  const { address, server } = await startOwnMariadb(options)
  return open(address, server)
}

/** A server that somebody else started: `stop` only lets go of it, and it cannot be restarted. */
export function attachMariadb(address: ServerAddress): Promise<MariadbServer> {
  return open(address, undefined)
}

async function open(address: ServerAddress, own: OwnServer | undefined): Promise<MariadbServer> {
  const admin = new ReopeningAdmin(() => openMariadb(address.adminUrl))
  const [row] = await admin.query<{ version: string }>('select version() as version')
  return new Mariadb(address, own, admin, row?.version.split('-')[0] ?? '')
}

const SHUTDOWN_SIGNALS = { fast: 'SIGTERM', immediate: 'SIGKILL' } as const

class Mariadb implements MariadbServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly url: string
  readonly adminUrl: string
  readonly kind: MariadbServer['kind']
  readonly version: string
  readonly admin: ReopeningAdmin
  readonly #own: OwnServer | undefined

  constructor(address: ServerAddress, own: OwnServer | undefined, admin: ReopeningAdmin, version: string) {
    const { hostname, port, username, pathname } = new URL(address.url)
    this.host = hostname
    this.port = Number(port || 3306)
    this.user = decodeURIComponent(username)
    this.database = decodeURIComponent(pathname.slice(1))
    this.url = address.url
    this.adminUrl = address.adminUrl
    this.kind = own === undefined ? 'external' : 'system'
    this.version = version
    this.admin = admin
    this.#own = own
  }

  connections(): Promise<MariadbConnection[]> {
    return listConnections(this.admin)
  }

  killAll(): Promise<number> {
    return killConnections(this.admin)
  }

  killAllSync(): void {
    killConnectionsSync(this.adminUrl)
  }

  async restart(mode: ShutdownMode = 'fast', whileDown?: () => Promise<void>): Promise<void> {
    const own = requireOwn(this.#own, 'restarted')
    await this.admin.close()
    await own.restart(SHUTDOWN_SIGNALS[mode], whileDown)
    // Takes the place that is kept for the admin before anybody else does.
    await this.admin.query('do 0')
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
