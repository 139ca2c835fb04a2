import { EventEmitter } from 'node:events'
import { applyPoolPolicy } from '@poolkeeper/knex'
import knex from 'knex'
import { LEAK_TRACKING, POOL_SIZE, type Caller, type StubConnection, type Variant } from './stub-variants.ts'

/** As every driver's connection, it may tell of its death. */
class StubEmitter extends EventEmitter implements StubConnection {
  readonly opened = true
}

/** Knex's own pool and its own checks, with connections that lead nowhere. */
class StubClient extends knex.Client {
  _driver(): object {
    return {}
  }

  /** Never asked: nothing here is idle for long enough to be checked. */
  _query(): Promise<never> {
    return Promise.reject(new Error('a stub answers no query'))
  }

  override acquireRawConnection(): Promise<StubConnection> {
    return Promise.resolve(new StubEmitter())
  }

  override destroyRawConnection(): Promise<void> {
    return Promise.resolve()
  }
}

// Read within the constructor of the base class, before there are fields of this one.
Object.assign(StubClient.prototype, { driverName: 'pg', dialect: 'postgresql' })

/** What Knex does around tarn is part of the checkout: its check of the connection above all. */
export function knexStub(variant: Variant): Caller {
  const db = knex({ client: StubClient, connection: { host: 'nowhere' }, pool: POOL_SIZE })
  if (variant !== 'bare') {
    const keeper = applyPoolPolicy(db, variant === 'kept with leak tracking' ? LEAK_TRACKING : {})
    if (variant === 'kept with a subscriber') keeper.subscribe(() => {})
    // It fails where it begins: a stub answers no query.
    if (variant === 'kept after a transaction') db.transaction(() => {}).catch(() => {})
  }
  const client = db.client as {
    acquireConnection(): Promise<StubConnection>
    releaseConnection(connection: StubConnection): Promise<void>
  }
  return async (times) => {
    for (let time = 0; time < times; time++) await client.releaseConnection(await client.acquireConnection())
  }
}
