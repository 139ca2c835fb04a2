import type { Knex } from 'knex'
import type { Pool } from 'tarn'

/** Counts acquires that were given a connection which was not there when they asked, from now on. */
export class PaidConnects {
  count = 0
  readonly #requested = new Map<number, number>()
  readonly #created = new WeakMap<object, number>()

  /** tarn's own events: the same with a keeper and without. */
  constructor(db: Knex) {
    const { pool } = db.client as { pool: Pool<object> }
    let moment = 0
    pool.on('acquireRequest', (id) => this.#requested.set(id, ++moment))
    pool.on('createSuccess', (_id, connection) => this.#created.set(connection, ++moment))
    pool.on('acquireFail', (id) => this.#requested.delete(id))
    pool.on('acquireSuccess', (id, connection) => {
      const requested = this.#requested.get(id) ?? Infinity
      this.#requested.delete(id)
      if ((this.#created.get(connection) ?? -Infinity) > requested) this.count++
    })
  }
}
