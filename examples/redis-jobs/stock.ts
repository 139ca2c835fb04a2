import type { RedisPool } from '@poolkeeper/ioredis'

const STOCK = 'stock'
const ORDERS = 'parcels'

export function fillStock(redis: RedisPool, pieces: number): Promise<unknown> {
  return redis.set(STOCK, pieces)
}

/**
 * Sells one piece, if there is one. What is watched belongs to a connection, so this has one for itself: whoever buys
 * at the same moment is seen. Should the connection be lost meanwhile, this fails, and sells nothing.
 */
export function buy(redis: RedisPool, buyer: string): Promise<boolean> {
  return redis.use(async (client) => {
    for (;;) {
      await client.watch(STOCK)
      if (Number(await client.get(STOCK)) === 0) return false
      const sold = await client.multi().decr(STOCK).rpush(ORDERS, buyer).exec()
      if (sold !== null) return true
    }
  })
}

export function leftInStock(redis: RedisPool): Promise<string | null> {
  return redis.get(STOCK)
}

/** The next order; a packer waits for it, on a connection of his own, and nobody waits for him. */
export async function nextOrder(redis: RedisPool): Promise<string | undefined> {
  return (await redis.blpop(ORDERS, 0))?.[1]
}

/** Sends so many packers home. */
export function closeOrders(redis: RedisPool, packers: number): Promise<unknown> {
  return redis.rpush(ORDERS, ...Array.from({ length: packers }, () => CLOSED))
}

export const CLOSED = 'closed'
