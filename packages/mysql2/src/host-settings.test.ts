import { expect, test } from 'vitest'
import { hostSettings } from './host-settings.ts'
import type { Mysql2PoolConfig } from './pool/mysql2-pool.ts'

/** As mysql2 makes it when nothing was said. */
const UNSAID: Mysql2PoolConfig = {
  connectionLimit: 10,
  maxIdle: 10,
  idleTimeout: 60_000,
  queueLimit: 0,
  waitForConnections: true,
  resetOnRelease: false,
  connectionConfig: { host: 'db', port: 3306, database: 'shop', connectTimeout: 10_000 },
}

const settingsOf = (changes: Partial<Mysql2PoolConfig>): ReturnType<typeof hostSettings> => hostSettings({ ...UNSAID, ...changes })

test('what nobody said is a default, and mysql2 gets the deadline that it lacks', () => {
  expect(settingsOf({})).toEqual({
    server: { system: 'mysql', address: 'db', port: 3306, namespace: 'shop' },
    defaults: {
      name: 'mysql2 db:3306/shop',
      min: 0,
      max: 10,
      acquireTimeoutMillis: 60_000,
      connectTimeoutMillis: 10_000,
      idleTimeoutMillis: 60_000,
    },
    explicit: {},
  })
})

test.each<[string, Partial<Mysql2PoolConfig>, object]>([
  ['connectionLimit', { connectionLimit: 3 }, { max: 3 }],
  ['no connectionLimit', { connectionLimit: 0 }, { max: 100_000 }],
  ['idleTimeout', { idleTimeout: 5_000 }, { idleTimeoutMillis: 5_000 }],
  ['an idleTimeout of 0 that mysql2 never looks at', { idleTimeout: 0 }, { idleTimeoutMillis: false }],
  ['an idleTimeout of 0 that it looks at', { idleTimeout: 0, maxIdle: 2 }, { idleTimeoutMillis: 1 }],
  ['an idleTimeout without end', { idleTimeout: Infinity }, { idleTimeoutMillis: false }],
  ['queueLimit', { queueLimit: 7 }, { maxPending: 7 }],
  ['waitForConnections, which beats it', { queueLimit: 7, waitForConnections: false }, { maxPending: 0 }],
  ['resetOnRelease', { resetOnRelease: true }, { onReturn: 'reset' }],
  ['connectTimeout', { connectionConfig: { connectTimeout: 500 } }, { connectTimeoutMillis: 500 }],
  ['no connectTimeout', { connectionConfig: { connectTimeout: 0 } }, { connectTimeoutMillis: 2_147_483_647 }],
])('%s is taken over', (_, changes, explicit) => {
  expect(settingsOf(changes).explicit).toEqual(explicit)
})

test.each<[Mysql2PoolConfig['connectionConfig'], string]>([
  [{ socketPath: '/run/mysqld.sock', database: 'shop' }, 'mysql2 /run/mysqld.sock/shop'],
  [{ host: 'db' }, 'mysql2 db'],
  [{}, 'mysql2'],
])('the name of a pool is its address, and holds no secret', (connectionConfig, name) => {
  const withSecrets = { ...connectionConfig, user: 'me', password: 'secret' }
  expect(settingsOf({ connectionConfig: withSecrets }).defaults.name).toBe(name)
})
