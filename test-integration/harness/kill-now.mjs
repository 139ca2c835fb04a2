// Kills the connections that a query lists. A process of its own, so that its caller can block on it
// and go on before its own event loop has seen that they are gone.
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'

const [url, list] = process.argv.slice(2)
const connection = await createConnection(url)
const listIds = async () => (await connection.query(list))[0].map(({ id }) => id)
const doomed = await listIds()
for (const id of doomed) {
  await connection.query(`kill ${id}`).catch((error) => {
    if (error.code !== 'ER_NO_SUCH_THREAD') throw error
  })
}
while ((await listIds()).some((id) => doomed.includes(id))) await sleep(2)
await connection.end()
