import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../harness/redis.ts'
import { until } from '../harness/until.ts'
import { outcomeOf, type RedisScene, redisScene } from './ioredis-pool.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

/** Lets nobody in any more, and waits until the pool knows that all are out. */
async function goDown({ keeper, proxy }: RedisScene): Promise<void> {
  proxy.refuse()
  proxy.cut()
  await until('all are lost', async () => keeper.stats().idle + keeper.stats().used === 0)
}

test('while the server is down, one circuit for lanes and leases refuses at once with the last cause; one probe closes it', async () => {
  const scene = await redisScene(server, { policy: { circuit: 3, createBackoff: { longestMillis: 100 } } })
  const { pool, keeper, proxy } = scene
  const told: string[] = []
  keeper.subscribe(({ type, pool: name }) => {
    if (type.startsWith('circuit')) told.push(`${type} ${name.endsWith(' leases') ? 'leases' : 'lanes'}`)
  })
  expect([await pool.ping(), await pool.use((client) => client.ping())]).toEqual(['PONG', 'PONG'])
  await goDown(scene)
  // Who waited when it opened is refused then; his deadline is a minute.
  const waited = await outcomeOf(pool.ping())
  expect(waited.error).toMatchObject({ code: 'CIRCUIT_OPEN', cause: { code: expect.any(String) as string } })
  expect(keeper.stats().circuit).not.toBe('closed')
  const refusals = await Promise.all([outcomeOf(pool.get('key')), outcomeOf(pool.multi().incr('count').exec()), outcomeOf(pool.use((client) => client.ping())), outcomeOf(pool.blpop('jobs', 0))])
  for (const { error } of refusals) expect(error).toMatchObject({ code: 'CIRCUIT_OPEN', cause: expect.anything() as unknown })
  expect(told).toEqual(['circuitOpened lanes'])
  expect(keeper.health().status).toBe('down')
  const opened = keeper.stats().opens.ok
  proxy.heal()
  await until('it is closed by itself', async () => keeper.stats().circuit === 'closed')
  expect(keeper.stats().opens.ok).toBe(opened + 1)
  expect([await pool.ping(), await pool.use((client) => client.ping())]).toEqual(['PONG', 'PONG'])
  expect(told).toHaveLength(2)
})

test('without one, who comes while the server is down waits for it, up to his deadline', async () => {
  const scene = await redisScene(server)
  const { pool, keeper, proxy } = scene
  await pool.ping()
  await goDown(scene)
  const waits = pool.ping()
  await until('it was tried', async () => keeper.stats().opens.failed > 4)
  expect(keeper.stats()).toMatchObject({ circuit: 'closed', pending: 1 })
  proxy.heal()
  expect(await waits).toBe('PONG')
})
