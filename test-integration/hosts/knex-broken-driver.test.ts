import { keeperOf, withPoolPolicy } from '@poolkeeper/knex'
import knex, { type Knex } from 'knex'
import { expect, onTestFinished, test } from 'vitest'
import { fill } from '../chaos/load.ts'
import { requireServer } from '../harness/require-server.ts'
import { silent } from './knex-harness.ts'

const postgres = requireServer('postgres')
const MAX = 3

interface Dialect {
  acquireRawConnection(): Promise<unknown>
}

/** The dialect of a Knex that is there, with another way of connecting. */
function dialectWith(connect: (real: () => Promise<unknown>) => unknown): typeof Knex.Client {
  const Real = knex({ client: 'pg' }).client.constructor as new (config: object) => Dialect
  class Broken extends Real {
    override acquireRawConnection(): Promise<unknown> {
      return connect(() => super.acquireRawConnection()) as Promise<unknown>
    }
  }
  return Broken as unknown as typeof Knex.Client
}

postgres.describe('Knex with a driver that breaks its own rules while it connects', () => {
  test.each<[string, () => unknown]>([
    [
      'P-035: throws instead of rejecting',
      () => {
        throw new Error('broken driver')
      },
    ],
    ['P-103: gives undefined', () => Promise.resolve(undefined)],
    ['P-103: gives null', () => Promise.resolve(null)],
  ])('%s: who asked is told, nobody is stranded, and every place is free again', async (_how, breaks) => {
    let isBroken = true
    const client = dialectWith((real) => (isBroken ? breaks() : real()))
    const config = silent({ client, connection: postgres.url, pool: { min: 0, max: MAX } })
    const db = knex(withPoolPolicy(config, { acquireTimeoutMillis: 2_000 }))
    onTestFinished(() => db.destroy())
    const startedAt = performance.now()
    const answers = await Promise.allSettled(Array.from({ length: 2 * MAX }, () => db.raw('select 1')))
    expect(answers.map(({ status }) => status)).toEqual(Array<string>(2 * MAX).fill('rejected'))
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    isBroken = false
    await fill(db, MAX)
    expect(keeperOf(db).stats()).toMatchObject({ idle: MAX, used: 0, opening: 0, pending: 0, opens: { ok: MAX } })
  })
})
