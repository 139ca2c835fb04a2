import { createRedisPool, keeperOf, type RedisPool } from '@poolkeeper/ioredis'
import { Mail } from './mail.ts'
import { Visitors } from './pages.ts'
import { buy, CLOSED, closeOrders, fillStock, leftInStock, nextOrder } from './stock.ts'

/** All that the example writes begins with this. */
const PREFIX = 'poolkeeper-example'
const POOL = { max: 20 } as const

export interface Plan {
  readonly pieces: number
  readonly buyers: number
  readonly packers: number
  readonly visitors: number
}

export interface Day {
  readonly sold: number
  readonly left: number
  /** Whose parcels were packed, in the order of packing. */
  readonly packed: readonly string[]
  /** Who got a mail. */
  readonly confirmed: readonly string[]
  readonly views: number
  readonly viewP99Millis: number
  /** That the pool opened, of `max`. */
  readonly connections: number
  readonly max: number
}

/** One day of a shop: visitors, buyers, packers and mail, all at once, in one process. */
export async function dayAtTheShop(url: string, plan: Plan): Promise<Day> {
  const redis = createRedisPool(url, { keyPrefix: `${PREFIX}:` }, POOL)
  const mail = new Mail(url, PREFIX)
  try {
    return await live(redis, mail, plan)
  } finally {
    await mail.end()
    await redis.del('stock', 'parcels', 'views')
    await redis.quit()
  }
}

async function live(redis: RedisPool, mail: Mail, plan: Plan): Promise<Day> {
  await fillStock(redis, plan.pieces)
  const visitors = new Visitors(redis)
  const packed: string[] = []
  const work = async (): Promise<boolean[]> => {
    const [bought] = await Promise.all([sell(redis, plan), packAll(redis, mail, packed, plan)])
    await mail.untilSent(packed.length)
    return bought
  }
  const [bought] = await Promise.all([work().finally(() => visitors.leave()), visitors.come(plan.visitors)])
  return {
    sold: bought.filter(Boolean).length,
    left: Number(await leftInStock(redis)),
    packed,
    confirmed: mail.sent,
    views: visitors.views,
    viewP99Millis: visitors.p99Millis,
    connections: keeperOf(redis).stats().opens.ok,
    max: POOL.max,
  }
}

async function sell(redis: RedisPool, { buyers, packers }: Plan): Promise<boolean[]> {
  const bought = await Promise.all(Array.from({ length: buyers }, (_, number) => buy(redis, `buyer ${number}`)))
  await closeOrders(redis, packers)
  return bought
}

async function packAll(redis: RedisPool, mail: Mail, packed: string[], { packers }: Plan): Promise<void> {
  const pack = async (): Promise<void> => {
    for (let buyer = await nextOrder(redis); buyer !== undefined && buyer !== CLOSED; buyer = await nextOrder(redis)) {
      packed.push(buyer)
      await mail.confirm(buyer)
    }
  }
  await Promise.all(Array.from({ length: packers }, pack))
}
