import { createRedisPool } from '@poolkeeper/ioredis'
import { Redis } from 'ioredis'

export const WORKERS = 40
export const TASKS = 50
const MAX = 50
const COUNTERS = 5

/** Ordinary commands, workers that block and tasks that watch, on keys of their own. */
export interface World {
  read(): Promise<unknown>
  push(job: string): Promise<unknown>
  /** Waits for one. */
  takeJob(worker: number): Promise<string | undefined>
  /** One more on a counter that others raise as well; returns how many attempts it took. */
  count(task: number): Promise<number>
  /** Of all counters. */
  total(): Promise<number>
  end(): Promise<unknown>
}

interface Ordinary {
  get(key: string): Promise<string | null>
  rpush(key: string, value: string): Promise<unknown>
  mget(keys: string[]): Promise<(string | null)[]>
}

/** All of it through one pool. */
export async function keptWorld(url: string, name: string): Promise<World> {
  const pool = createRedisPool(url, { max: MAX })
  await pool.connect()
  return {
    ...ordinary(pool, name),
    takeJob: async () => (await pool.blpop(`${name}:jobs`, 0))?.[1],
    count: (task) => pool.use((client) => addOne(client, counterOf(name, task))),
    end: () => pool.quit(),
  }
}

/** One client for what is ordinary, and a socket for each worker and each task. */
export async function bareWorld(url: string, name: string): Promise<World> {
  const [client, ...others] = Array.from({ length: 1 + WORKERS + TASKS }, () => new Redis(url)) as [Redis, ...Redis[]]
  const [workers, tasks] = [others.slice(0, WORKERS), others.slice(WORKERS)]
  await Promise.all(others.map((other) => other.ping()))
  return {
    ...ordinary(client, name),
    takeJob: async (worker) => (await workers[worker]?.blpop(`${name}:jobs`, 0))?.[1],
    count: (task) => addOne(tasks[task] as Redis, counterOf(name, task)),
    end: () => Promise.all([client, ...others].map((one) => one.quit())),
  }
}

function ordinary(client: Ordinary, name: string): Pick<World, 'read' | 'push' | 'total'> {
  const counters = Array.from({ length: COUNTERS }, (_, counter) => counterOf(name, counter))
  return {
    read: () => client.get(`${name}:key`),
    push: (job) => client.rpush(`${name}:jobs`, job),
    total: async () => (await client.mget(counters)).reduce((sum, count) => sum + Number(count), 0),
  }
}

function counterOf(name: string, task: number): string {
  return `${name}:count:${task % COUNTERS}`
}

async function addOne(client: Redis, key: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    await client.watch(key)
    const count = Number(await client.get(key))
    const done = await client.multi().set(key, count + 1).exec()
    if (done !== null) return attempt
  }
}
