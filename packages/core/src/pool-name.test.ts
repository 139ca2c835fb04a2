import { expect, test } from 'vitest'
import { derivePoolName, describeServer } from './pool-name.ts'

test.each([
  [{ host: 'db', port: 5432, database: 'app', user: 'me', password: 'secret' }, 'pg db:5432/app'],
  [{ connectionString: 'postgres://me:secret@db:5432/app?sslmode=require' }, 'pg db:5432/app'],
  [{ connectionString: 'postgres://me:secret@db/app', database: 'other' }, 'pg db/other'],
  [{ connectionString: 'not a url', host: '' }, 'pg'],
  [{ filename: '/var/app.sqlite' }, 'pg /var/app.sqlite'],
  [undefined, 'pg'],
])('P-173: of %j the name is %s', (settings, name) => {
  expect(derivePoolName('pg', settings)).toBe(name)
})

test('a name is never longer than a policy allows', () => {
  expect(derivePoolName('pg', { host: 'h'.repeat(300) })).toHaveLength(200)
})

test.each([
  { settings: { host: 'db', port: 5432, database: 'app', user: 'u', password: 'p' }, server: { address: 'db', port: 5432, namespace: 'app' } },
  { settings: { connectionString: 'postgres://u:p@db:6000/app' }, server: { address: 'db', port: 6000, namespace: 'app' } },
  { settings: { host: '/run/postgresql', database: '' }, server: { address: '/run/postgresql' } },
  { settings: { filename: 'app.db' }, server: {} },
])('where $settings leads to holds no user and no password', ({ settings, server }) => {
  expect(describeServer('postgresql', settings)).toEqual({ system: 'postgresql', ...server })
})
