import { connectWithCredentials, type CredentialedConnect, type Overrides, type PoolCredentials } from '@poolkeeper/core'
import { settingsWith } from '@poolkeeper/drivers'
import type { KnexClient, KnexConnection } from './knex-client.ts'

/** One attempt to connect, as long as nobody has the connection. */
export interface ConnectTicket {
  connection: KnexConnection | undefined
  isGivenUp: boolean
}

type Credentialed = CredentialedConnect<KnexConnection>

/**
 * Gives Knex's connects the pool's credentials, if it has any, and knows the connections that are
 * being connected: Knex hands them out when they are ready, and an
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

  constructor(
    client: KnexClient,
    overrides: Overrides<KnexClient>,
    refusalOf: Credentialed['refusalOf'],
    keeper: () => Credentialed['events'],
  ) {
    this.#client = client
    const { acquireRawConnection } = client
    const connect = (ticket: ConnectTicket | undefined, credentials: PoolCredentials | undefined): Promise<KnexConnection> => {
      if (ticket?.isGivenUp === true) return Promise.reject(new Error('the attempt to connect was given up'))
      return withSettings(client, credentials, () => watchingDriver(client, ticket, () => acquireRawConnection.call(client)))
    }
    overrides.set('acquireRawConnection', () => {
      const ticket = this.#waiting.shift()
      return connectWithCredentials({ events: keeper(), refusalOf, connect: (credentials) => connect(ticket, credentials) })
    })
  }

  /** For the attempt that begins now. */
  expect(): ConnectTicket {
    const ticket: ConnectTicket = { connection: undefined, isGivenUp: false }
    if (typeof this.#client.connectionConfigProvider !== 'function') this.#waiting.push(ticket)
    return ticket
  }
}

interface KnexDriver {
  Client?: new (...settings: unknown[]) => KnexConnection
  createConnection?: (...settings: unknown[]) => KnexConnection
}

/** Knex hands its settings to the driver within the call, so they are others for the length of it. */
function withSettings<T>(client: KnexClient, credentials: PoolCredentials | undefined, connect: () => T): T {
  if (credentials === undefined) return connect()
  const settings = client.connectionSettings
  client.connectionSettings = settingsWith(settings, credentials)
  try {
    return connect()
  } finally {
    client.connectionSettings = settings
  }
}

function watchingDriver<T>(client: KnexClient, ticket: ConnectTicket | undefined, connect: () => T): T {
  if (ticket === undefined) return connect()
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
