import pg from 'pg'
import { expect, test } from 'vitest'
import { hostSettings } from './host-settings.ts'
import { asPgPool } from './pg-pool.ts'

const settingsOf = (options?: pg.PoolConfig): ReturnType<typeof hostSettings> => hostSettings(asPgPool(new pg.Pool(options)))

test('of a pool without options, everything is a default, and every wait has an end', () => {
  const { defaults, explicit } = settingsOf()
  expect(defaults).toMatchObject({ min: 0, max: 10, idleTimeoutMillis: 10_000, acquireTimeoutMillis: 60_000, connectTimeoutMillis: 60_000 })
  expect(explicit).toEqual({})
})

test('what its user said is his', () => {
  const { explicit } = settingsOf({
    max: 20,
    min: 2,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 3_000,
    maxUses: 7_500,
    maxLifetimeSeconds: 1.5,
  })
  expect(explicit).toEqual({
    max: 20,
    min: 2,
    idleTimeoutMillis: false,
    acquireTimeoutMillis: 3_000,
    connectTimeoutMillis: 3_000,
    maxUses: 7_500,
    maxLifetimeMillis: 1_500,
  })
})

test.each([{ connectionTimeoutMillis: 0 }, { maxUses: Infinity }, { maxLifetimeSeconds: 0 }])(
  'pg-pool’s way of saying "no limit" is none of his: %j',
  (options) => {
    expect(settingsOf(options).explicit).toEqual({})
  },
)

test('P-173: it is named after its database, and never after a user or a password', () => {
  const { defaults } = settingsOf({ connectionString: 'postgres://me:secret@db.example:6432/orders' })
  expect(defaults.name).toBe('pg db.example:6432/orders')
})
