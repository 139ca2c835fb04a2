import { startService } from './service.ts'

const { DATABASE_URL: databaseUrl = 'postgres://127.0.0.1/postgres', PORT: port = '3000', STILL_SENT_MILLIS: still = '5000' } = process.env

const service = await startService({ databaseUrl, port: Number(port), stillSentMillis: Number(still), log: console.error })
console.log(`http://127.0.0.1:${service.port}/  /readyz  /livez`)

// Not process.exit(): nothing is left that would keep the process alive.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void service.stop())
