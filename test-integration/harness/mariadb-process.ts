import { join } from 'node:path'
import { ping } from './admin-sql.ts'
import { openMariadb } from './mariadb-admin.ts'
import { HARNESS_USER } from './mariadb-connections.ts'
import { type OwnServer, startOwnServer } from './own-server.ts'
import { LOOPBACK } from './ports.ts'
import { runToEnd } from './process.ts'
import { findProgram } from './programs.ts'
import type { ServerAddress } from './server-address.ts'
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts'

export interface MariadbOptions {
  /** How many connections the user of `url` may have; default 100, and the server takes no less than 10. */
  readonly maxConnections?: number
  /** Options of mariadbd without their dashes. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface OwnMariadb {
  readonly address: ServerAddress
  readonly server: OwnServer
}

const SERVER_NAMES = ['mariadbd', 'mysqld'] as const
const INSTALLER_NAMES = ['mariadb-install-db', 'mysql_install_db'] as const

/** One of each is needed. */
export const MARIADB_PROGRAMS: readonly (readonly string[])[] = [SERVER_NAMES, INSTALLER_NAMES]

const USER = 'poolkeeper'
const DATABASE = 'poolkeeper'

// Runs at every start.
const INITIAL_SQL = [
  `create database if not exists ${DATABASE}`,
  `create user if not exists ${USER}@'%'`,
  `grant all on ${DATABASE}.* to ${USER}@'%'`,
  `create user if not exists ${HARNESS_USER}@'%'`,
  `grant all on *.* to ${HARNESS_USER}@'%' with grant option`,
]

export async function startOwnMariadb(options: MariadbOptions): Promise<OwnMariadb> {
  const file = findProgram(...SERVER_NAMES)
  const installer = findProgram(...INSTALLER_NAMES)
  const folder = makeTemporaryFolder()
  await createDataFolder(installer, folder)
  let port = 0
  const server = await startOwnServer(folder, (chosen) => {
    port = chosen
    return {
      name: 'MariaDB',
      command: { file, args: serverArguments(folder, port, options), folder, endSignal: 'SIGKILL' },
      ping: () => ping(() => openMariadb(urlOf(HARNESS_USER, chosen))),
    }
  })
  return { address: { url: urlOf(USER, port), adminUrl: urlOf(HARNESS_USER, port) }, server }
}

async function createDataFolder(file: string, folder: TemporaryFolder): Promise<void> {
  const args = [
    '--no-defaults',
    `--datadir=${dataOf(folder)}`,
    '--skip-test-db',
    '--skip-name-resolve',
    '--innodb-log-file-size=4M',
  ]
  try {
    await runToEnd({ file, args, folder })
  } catch (error) {
    await folder.remove()
    throw error
  }
}

function serverArguments(folder: TemporaryFolder, port: number, options: MariadbOptions): string[] {
  const settings: Record<string, string> = {
    datadir: dataOf(folder),
    'bind-address': LOOPBACK,
    port: String(port),
    socket: join(folder.path, 'server.sock'),
    'pid-file': join(folder.path, 'server.pid'),
    'init-file': folder.write('initial.sql', INITIAL_SQL.map((line) => `${line};\n`).join('')),
    // And one for the admin, who is always there; the server keeps another one in reserve.
    'max-connections': String((options.maxConnections ?? 100) + 1),
    'innodb-buffer-pool-size': '16M',
    'innodb-log-file-size': '4M',
    // The data must outlive the server, not the machine.
    'innodb-flush-log-at-trx-commit': '2',
    ...options.settings,
  }
  const given = Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
  return ['--no-defaults', '--skip-name-resolve', ...given]
}

function dataOf(folder: TemporaryFolder): string {
  return join(folder.path, 'data')
}

function urlOf(user: string, port: number): string {
  return `mysql://${user}@${LOOPBACK}:${port}/${DATABASE}`
}
