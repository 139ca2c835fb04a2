import { describe, expect, test } from 'vitest'
import { VALIDATE, type Objection, type Rule } from './rules/rule.ts'
import { at, factsWith } from './testing/fixtures.ts'
import { judge, retire } from './verdict.ts'

const agree = saying('agree', undefined)
const validate = saying('validate', VALIDATE)
const old = saying('old', retire('maxLifetime'))
const idle = saying('idle', retire('idle'))

function saying(name: string, objection: Objection | undefined): Rule {
  return { name, moments: ['checkout'], judge: () => objection }
}

describe('the verdict', () => {
  test.each<[string, Rule[], object]>([
    ['without rules: lend', [], { action: 'lend' }],
    ['without objections: lend', [agree, agree], { action: 'lend' }],
    ['one wish to validate stands', [agree, validate, agree], { action: 'validate' }],
    ['a retirement beats a wish to validate before it', [validate, old], { action: 'retire', reason: 'maxLifetime' }],
    ['a retirement beats a wish to validate after it', [old, validate], { action: 'retire', reason: 'maxLifetime' }],
    ['of two retirements the first gives the reason', [idle, old], { action: 'retire', reason: 'idle' }],
  ])('%s', (_, rules, expected) => {
    expect(judge(rules, factsWith(), at(0))).toEqual(expected)
  })

  test('a retirement ends the discussion: nobody behind it is asked', () => {
    const asked: string[] = []
    const witness: Rule = { name: 'witness', moments: [], judge: () => void asked.push('witness') }
    judge([old, witness], factsWith(), at(0))
    expect(asked).toEqual([])
  })

  test('what was decided before is carried out, and nobody is asked', () => {
    const asked: string[] = []
    const witness: Rule = { name: 'witness', moments: [], judge: () => void asked.push('witness') }
    expect(judge([witness], factsWith({ condemnedFor: 'fatal' }), at(0))).toEqual({ action: 'retire', reason: 'fatal' })
    expect(asked).toEqual([])
  })

  test('the rules see the facts and the situation', () => {
    const seen: unknown[] = []
    const witness: Rule = { name: 'witness', moments: [], judge: (...args) => void seen.push(...args) }
    const facts = factsWith({ id: 4 })
    const situation = at(5)
    judge([witness], facts, situation)
    expect(seen).toEqual([facts, situation])
  })

  test('judging allocates nothing: equal verdicts are one object', () => {
    expect(judge([agree], factsWith(), at(0))).toBe(judge([], factsWith({ id: 2 }), at(1)))
    expect(retire('idle')).toBe(retire('idle'))
    expect(retire('idle')).not.toBe(retire('fatal'))
    expect(Object.isFrozen(retire('idle'))).toBe(true)
  })
})
