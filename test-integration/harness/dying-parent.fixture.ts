// Starts servers, says where they are, and is killed by its test while one of them is frozen.
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

const [postgres, redis] = await Promise.all([startPostgres({ settings: {} }), startRedis({ settings: {} })])
const [row] = await postgres.admin.query<{ data_directory: string }>('show data_directory')
const found = { ports: [postgres.port, redis.port], folder: row?.data_directory }
postgres.pause()
process.stdout.write(`${JSON.stringify(found)}\n`)
setInterval(() => {}, 60_000)
