import type { Socket } from 'node:net'

/** SQL over a direct connection of its own, which goes through no proxy. */
export interface AdminSql {
  query<Row extends object = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

export interface AdminConnection {
  readonly socket: Socket
  query(sql: string, params: readonly unknown[]): Promise<object[]>
  close(): Promise<void>
}

/** Opens at its first query, and again after its connection was lost. */
export class ReopeningAdmin implements AdminSql {
  readonly #open: () => Promise<AdminConnection>
  #connection: Promise<AdminConnection> | undefined
  #queries = 0

  constructor(open: () => Promise<AdminConnection>) {
    this.#open = open
  }

  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<Row[]> {
    const connection = await (this.#connection ??= this.#reopen())
    this.#queries += 1
    connection.socket.ref()
    try {
      return (await connection.query(sql, params)) as Row[]
    } finally {
      this.#queries -= 1
      // Only a query in flight is worth keeping the process alive.
      if (this.#queries === 0) connection.socket.unref()
    }
  }

  async close(): Promise<void> {
    const connection = await this.#connection
    this.#connection = undefined
    connection?.socket.ref()
    await connection?.close()
  }

  #reopen(): Promise<AdminConnection> {
    const opening = this.#open()
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = undefined
    }
    opening.then(({ socket }) => socket.unref().once('close', forget), forget)
    return opening
  }
}

/** Resolves when a server answers. */
export async function ping(open: () => Promise<AdminConnection>): Promise<void> {
  const connection = await open()
  await connection.close()
}
