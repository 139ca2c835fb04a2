import { isPoolkeeperError } from '@poolkeeper/core'
import { expect, test } from 'vitest'
import { settingsOf } from './options.ts'

const allowed = (): boolean => true

test('without options, the page is at the root, offers nothing to do and shows no statement', () => {
  expect(settingsOf({})).toMatchObject({ authorize: undefined, operations: [], basePath: '', statements: false, maxWatchers: 20 })
})

test('a base path is the same with and without a slash at its end', () => {
  expect(settingsOf({ basePath: '/admin/pools/' }).basePath).toBe('/admin/pools')
  expect(settingsOf({ basePath: '/admin/pools' }).basePath).toBe('/admin/pools')
})

test.for([
  { name: 'operations that nobody authorises', options: { operations: ['recycle'] }, option: 'authorize' },
  { name: 'an operation that does not exist', options: { authorize: allowed, operations: ['drain'] }, option: 'operations' },
  { name: 'an authorize that is no function', options: { authorize: true }, option: 'authorize' },
  { name: 'a base path that is none', options: { basePath: 'pools' }, option: 'basePath' },
  { name: 'a base path with a query', options: { basePath: '/pools?a' }, option: 'basePath' },
  { name: 'a title that is no text', options: { title: 1 }, option: 'title' },
  { name: 'no place for anybody', options: { maxWatchers: 0 }, option: 'maxWatchers' },
  { name: 'statements that are neither shown nor not', options: { statements: 'yes' }, option: 'statements' },
  { name: 'an option that does not exist', options: { authorise: allowed }, option: 'authorise' },
])('$name is refused by name', ({ options, option }) => {
  let error: unknown
  try {
    settingsOf(options as object)
  } catch (thrown) {
    error = thrown
  }
  expect(isPoolkeeperError(error) && { code: error.code, option: error.invalid?.option }).toEqual({ code: 'INVALID_POLICY', option })
})
