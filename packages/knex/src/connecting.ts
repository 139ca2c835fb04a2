import type { Overrides } from '@poolkeeper/core'
import type { KnexClient, KnexConnection } from './knex-client.ts'

/** One attempt to connect, as long as nobody has the connection. */
export interface ConnectTicket {
  connection: KnexConnection | undefined
}

/**
 * Knows the connections that are being connected: Knex hands them out when they are ready, and an
 * attempt that a silent network swallowed would otherwise hold its socket for a quarter of an hour.
 *
 * Knex makes the driver's object within `acquireRawConnection`, so the driver is watched for the
 * length of that call, and each attempt gets what was made in its turn. Where the settings come
 * from an async provider the turns may differ; there, and in dialects that connect otherwise,
 * nothing is known and nothing is done.
 */
export class Connecting {
  readonly #client: KnexClient
  readonly #waiting: ConnectTicket[] = []

  constructor(client: KnexClient, overrides: Overrides<KnexClient>) {
    this.#client = client
    const { acquireRawConnection } = client
    overrides.set('acquireRawConnection', () => {
      const ticket = this.#waiting.shift()
      return ticket === undefined
        ? acquireRawConnection.call(client)
        : watchingDriver(client, ticket, () => acquireRawConnection.call(client))
    })
  }

  /** For the attempt that begins now. */
  expect(): ConnectTicket {
    const ticket: ConnectTicket = { connection: undefined }
    if (typeof this.#client.connectionConfigProvider !== 'function') this.#waiting.push(ticket)
    return ticket
  }
}

interface KnexDriver {
  Client?: new (...settings: unknown[]) => KnexConnection
  createConnection?: (...settings: unknown[]) => KnexConnection
}

function watchingDriver<T>(client: KnexClient, ticket: ConnectTicket, connect: () => T): T {
  const driver = client.driver as KnexDriver | undefined
  // SQLite's driver is a constructor itself, and has no connect that could be swallowed.
  if (driver?.Client === undefined && driver?.createConnection === undefined) return connect()
  client.driver = watched(driver, (connection) => {
    ticket.connection = connection
  })
  try {
    return connect()
  } finally {
    client.driver = driver
  }
}

/** The same driver, but that it tells what it makes; classes stay the driver's own. */
function watched(driver: KnexDriver, tell: (connection: KnexConnection) => void): KnexDriver {
  const { Client, createConnection } = driver
  const properties: PropertyDescriptorMap = {}
  if (Client !== undefined) {
    const construct = (target: new () => KnexConnection, args: unknown[]): KnexConnection => {
      const connection = Reflect.construct(target, args) as KnexConnection
      tell(connection)
      return connection
    }
    properties['Client'] = { value: new Proxy(Client, { construct }) }
  }
  if (createConnection !== undefined) {
    const value = (...settings: unknown[]): KnexConnection => {
      const connection = createConnection.apply(driver, settings)
      tell(connection)
      return connection
    }
    properties['createConnection'] = { value }
  }
  return Object.create(driver, properties) as KnexDriver
}
