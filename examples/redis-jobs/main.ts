import { startRedis } from '../../test-integration/harness/redis.ts'
import { dayAtTheShop } from './day.ts'

const PLAN = { pieces: 60, buyers: 90, packers: 6, visitors: 10 }

const url = process.env['REDIS_URL']
const server = url === undefined ? await startRedis() : undefined
try {
  const day = await dayAtTheShop(url ?? server!.url, PLAN)
  console.log(`${PLAN.buyers} buyers for ${PLAN.pieces} pieces: ${day.sold} sold, ${day.left} left`)
  console.log(`${PLAN.packers} packers who wait for orders: ${day.packed.length} parcels, ${new Set(day.packed).size} of them different`)
  console.log(`${PLAN.visitors} visitors meanwhile: ${day.views} pages, 99 of 100 within ${day.viewP99Millis.toFixed(1)} ms`)
  console.log(`BullMQ beside the pool: ${day.confirmed.length} mails`)
  console.log(`The pool opened ${day.connections} connections, of at most ${day.max}`)
} finally {
  await server?.stop()
}
