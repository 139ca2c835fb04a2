import { EventEmitter } from 'node:events'
import knex, { type Knex } from 'knex'

type Answer = (error: unknown, result?: { readonly rows: readonly unknown[] }) => void

/** What `pg` sends to a server, as far as a pool is concerned. */
interface Submittable {
  handleReadyForQuery(): void
}

/** A connection as `pg` makes them, but that it leads nowhere, and is answered at once. */
export class StubConnection extends EventEmitter {
  readonly connection = {
    stream: {
      destroyed: false,
      bytesWritten: 0,
      destroy(): void {
        this.destroyed = true
      },
    },
    sync: (): void => {},
  }

  getTransactionStatus(): string {
    return 'I'
  }

  query(what: string | Submittable, answer: Answer = () => {}): void {
    queueMicrotask(() => (typeof what === 'string' ? answer(null, { rows: [] }) : what.handleReadyForQuery()))
  }

  close(): Promise<void> {
    this.emit('end')
    this.connection.stream.destroyed = true
    return Promise.resolve()
  }
}

class StubClient extends knex.Client {
  _driver(): object {
    return {}
  }

  /** Checks go through the driver's connection, and nobody asks anything else here. */
  _query(): Promise<never> {
    return Promise.reject(new Error('a stub answers no query'))
  }

  override acquireRawConnection(): Promise<StubConnection> {
    return Promise.resolve(new StubConnection())
  }

  override destroyRawConnection(connection: StubConnection): Promise<void> {
    return connection.close()
  }
}

// Read within the constructor of the base class, before there are fields of this one.
Object.assign(StubClient.prototype, { driverName: 'pg', dialect: 'postgresql' })

/** Knex with its own pool, on connections that lead nowhere. */
export function stubConfig(max: number): Knex.Config {
  return { client: StubClient, connection: { host: 'nowhere' }, pool: { min: 0, max } }
}
