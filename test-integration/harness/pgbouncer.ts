import { ping } from './admin-sql.ts'
import { startOwnServer } from './own-server.ts'
import { LOOPBACK } from './ports.ts'
import type { PostgresServer } from './postgres.ts'
import { openPostgres } from './postgres-admin.ts'
import { findProgram } from './programs.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

export interface PgbouncerOptions {
  readonly target: PostgresServer
  readonly poolMode: 'session' | 'transaction' | 'statement'
  /** As in the section `[pgbouncer]` of pgbouncer.ini. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface PgbouncerServer {
  readonly host: string
  readonly port: number
  readonly url: string
  stop(): Promise<void>
}

const SERVER_NAMES = ['pgbouncer'] as const

/** One of each is needed. */
export const PGBOUNCER_PROGRAMS: readonly (readonly string[])[] = [SERVER_NAMES]

/** A PgBouncer that trusts everybody, in front of one database. */
export async function startPgbouncer(options: PgbouncerOptions): Promise<PgbouncerServer> {
  const file = findProgram(...SERVER_NAMES)
  const folder = makeTemporaryFolder()
  const { user, database } = options.target
  let port = 0
  const urlOf = (): string => `postgres://${user}@${LOOPBACK}:${port}/${database}`
  const own = await startOwnServer(folder, (chosen) => {
    port = chosen
    const url = urlOf()
    const args = [folder.write('pgbouncer.ini', configuration(options, chosen))]
    const command = { file, args, folder, endSignal: 'SIGKILL' } as const
    return { name: 'PgBouncer', command, ping: () => ping(() => openPostgres(url)) }
  })
  return { host: LOOPBACK, port, url: urlOf(), stop: () => own.stop() }
}

function configuration({ target, poolMode, settings }: PgbouncerOptions, port: number): string {
  const { username, password } = new URL(target.url)
  const login = { user: decodeURIComponent(username), password: decodeURIComponent(password) }
  const upstream = { host: target.host, port: target.port, dbname: target.database, ...login }
  const own = {
    listen_addr: LOOPBACK,
    listen_port: port,
    unix_socket_dir: '',
    // Every client is let in, and goes on as the user that is named above.
    auth_type: 'any',
    pool_mode: poolMode,
    ignore_startup_parameters: 'extra_float_digits',
    ...settings,
  }
  return ['[databases]', `${target.database} = ${quoted(upstream)}`, '[pgbouncer]', ...lines(own)].join('\n')
}

function quoted(values: Readonly<Record<string, string | number>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== '')
  return given.map(([name, value]) => `${name}='${String(value).replaceAll("'", "''")}'`).join(' ')
}

function lines(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).map(([name, value]) => `${name} = ${value}`)
}
