import { EventEmitter } from 'node:events'
import { applyPoolPolicy } from '@poolkeeper/pg'
import pg from 'pg'
import { POOL_SIZE, type Caller, type Variant } from './stub-variants.ts'

/** What pg-pool asks of a client, of one that leads nowhere. */
class StubClient extends EventEmitter {
  readonly connection = Object.assign(new EventEmitter(), { stream: { destroyed: false, destroy: (): void => {} } })
  readonly readyForQuery = true
  _queryable = true
  _ending = false
  _connected = false

  connect(callback: (error?: Error) => void): void {
    process.nextTick(() => {
      this._connected = true
      callback()
    })
  }

  getTransactionStatus(): string {
    return 'I'
  }

  end(callback: () => void): void {
    this._ending = true
    process.nextTick(callback)
  }

  ref(): void {}
  unref(): void {}
}

/** pg-pool itself, with clients that lead nowhere. */
export function pgStub(variant: Variant): Caller {
  const pool = new pg.Pool({ max: POOL_SIZE.max, Client: StubClient as unknown as new () => pg.ClientBase })
  if (variant !== 'bare') {
    const keeper = applyPoolPolicy(pool)
    if (variant === 'kept with a subscriber') keeper.subscribe(() => {})
  }
  return async (times) => {
    for (let time = 0; time < times; time++) (await pool.connect()).release()
  }
}
