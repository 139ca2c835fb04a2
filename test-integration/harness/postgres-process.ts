import { writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOOPBACK } from './ports.ts';
import { PostgresAdmin, pingPostgres } from './postgres-admin.ts';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { runToEnd, ServerProcess } from './process.ts';
import { onFreePort, untilReady } from './readiness.ts';
import { makeTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

export interface PostgresOptions {
  /** How many connections the user of `url` may have; default 100. */
  readonly maxConnections?: number;
  /** As in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly prefer?: 'embedded' | 'system';
}

export type ShutdownMode = 'fast' | 'immediate';

const USER = 'poolkeeper';
const DATABASE = 'poolkeeper';
const SUPERUSER = 'postgres';
const RESERVED_CONNECTIONS = 5;
const SHUTDOWN_SIGNALS: Readonly<Record<ShutdownMode, NodeJS.Signals>> = {
  fast: 'SIGINT',
  immediate: 'SIGQUIT',
};

// Trust for all but the members of this role, for tests of wrong and changed passwords.
const PASSWORD_ROLE = 'needs_password';

/** A server in a temporary folder, on one port for its whole life. */
export class OwnPostgres {
  readonly url: string;
  readonly adminUrl: string;
  readonly kind: PostgresBinaries['kind'];
  readonly #binaries: PostgresBinaries;
  readonly #folder: TemporaryFolder;
  readonly #args: readonly string[];
  #process: ServerProcess | undefined;

  constructor(binaries: PostgresBinaries, folder: TemporaryFolder, port: number, options: PostgresOptions) {
    this.url = urlOf(USER, port, DATABASE);
    this.adminUrl = urlOf(SUPERUSER, port, DATABASE);
    this.kind = binaries.kind;
    this.#binaries = binaries;
    this.#folder = folder;
    this.#args = serverArguments(folder, port, options);
  }

  async start(readyUrl: string = this.adminUrl): Promise<void> {
    const server = new ServerProcess({
      file: this.#binaries.postgres,
      args: this.#args,
      env: this.#binaries.env,
      folder: this.#folder,
      endSignal: 'SIGQUIT',
    });
    this.#process = server;
    await untilReady('PostgreSQL', server, () => pingPostgres(readyUrl));
  }

  async shutDown(mode: ShutdownMode): Promise<void> {
    await this.#process?.end(SHUTDOWN_SIGNALS[mode]);
  }

  pause(): void {
    this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }

  async stop(): Promise<void> {
    await this.#process?.end();
    await this.#folder.remove();
  }
}

export async function startOwnPostgres(options: PostgresOptions): Promise<OwnPostgres> {
  const folder = makeTemporaryFolder();
  try {
    const binaries = findPostgresBinaries(folder, options.prefer ?? 'system');
    await createCluster(binaries, folder);
    return await onFreePort((port) => startNew(binaries, folder, port, options));
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

async function startNew(
  binaries: PostgresBinaries,
  folder: TemporaryFolder,
  port: number,
  options: PostgresOptions,
): Promise<OwnPostgres> {
  const server = new OwnPostgres(binaries, folder, port, options);
  const maintenanceUrl = urlOf(SUPERUSER, port, 'postgres');
  try {
    await server.start(maintenanceUrl);
    await createUserAndDatabase(maintenanceUrl);
  } catch (error) {
    await server.shutDown('immediate');
    throw error;
  }
  return server;
}

async function createCluster(binaries: PostgresBinaries, folder: TemporaryFolder): Promise<void> {
  const data = dataOf(folder);
  const args = `-D ${data} -U ${SUPERUSER} -A trust --locale=C -E UTF8 --no-sync --no-instructions`;
  await runToEnd({ file: binaries.initdb, args: args.split(' '), env: binaries.env, folder });
  const access = join(data, 'pg_hba.conf');
  const rule = `host all +${PASSWORD_ROLE} all scram-sha-256\n`;
  await writeFile(access, rule + (await readFile(access, 'utf8')));
}

async function createUserAndDatabase(url: string): Promise<void> {
  const admin = new PostgresAdmin(url);
  try {
    await admin.query(`create role ${PASSWORD_ROLE} nologin`);
    await admin.query(`create role ${USER} login createdb`);
    await admin.query(`create database ${DATABASE} owner ${USER}`);
  } finally {
    await admin.close();
  }
}

function serverArguments(folder: TemporaryFolder, port: number, options: PostgresOptions): string[] {
  const settings: Record<string, string> = {
    listen_addresses: LOOPBACK,
    port: String(port),
    unix_socket_directories: '',
    max_connections: String((options.maxConnections ?? 100) + RESERVED_CONNECTIONS),
    superuser_reserved_connections: String(RESERVED_CONNECTIONS),
    shared_buffers: '16MB',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ...options.settings,
  };
  const given = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', dataOf(folder), ...given];
}

function dataOf(folder: TemporaryFolder): string {
  return join(folder.path, 'data');
}

function urlOf(user: string, port: number, database: string): string {
  return `postgres://${user}@${LOOPBACK}:${port}/${database}`;
}
