import { expect, test } from 'vitest'
import { Ledger } from './ledger.ts'

test('a new connection is proven by its opening, and has a number and a draw of its own', () => {
  const draws = [0.25, 0.75]
  const ledger = new Ledger<object>(() => draws.shift() ?? NaN)
  expect(ledger.open({}, 100, 3)).toMatchObject({
    id: 1,
    openedAt: 100,
    draw: 0.25,
    provenAt: 100,
    provenGeneration: 3,
    idleSince: 100,
    lentAt: Infinity,
    held: false,
    uses: 0,
    suspect: false,
    condemnedFor: undefined,
  })
  expect(ledger.open({}, 200, 3)).toMatchObject({ id: 2, draw: 0.75 })
})

test('P-134: connections are told apart by identity, whatever they look like', () => {
  const ledger = new Ledger<object>(() => 0)
  const [one, other] = [{ id: 1 }, { id: 1 }]
  ledger.open(one, 1, 0)
  ledger.open(other, 2, 0)
  expect([ledger.get(one)?.openedAt, ledger.get(other)?.openedAt]).toEqual([1, 2])
})

test('nothing is written onto a connection, so that a frozen one will do', () => {
  const ledger = new Ledger<object>(() => 0)
  const connection = Object.freeze({})
  ledger.open(connection, 1, 0)
  expect(Reflect.ownKeys(connection)).toEqual([])
  expect(ledger.get(connection)).toBeDefined()
})

test('what is forgotten is unknown, and would be a new connection', () => {
  const ledger = new Ledger<object>(() => 0)
  const connection = {}
  ledger.open(connection, 1, 0)
  ledger.forget(connection)
  expect(ledger.get(connection)).toBeUndefined()
  expect(ledger.open(connection, 2, 0).id).toBe(2)
})
