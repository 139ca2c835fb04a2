import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Scenario } from '../scenario.ts'
import { redisScenario, type Stage } from './redis-scenario.ts'

const LIMIT_MILLIS = 1_500
const LOOK_EVERY_MILLIS = 10

export const ageLimit: Scenario = redisScenario({
  name: 'redis-age-limit',
  title: 'A balancer resets each connection at its age limit',
  story:
    'Between application and server stands a balancer that resets connections that are 1.5 seconds old. 200 INCR a second ' +
    'over a network that takes 10 ms. The pool lets its connections live for one second: the next one is opened first, and ' +
    'takes what comes, while the old one is answered what it has asked. Wrong: executed twice.',
  policy: { maxLifetimeMillis: 1_000 },
  settingsText: 'Bare: ioredis has no such setting. Kept: maxLifetimeMillis 1 000.',
  patienceMillis: 2_000,
  ask: ({ redis }) => redis.incr('count'),
  async perform(stage) {
    stage.network.delay(10)
    const balancer = new Balancer(stage)
    await stage.load.steady({ perSecond: 200, seconds: 6 })
    await balancer.stop()
  },
  audit: async (server, ok, errors) => Math.max(0, Number(await server.command('GET', 'count')) - ok - errors),
})

class Balancer {
  readonly #stage: Stage
  readonly #firstSeen = new Map<number, number>()
  readonly #looking: Promise<void>
  #isStopped = false

  constructor(stage: Stage) {
    this.#stage = stage
    this.#looking = this.#look()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#looking
  }

  async #look(): Promise<void> {
    const { mark, network } = this.#stage
    while (!this.#isStopped) {
      for (const port of network.clientPorts) {
        const seen = this.#firstSeen.get(port) ?? performance.now()
        this.#firstSeen.set(port, seen)
        if (performance.now() - seen < LIMIT_MILLIS) continue
        network.cut({ clientPorts: [port] })
        this.#firstSeen.delete(port)
        mark('reset')
      }
      await sleep(LOOK_EVERY_MILLIS)
    }
  }
}
