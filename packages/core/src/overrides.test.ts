import { expect, test } from 'vitest'
import { Overrides } from './overrides.ts'

class Host {
  limit = 1
  greet(): string {
    return 'host'
  }
  get waiting(): number {
    return 0
  }
}

test('what is put onto a host is taken off again without a trace', () => {
  const host = new Host()
  const before = Object.getOwnPropertyDescriptors(host)
  const overrides = new Overrides(host)
  overrides.set('greet', () => 'keeper')
  overrides.set('limit', 2)
  overrides.getter('waiting', () => 3)
  expect([host.greet(), host.limit, host.waiting]).toEqual(['keeper', 2, 3])

  overrides.undo()
  expect(Object.getOwnPropertyDescriptors(host)).toEqual(before)
  expect([host.greet(), host.limit, host.waiting]).toEqual(['host', 1, 0])
})

test('the last thing that was done is undone first, and nothing twice', () => {
  const undone: number[] = []
  const overrides = new Overrides({})
  overrides.onUndo(() => undone.push(1))
  overrides.onUndo(() => undone.push(2))
  overrides.undo()
  overrides.undo()
  expect(undone).toEqual([2, 1])
})
