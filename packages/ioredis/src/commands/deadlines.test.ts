import { VirtualClock } from '@poolkeeper/core/testing'
import { expect, test } from 'vitest'
import type { SentCommand } from '../host/redis-client.ts'
import { Deadlines, isGivenUp } from './deadlines.ts'

interface FakeCommand extends SentCommand {
  isResolved: boolean
  readonly outcome: () => string
}

function command(name: string): FakeCommand {
  let outcome = 'waits'
  let settle = (_error?: Error): void => {}
  const promise = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error))
  })
  promise.then(
    () => (outcome = 'answered'),
    (error: Error) => (outcome = error.message),
  )
  return { name, args: [], promise, isResolved: false, reject: (error) => settle(error), outcome: () => outcome }
}

test('a command without an answer fails at its deadline, and is not sent again by whoever has it', async () => {
  const clock = new VirtualClock()
  const deadlines = new Deadlines(clock, 1_000, () => new Error('too late'))
  const late = command('get')
  deadlines.add(late)
  await clock.advance(900)
  expect(late.outcome()).toBe('waits')
  await clock.advance(300)
  expect(late.outcome()).toBe('too late')
  expect(isGivenUp(late)).toBe(true)
})

test('one that was answered is followed no further', async () => {
  const clock = new VirtualClock()
  const asked: string[] = []
  const deadlines = new Deadlines(clock, 1_000, ({ name }) => {
    asked.push(name)
    return new Error('too late')
  })
  const answered = command('answered')
  answered.isResolved = true
  const failed = command('failed')
  for (const one of [answered, failed]) deadlines.add(one)
  await clock.advance(200)
  failed.reject(new Error('WRONGTYPE'))
  await clock.advance(5_000)
  expect(asked).toEqual([])
  expect(failed.outcome()).toBe('WRONGTYPE')
})

test('one that may go on is asked about again, and told when it may not', async () => {
  const clock = new VirtualClock()
  let mayGoOn = true
  const deadlines = new Deadlines(clock, 1_000, () => (mayGoOn ? undefined : new Error('too late')))
  const late = command('blpop')
  deadlines.add(late)
  await clock.advance(3_000)
  expect(late.outcome()).toBe('waits')
  mayGoOn = false
  await clock.advance(200)
  expect(late.outcome()).toBe('too late')
})

test('all that have no answer are given up together', () => {
  const deadlines = new Deadlines(new VirtualClock(), 1_000, () => undefined)
  const all = [command('get'), command('set')]
  for (const one of all) deadlines.add(one)
  expect(deadlines.giveUpAll(new Error('drained'))).toBe(2)
  expect(all.every(isGivenUp)).toBe(true)
})
