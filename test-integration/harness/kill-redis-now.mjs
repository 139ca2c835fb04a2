// Kills the connections whose names begin so. A process of its own, so that its caller can block on it and go on
// before its own event loop has seen that they are gone.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

const [url, start] = process.argv.slice(2)
const redis = new Redis(url)
const listIds = async () => {
  const clients = (await redis.client('LIST')).split('\n').map((line) => new Map(line.split(' ').map((field) => field.split('='))))
  return clients.filter((fields) => fields.get('name')?.startsWith(start)).map((fields) => fields.get('id'))
}
const doomed = await listIds()
for (const id of doomed) await redis.client('KILL', 'ID', id)
while ((await listIds()).some((id) => doomed.includes(id))) await sleep(2)
redis.disconnect()
