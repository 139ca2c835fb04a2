import { AsyncLocalStorage } from 'node:async_hooks'
import type { PoolEvent } from '@poolkeeper/core'
import type { Behaviour } from '../behaviour.ts'
import { burst, until } from '../waiting.ts'

export const observers: Behaviour = {
  promise: 'an observer that throws or leaves changes nothing for the pool and for the others',
  proves: [],
  needs: [],
  tests: {
    'it is a warning, and no more': async ({ expect, open }) => {
      const pool = await open()
      const heard: PoolEvent[] = []
      const warnings: Error[] = []
      const onWarning = (warning: Error): void => void warnings.push(warning)
      process.on('warning', onWarning)
      pool.keeper.subscribe(() => {
        throw new Error('an observer of no manners')
      })
      const leave = pool.keeper.subscribe(() => leave())
      pool.keeper.subscribe((event) => void heard.push(event))
      expect(await burst(pool, 6)).toMatchObject({ failed: 0 })
      expect(heard.filter(({ type }) => type === 'acquired')).toHaveLength(6)
      await until('the warning', () => warnings.some(({ message }) => message.includes('an observer of no manners')))
      process.removeListener('warning', onWarning)
      expect(warnings.filter(({ name }) => name === 'PoolkeeperWarning')).toHaveLength(1)
    },

    'one that asks for it is told of each wait within the async context in which its caller asked': async ({ expect, open }) => {
      const pool = await open({ max: 2 })
      const request = new AsyncLocalStorage<number>()
      const askers: (number | undefined)[] = []
      const leave = pool.keeper.subscribe(
        (event) => {
          if (event.type === 'acquired' && event.waitMillis > 0) askers.push(request.getStore())
        },
        { withinCaller: true },
      )
      const requests = Array.from({ length: 12 }, (_, number) => number)
      await Promise.all(
        requests.map((number) =>
          request.run(number, async () => {
            await Promise.resolve()
            await pool.query()
          }),
        ),
      )
      // Where callers share connections, nobody may have had to wait.
      expect(askers.filter((asker) => asker === undefined)).toEqual([])
      expect(new Set(askers).size).toBe(askers.length)
      leave()
    },
  },
}
