import { expect, test } from 'vitest'
import { derivePoolName } from './pool-name.ts'

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
