import { expect, test } from 'vitest'
import { checkPolicyOptions, KeeperGroup, type PoolKeeper, type PoolPolicyOptions } from '@poolkeeper/core'
import { MYSQL2_DEFAULTS } from '../host-settings.ts'
import { refuseOneHistory } from './cluster-keeper.ts'

const POLICY: PoolPolicyOptions = {
  sizing: { predictive: { history: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() } } },
}

test('one history for several pools is refused by name, from the start and later: what would be saved is that of the last one', () => {
  checkPolicyOptions(POLICY)
  const refusal = expect.objectContaining({ code: 'UNSUPPORTED_HOST', message: expect.stringContaining('sizing.predictive') as string }) as Error
  expect(() => refuseOneHistory(POLICY)).toThrow(refusal)
  const group = new KeeperGroup<PoolKeeper>({}, {
    settings: { defaults: MYSQL2_DEFAULTS },
    check: refuseOneHistory,
    isServed: () => true,
    changed() {},
    detached() {},
  })
  expect(() => group.reconfigure(POLICY)).toThrow(refusal)
  expect(group.options).toEqual({})
  expect(group.forecast()).toBeUndefined()
  group.reconfigure({ sizing: { adaptive: true } })
  expect(group.options).toEqual({ sizing: { adaptive: true } })
})
