import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Trace } from './origin.ts'
import { ownedBy, ownerNow, runWithin, Scope, scopesWithin } from './scope.ts'

const POOL = {}

function scope(pool: object = POOL): Scope {
  return new Scope(pool, new Trace(scope), undefined)
}

describe('an owner', () => {
  test('is known as deep and as late as the work goes', async () => {
    const seen = await ownedBy('job 7', async () => {
      await turn()
      return [ownerNow(), await ownedBy('step 2', async () => ownerNow())]
    })
    expect(seen).toEqual(['job 7', 'step 2'])
    expect(ownerNow()).toBeUndefined()
  })

  test('stays the owner within a scope, and the scope stays within an owner', () => {
    const one = scope()
    expect(ownedBy('job 7', () => runWithin(one, ownerNow))).toBe('job 7')
    expect(runWithin(one, () => ownedBy('job 7', () => scopesWithin(POOL)))).toEqual([one])
  })
})

describe('scopes', () => {
  test('of one pool are seen, the innermost last, past those of others', () => {
    const [one, other, two] = [scope(), scope({}), scope()]
    const seen = runWithin(one, () => runWithin(other, () => runWithin(two, () => scopesWithin(POOL))))
    expect(seen).toEqual([one, two])
    expect(scopesWithin(POOL)).toEqual([])
  })

  test('that are over are not seen, however long the work goes on', () => {
    const one = scope()
    runWithin(one, () => {
      one.state = 'over'
      expect(scopesWithin(POOL)).toEqual([])
      expect(runWithin(scope(), () => scopesWithin(POOL))).toHaveLength(1)
    })
  })
})
