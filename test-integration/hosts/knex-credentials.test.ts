import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import {
  applyPoolPolicy,
  findPoolkeeperError,
  isPoolkeeperError,
  keeperOf,
  withPoolPolicy,
  type PoolCredentials,
  type PoolEvent,
  type PoolPolicyOptions,
} from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { failed, report, whileWanted } from '../chaos/load.ts'
import { startMariadb, type MariadbServer } from '../harness/mariadb.ts'
import { startPostgres, type PostgresServer } from '../harness/postgres.ts'
import { silent } from './knex-harness.ts'

const USER = 'rotated'
const LIFE_MILLIS = 2_000

let db: Knex

function open(config: Knex.Config, policy: PoolPolicyOptions): PoolEvent[] {
  const events: PoolEvent[] = []
  db = knex(withPoolPolicy(silent({ acquireConnectionTimeout: 5_000, pool: { min: 0, max: 5 }, ...config }), policy))
  keeperOf(db).subscribe((event) => events.push(event))
  return events
}

/** What hands out the password that the server takes now. */
class SecretStore {
  asked = 0
  readonly #setPassword: (password: string) => Promise<unknown>
  readonly #lifeMillis: number | undefined
  #password = 'never set'

  constructor(setPassword: (password: string) => Promise<unknown>, lifeMillis?: number) {
    this.#setPassword = setPassword
    this.#lifeMillis = lifeMillis
  }

  /** Whoever is logged in stays so; the old password opens nothing any more. */
  async rotate(): Promise<void> {
    // Written as a URL and as a text of SQL, it needs care.
    const password = `p@ss/wörd:%41 ${Math.random()}`
    await this.#setPassword(password)
    this.#password = password
  }

  readonly provider = async (): Promise<PoolCredentials> => {
    this.asked++
    await sleep(5)
    const expiresAt = this.#lifeMillis === undefined ? undefined : new Date(Date.now() + this.#lifeMillis)
    return { user: USER, password: this.#password, expiresAt }
  }
}

afterEach(() => db.destroy())

/** Load, while the password changes under it; then what must be true on every server. */
async function rotateUnderLoad(store: SecretStore, events: PoolEvent[]): Promise<void> {
  const end = performance.now() + 3 * LIFE_MILLIS
  const isWanted = (): boolean => performance.now() < end
  const rotations = (async () => {
    while (isWanted()) {
      await sleep(700)
      await store.rotate()
    }
  })()
  const requests = await whileWanted(db, 8, isWanted)
  await rotations
  const closed = events.filter((event) => event.type === 'closed')
  const oldest = Math.max(...closed.map(({ ageMillis }) => ageMillis))
  report('rotated under load', { requests: requests.length, failed: failed(requests).length, closed: closed.length, oldest, asked: store.asked })
  expect(failed(requests).map(({ error }) => error)).toEqual([])
  expect(requests.length).toBeGreaterThan(100)
  expect(new Set(closed.map(({ reason }) => reason))).toEqual(new Set(['credential']))
  expect(closed.length).toBeGreaterThanOrEqual(5)
  expect(oldest).toBeLessThan(LIFE_MILLIS)
}

describe('Knex on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await startPostgres({ settings: {} })
    await server.admin.query(`create role ${USER} login in role needs_password`)
  })

  afterAll(() => server.stop())

  const storeOf = (lifeMillis?: number): SecretStore =>
    new SecretStore((password) => server.admin.query(`alter role ${USER} password '${password}'`), lifeMillis)
  const connection = (): object => ({ host: server.host, port: server.port, database: server.database, user: 'nobody' })

  test('P-079, P-167: a password that is rotated under load costs no request, and no connection outlives its credential', async () => {
    const store = storeOf(LIFE_MILLIS)
    await store.rotate()
    const events = open({ client: 'pg', connection: connection() }, { credentials: store.provider })
    await rotateUnderLoad(store, events)
  })

  test('P-167: what was opened with a password that the server takes no more is replaced', async () => {
    const store = storeOf()
    await store.rotate()
    open({ client: 'pg', connection: connection() }, { credentials: store.provider, min: 2 })
    await keeperOf(db).ready()
    await store.rotate()
    await Promise.all([1, 2, 3].map(() => db.raw('select pg_sleep(0.05)')))
    await expect.poll(() => keeperOf(db).stats().closes.credential, { timeout: 10_000 }).toBe(2)
    expect(store.asked).toBe(2)
    expect(keeperOf(db).stats().acquires).toMatchObject({ failed: 0 })
  })

  test('a connection string keeps all but its user and its password', async () => {
    const store = storeOf()
    await store.rotate()
    const url = `postgres://nobody:nothing@${server.host}:${server.port}/${server.database}?application_name=by_url`
    db = knex(silent({ client: 'pg', connection: { connectionString: url } }))
    applyPoolPolicy(db, { credentials: store.provider })
    const { rows } = await db.raw<{ rows: unknown[] }>('select current_user as name, current_setting(\'application_name\') as label')
    expect(rows).toEqual([{ name: USER, label: 'by_url' }])
    expect((db.client as { connectionSettings: object }).connectionSettings).toEqual({ connectionString: url })
  })

  test('what the server refuses with every password is the answer, in its own words, after two tries', async () => {
    const store = storeOf()
    const events = open({ client: 'pg', connection: connection() }, { credentials: store.provider })
    await expect(db.raw('select 1')).rejects.toMatchObject({ code: '28P01' })
    expect(store.asked).toBe(2)
    expect(events.map(({ type }) => type)).not.toContain('opened')
  })

  test('closing does not wait for a provider that hangs', async () => {
    open({ client: 'pg', connection: connection() }, { credentials: () => new Promise(() => {}) })
    const request = db.raw('select 1').catch((error: unknown) => error)
    await sleep(20)
    const startedAt = performance.now()
    await db.destroy()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(await request).toBeInstanceOf(Error)
  })

  test.each<[string, () => Promise<PoolCredentials>, string]>([
    ['throws', () => Promise.reject(new Error('the vault is sealed')), 'the vault is sealed'],
    ['hangs', () => new Promise(() => {}), 'no answer within 500 ms'],
    ['returns nonsense', async () => ({ password: undefined, token: 'hunter2' }) as unknown as PoolCredentials, 'a `password` that is a text'],
  ])('P-173: a provider that %s fails the connect, says why, and shows no secret', async (_, credentials, why) => {
    const events = open({ client: 'pg', connection: connection() }, { credentials, connectTimeoutMillis: 1_000 })
    const error: unknown = await db.raw('select 1').catch((reason: unknown) => reason)
    expect(findPoolkeeperError(error)).toMatchObject({ code: 'CREDENTIALS_FAILED' })
    expect(String((error as Error).cause)).toContain(why)
    expect(keeperOf(db).stats()).toMatchObject({ acquires: { failed: 1 }, opening: 0, pending: 0 })
    expect(inspect([events, error, keeperOf(db)], { depth: 20, showHidden: true })).not.toContain('hunter2')
  })
})

describe('Knex on MariaDB', () => {
  let server: MariadbServer

  beforeAll(async () => {
    server = await startMariadb({ settings: {} })
    await server.admin.query(`create user '${USER}'@'%'`)
    await server.admin.query(`grant all on ${server.database}.* to '${USER}'@'%'`)
  })

  afterAll(() => server.stop())

  test.each(['mysql2', 'mysql', 'mariadb'])('P-079, P-167: a password that is rotated under load costs %s no request', async (client) => {
    const store = new SecretStore((password) => server.admin.query(`alter user '${USER}'@'%' identified by '${password}'`), LIFE_MILLIS)
    await store.rotate()
    const connection = { host: server.host, port: server.port, database: server.database, user: 'nobody' }
    const events = open({ client, connection }, { credentials: store.provider })
    await rotateUnderLoad(store, events)
  })
})

describe('is refused by name', () => {
  const provider = (): Promise<PoolCredentials> => Promise.resolve({ password: '' })

  const refusal = (): unknown => {
    try {
      applyPoolPolicy(db, { credentials: provider })
    } catch (error) {
      return isPoolkeeperError(error) ? error : undefined
    }
    return undefined
  }

  test('a provider beside a `connection` of Knex that is a function itself', () => {
    db = knex({ client: 'pg', connection: () => ({ host: 'nowhere' }) })
    expect(refusal()).toMatchObject({ code: 'INVALID_POLICY', invalid: { option: 'credentials' } })
  })

  test('a provider for a database without a login', () => {
    db = knex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true })
    expect(refusal()).toMatchObject({ code: 'UNSUPPORTED_HOST' })
  })

  test('the same, in a pool that runs already', () => {
    db = knex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true })
    const keeper = applyPoolPolicy(db)
    expect(() => keeper.reconfigure({ credentials: provider })).toThrow('credentials')
    expect(keeper.policy.credentials).toBeUndefined()
  })
})
