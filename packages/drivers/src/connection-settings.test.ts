import { isPoolkeeperError } from '@poolkeeper/core'
import { expect, test } from 'vitest'
import { settingsWith } from './connection-settings.ts'

const NEW = { user: 'me@home', password: 'p@ss/wörd:%41?#' }

test('the user and the password take the place of those that were there, and nothing else changes', () => {
  const given = { host: 'db', user: 'old', password: 'old', ssl: true }
  expect(settingsWith(given, NEW)).toEqual({ host: 'db', ssl: true, ...NEW })
  expect(given).toEqual({ host: 'db', user: 'old', password: 'old', ssl: true })
})

test('without a user, that of the settings stands', () => {
  expect(settingsWith({ host: 'db', user: 'old' }, { password: 'new' })).toEqual({ host: 'db', user: 'old', password: 'new' })
  expect(settingsWith(undefined, { password: 'new' })).toEqual({ password: 'new' })
})

test('in a connection string they are written so that they read as they are', () => {
  const { connectionString } = settingsWith({ connectionString: 'postgres://old:old@db:5433/app?sslmode=require' }, NEW)
  const url = new URL(String(connectionString))
  expect([decodeURIComponent(url.username), decodeURIComponent(url.password)]).toEqual([NEW.user, NEW.password])
  expect([url.host, url.pathname, url.search]).toEqual(['db:5433', '/app', '?sslmode=require'])
})

test('in a connection string, too, the user stands where none is given', () => {
  const { connectionString } = settingsWith({ connectionString: 'postgres://old:old@db/app' }, { password: 'new' })
  expect(connectionString).toBe('postgres://old:new@db/app')
})

test.each(['/var/run/postgresql app', 'postgres:///app?host=/var/run/postgresql'])('%j takes no password, and is refused by name without showing it', (connectionString) => {
  let error: unknown
  try {
    settingsWith({ connectionString }, NEW)
  } catch (thrown) {
    error = thrown
  }
  expect(isPoolkeeperError(error) && error.code).toBe('UNSUPPORTED_HOST')
  expect(String(error)).toContain('credentials')
  expect(String(error)).not.toContain(NEW.password)
})
