import { expect, test, vi } from 'vitest'
import { sqliteDriver } from './sqlite.ts'

test('nothing is asked, nothing is watched, and no error is more than a statement’s', async () => {
  await expect(sqliteDriver.validate({})).resolves.toBeUndefined()
  expect(sqliteDriver.watch({}, () => {})()).toBeUndefined()
  expect(sqliteDriver.harmOf(Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' }))).toBe('statement')
  expect(sqliteDriver.refusalOf({ code: '53300' })).toBeUndefined()
  expect(sqliteDriver.bytesWritten({})).toBeUndefined()
})

test('a database is broken when it is closed', () => {
  expect([sqliteDriver.isBroken({ open: true }), sqliteDriver.isBroken({}), sqliteDriver.isBroken({ open: false })]).toEqual([false, false, true])
})

test('destroying closes it, where it can be closed', () => {
  const close = vi.fn<() => void>()
  sqliteDriver.destroy({ close })
  expect(close).toHaveBeenCalledTimes(1)
  expect(() => sqliteDriver.destroy({})).not.toThrow()
})

test('a statement is never under way where each is over when its call returns', () => {
  expect([sqliteDriver.isBusy?.({ inTransaction: false }), sqliteDriver.isBusy?.({})]).toEqual([false, undefined])
})
