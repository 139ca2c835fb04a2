import { expect, test } from 'vitest'
import { checkPolicyOptions, type PoolPolicyOptions } from '@poolkeeper/core'
import { ClusterGroup, refuseOneHistory } from './cluster-keeper.ts'

const POLICY: PoolPolicyOptions = {
  sizing: { predictive: { history: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() } } },
}

test('one history for several pools is refused by name, from the start and later: what would be saved is that of the last one', () => {
  checkPolicyOptions(POLICY)
  const refusal = expect.objectContaining({ code: 'UNSUPPORTED_HOST', message: expect.stringContaining('sizing.predictive') as string }) as Error
  expect(() => refuseOneHistory(POLICY)).toThrow(refusal)
  const group = new ClusterGroup({}, () => true, () => {}, () => {})
  expect(() => group.reconfigure(POLICY)).toThrow(refusal)
  expect(group.options).toEqual({})
  expect(group.forecast()).toBeUndefined()
  group.reconfigure({ sizing: { adaptive: true } })
  expect(group.options).toEqual({ sizing: { adaptive: true } })
})
