import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ping, ReopeningAdmin } from './admin-sql.ts'
import { type OwnServer, startOwnServer } from './own-server.ts'
import { LOOPBACK } from './ports.ts'
import { openPostgres } from './postgres-admin.ts'
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'
import { runToEnd } from './process.ts'
import type { ServerAddress } from './server-address.ts'
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

export interface PostgresOptions {
  /** How many connections the user of `url` may have; default 100. */
  readonly maxConnections?: number
  /** As in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
  readonly prefer?: 'embedded' | 'system'
}

export interface OwnPostgres {
  readonly address: ServerAddress
  readonly kind: PostgresBinaries['kind']
  readonly server: OwnServer
  readonly folder: TemporaryFolder
  readonly options: PostgresOptions
}

const USER = 'poolkeeper'
const DATABASE = 'poolkeeper'
const SUPERUSER = 'postgres'
const RESERVED_CONNECTIONS = 5

// Everybody is trusted but the members of this role, for tests of wrong and changed passwords.
const PASSWORD_ROLE = 'needs_password'

export async function startOwnPostgres(options: PostgresOptions): Promise<OwnPostgres> {
  const folder = makeTemporaryFolder()
  const binaries = await prepare(folder, options, createCluster)
  const own = await startOn(folder, binaries, options)
  await createUserAndDatabase(urlOf(SUPERUSER, portOf(own), 'postgres'))
  return own
}

/** Begins as a copy of the primary's files, for which the primary is down for a moment, and follows it from there. */
export async function startOwnStandby(primary: OwnPostgres): Promise<OwnPostgres> {
  const folder = makeTemporaryFolder()
  const { kind, options } = primary
  const source = dataOf(primary.folder)
  const copyCluster = async (): Promise<void> => {
    await primary.server.restart('SIGINT', () => runToEnd({ file: 'cp', args: ['-a', source, folder.path], folder }))
    folder.write('data/standby.signal', '')
  }
  const binaries = await prepare(folder, { prefer: kind }, copyCluster)
  const origin = `host=${LOOPBACK} port=${portOf(primary)} user=${SUPERUSER}`
  return startOn(folder, binaries, { ...options, settings: { ...options.settings, primary_conninfo: origin } })
}

async function startOn(folder: TemporaryFolder, binaries: PostgresBinaries, options: PostgresOptions): Promise<OwnPostgres> {
  let port = 0
  const server = await startOwnServer(folder, (chosen) => {
    port = chosen
    return {
      name: 'PostgreSQL',
      command: {
        file: binaries.postgres,
        args: serverArguments(folder, port, options),
        env: binaries.env,
        folder,
        endSignal: 'SIGQUIT',
      },
      ping: () => ping(() => openPostgres(urlOf(SUPERUSER, chosen, 'postgres'))),
    }
  })
  const address = { url: urlOf(USER, port, DATABASE), adminUrl: urlOf(SUPERUSER, port, DATABASE) }
  return { address, kind: binaries.kind, server, folder, options }
}

type Creation = (binaries: PostgresBinaries, folder: TemporaryFolder) => Promise<void>

async function prepare(folder: TemporaryFolder, options: PostgresOptions, create: Creation): Promise<PostgresBinaries> {
  try {
    const binaries = findPostgresBinaries(folder, options.prefer ?? 'system')
    await create(binaries, folder)
    return binaries
  } catch (error) {
    await folder.remove()
    throw error
  }
}

async function createCluster(binaries: PostgresBinaries, folder: TemporaryFolder): Promise<void> {
  const data = dataOf(folder)
  const args = `-D ${data} -U ${SUPERUSER} -A trust --locale=C -E UTF8 --no-sync --no-instructions`
  await runToEnd({ file: binaries.initdb, args: args.split(' '), env: binaries.env, folder })
  const access = join(data, 'pg_hba.conf')
  const rule = `host all +${PASSWORD_ROLE} all scram-sha-256\n`
  await writeFile(access, rule + (await readFile(access, 'utf8')))
}

async function createUserAndDatabase(url: string): Promise<void> {
  const admin = new ReopeningAdmin(() => openPostgres(url))
  await admin.query(`create role ${PASSWORD_ROLE} nologin`)
  await admin.query(`create role ${USER} login createdb`)
  await admin.query(`create database ${DATABASE} owner ${USER}`)
  await admin.close()
}

function serverArguments(folder: TemporaryFolder, port: number, options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: LOOPBACK,
    port: String(port),
    unix_socket_directories: '',
    // And one for the admin, who is always there.
    max_connections: String((options.maxConnections ?? 100) + 1 + RESERVED_CONNECTIONS),
    superuser_reserved_connections: String(RESERVED_CONNECTIONS),
    shared_buffers: '16MB',
    // The data must outlive the server, not the machine.
    fsync: 'off',
    full_page_writes: 'off',
    ...options.settings,
  }
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', dataOf(folder), ...given]
}

function dataOf(folder: TemporaryFolder): string {
  return join(folder.path, 'data')
}

function portOf({ address }: OwnPostgres): number {
  return Number(new URL(address.url).port)
}

function urlOf(user: string, port: number, database: string): string {
  return `postgres://${user}@${LOOPBACK}:${port}/${database}`
}
