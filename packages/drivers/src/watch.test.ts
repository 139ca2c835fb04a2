import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import { watchEmitter } from './watch.ts'

test('a death by error is told with the error', () => {
  const emitter = new EventEmitter()
  const onDeath = vi.fn<(error: unknown) => void>()
  watchEmitter(emitter, onDeath)
  const error = new Error('read ECONNRESET')
  emitter.emit('error', error)
  expect(onDeath).toHaveBeenCalledExactlyOnceWith(error)
})

test('a quiet end is a death too', () => {
  const emitter = new EventEmitter()
  const onDeath = vi.fn<(error: unknown) => void>()
  watchEmitter(emitter, onDeath)
  emitter.emit('end')
  expect(onDeath).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'the connection was closed by the other side' }))
})

test('a connection dies once, whatever it says afterwards, and nothing that it says ends the process', () => {
  const emitter = new EventEmitter()
  const onDeath = vi.fn<(error: unknown) => void>()
  watchEmitter(emitter, onDeath)
  emitter.emit('error', new Error('first'))
  expect(() => emitter.emit('error', new Error('second'))).not.toThrow()
  emitter.emit('end')
  expect(onDeath).toHaveBeenCalledTimes(1)
})

test('after the undo nothing is told, and no listener is left', () => {
  const emitter = new EventEmitter()
  const onDeath = vi.fn<(error: unknown) => void>()
  const unwatch = watchEmitter(emitter, onDeath)
  unwatch()
  unwatch()
  emitter.emit('end')
  expect(onDeath).not.toHaveBeenCalled()
  expect([emitter.listenerCount('error'), emitter.listenerCount('end')]).toEqual([0, 0])
})

test('the listeners of others stay', () => {
  const emitter = new EventEmitter()
  const others = vi.fn<() => void>()
  emitter.on('error', others)
  watchEmitter(emitter, () => {})()
  emitter.emit('error', new Error('theirs'))
  expect(others).toHaveBeenCalledTimes(1)
})

test('two watches on one connection are told and undone apart', () => {
  const emitter = new EventEmitter()
  const [one, other] = [vi.fn<(error: unknown) => void>(), vi.fn<(error: unknown) => void>()]
  const unwatch = watchEmitter(emitter, one)
  watchEmitter(emitter, other)
  unwatch()
  emitter.emit('end')
  expect(one).not.toHaveBeenCalled()
  expect(other).toHaveBeenCalledTimes(1)
})
