import { Socket } from 'node:net';
import { Client } from 'pg';

/** The name of the harness's own connections: no filter ever counts or ends them. */
export const HARNESS_NAME = 'poolkeeper-harness';

/** SQL over a direct connection of its own. */
export interface AdminSql {
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
}

/** Opens at its first query, and again after its connection was lost; keeps no process alive. */
export class PostgresAdmin implements AdminSql {
  readonly #url: string;
  #connection: Promise<Connection> | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    const connection = await (this.#connection ??= this.#open());
    return await connection.query<Row>(sql, params);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then((opened) => opened.close());
  }

  #open(): Promise<Connection> {
    const opening = Connection.open(this.#url);
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = undefined;
    };
    opening.then(({ client }) => client.on('end', forget), forget);
    return opening;
  }
}

/** Resolves when the server answers. */
export async function pingPostgres(url: string): Promise<void> {
  const connection = await Connection.open(url);
  await connection.close();
}

class Connection {
  readonly client: Client;
  readonly #socket = new Socket();
  #queries = 0;

  constructor(url: string) {
    this.client = new Client({
      connectionString: url,
      application_name: HARNESS_NAME,
      connectionTimeoutMillis: 2_000,
      stream: () => this.#socket,
    });
    // A lost connection is told by the next query; without a listener it would end the process.
    this.client.on('error', () => {});
  }

  static async open(url: string): Promise<Connection> {
    const connection = new Connection(url);
    await connection.client.connect();
    connection.#settle();
    return connection;
  }

  async query<Row extends object>(sql: string, params: readonly unknown[]): Promise<Row[]> {
    this.#queries += 1;
    this.#settle();
    try {
      return (await this.client.query<Row>(sql, [...params])).rows;
    } finally {
      this.#queries -= 1;
      this.#settle();
    }
  }

  async close(): Promise<void> {
    this.#socket.ref();
    await this.client.end();
  }

  // Only a query in flight is worth keeping the process alive.
  #settle(): void {
    if (this.#queries > 0) this.#socket.ref();
    else this.#socket.unref();
  }
}
