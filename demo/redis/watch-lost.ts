import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Scenario } from '../scenario.ts'
import { DEFAULTS_TEXT, redisScenario, type Stage } from './redis-scenario.ts'

const ACCOUNTS = 10
const TIMES = 3
/** Between what is read and what is written. */
const THOUGHT_MILLIS = 150

export const watchLost: Scenario = redisScenario({
  name: 'redis-watch',
  title: 'The connection is lost between WATCH and EXEC',
  story:
    'Each request, 20 a second, adds one to an account that it watches: WATCH, GET, a thought of 150 ms, MULTI, SET, EXEC. ' +
    'Three times all connections are reset, and at that moment another process adds one to each account. ioredis connects ' +
    'again, forgets what it watched, and overwrites it; here each bare transaction even has a client for itself. In the ' +
    'pool the transaction fails by type. Wrong: additions that were acknowledged, and are not there.',
  settingsText: DEFAULTS_TEXT,
  patienceMillis: 2_000,
  ask: ({ use }, number) => use((client) => addOne(client, accountOf(number))),
  async perform(stage) {
    await Promise.all([stage.load.steady({ perSecond: 20, seconds: 5 }), interfere(stage)])
  },
  async audit(server, ok) {
    const values = await Promise.all(Array.from({ length: ACCOUNTS }, (_, account) => server.command('GET', accountOf(account))))
    const total = values.reduce((sum, value) => sum + Number(value), 0)
    return Math.max(0, ok + TIMES * ACCOUNTS - total)
  },
})

function accountOf(number: number): string {
  return `account:${number % ACCOUNTS}`
}

async function addOne(client: Redis, account: string): Promise<void> {
  for (;;) {
    await client.watch(account)
    const balance = Number(await client.get(account))
    await sleep(THOUGHT_MILLIS)
    const done = await client.multi().set(account, balance + 1).exec()
    if (done !== null) return
  }
}

async function interfere({ mark, network, server }: Stage): Promise<void> {
  for (let time = 1; time <= TIMES; time += 1) {
    await sleep(1_200)
    network.cut()
    mark(`cut ${time}`)
    await Promise.all(Array.from({ length: ACCOUNTS }, (_, account) => server.command('INCR', accountOf(account))))
  }
}
