import { expect, test } from 'vitest'
import type { HostClient } from '../host/redis-client.ts'
import { Lane } from './lane.ts'

/** A lane whose server answers as it is told. */
function opened() {
  const commandQueue = { length: 0 }
  const lane = new Lane({ commandQueue } as HostClient, 1_000, 0.5)
  const send = (commands: number): void => {
    lane.sent += commands
    commandQueue.length += commands
  }
  const answer = (commands: number): void => {
    lane.heard++
    commandQueue.length -= commands
  }
  return { lane, send, answer }
}

test('a lane at rest is neither silent nor owes anything', () => {
  const { lane } = opened()
  lane.look(60_000)
  expect([lane.silentMillis, lane.owedMillis, lane.inFlight, lane.isUsable]).toEqual([0, 0, 0, true])
})

test('what it owes is as old as the oldest command that waits, however much is answered behind its back', () => {
  const { lane, send, answer } = opened()
  send(2)
  lane.look(1_100)
  send(3)
  lane.look(1_200)
  answer(1)
  lane.look(1_500)
  expect(lane.owedMillis).toBe(400)
  answer(1)
  lane.look(1_600)
  expect(lane.owedMillis).toBe(400)
  answer(3)
  lane.look(1_700)
  expect(lane.owedMillis).toBe(0)
})

test('one that says something is not silent, though its oldest command waits still', () => {
  const { lane, send, answer } = opened()
  send(2)
  lane.look(1_100)
  lane.look(1_400)
  expect(lane.silentMillis).toBe(400)
  answer(1)
  expect(lane.hasSpoken).toBe(true)
  lane.look(1_500)
  expect([lane.silentMillis, lane.owedMillis, lane.hasSpoken]).toEqual([0, 400, false])
})

test('silence begins with the first command, and not while nobody asked', () => {
  const { lane, send } = opened()
  lane.look(50_000)
  send(1)
  lane.look(50_100)
  expect(lane.silentMillis).toBe(100)
})

test('after a rest, in which nobody looked, it begins anew', () => {
  const { lane, send } = opened()
  lane.look(1_100)
  lane.activate(60_000)
  send(1)
  lane.look(60_100)
  expect([lane.silentMillis, lane.owedMillis]).toEqual([100, 0])
})

test('a check of ours is nobody’s command', () => {
  const { lane, send } = opened()
  lane.isProbing = true
  send(1)
  expect(lane.inFlight).toBe(0)
  send(1)
  expect(lane.inFlight).toBe(1)
})

test('time in which this process did not run is not held against the server', () => {
  const { lane, send } = opened()
  send(1)
  lane.look(1_100)
  lane.postpone(5_000)
  lane.look(6_200)
  expect([lane.silentMillis, lane.owedMillis]).toEqual([200, 100])
})

test.each(['isSuspect', 'isLeaving', 'isEnding'] as const)('one that %s is given nothing more', (flag) => {
  const { lane } = opened()
  lane[flag] = true
  expect(lane.isUsable).toBe(false)
})
