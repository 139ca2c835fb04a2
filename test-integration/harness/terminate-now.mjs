// Runs one statement and prints its rows. A process of its own, so that its caller can block on it
// and go on before its own event loop has seen what the statement did.
import { Client } from 'pg'

const [url, applicationName, sql, params] = process.argv.slice(2)
const client = new Client({ connectionString: url, application_name: applicationName })
await client.connect()
const { rows } = await client.query(sql, JSON.parse(params))
await client.end()
process.stdout.write(JSON.stringify(rows))
