import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { applyPoolPolicy, logPools } from '@poolkeeper/pg'
import pg from 'pg'
import { isAlive, readiness } from './probes.ts'

export interface ServiceOptions {
  readonly databaseUrl: string
  /** @defaultValue any that is free */
  readonly port?: number
  /** How long a load balancer goes on sending requests after a probe has said no. @defaultValue `0` */
  readonly stillSentMillis?: number
  readonly log: (line: string) => void
}

export interface Service {
  readonly port: number
  /** Finishes what it was asked, closes its connections, and resolves. Asked again, it is the same stop. */
  stop(): Promise<void>
}

/** A service with one pool, as an orchestrator sees it. */
export async function startService({ databaseUrl, port = 0, stillSentMillis = 0, log }: ServiceOptions): Promise<Service> {
  const stopLog = logPools(({ level, text }) => log(`${level}: ${text}`))
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 })
  // One connection is always kept, so that somebody finds out when the server is back: a service that is not ready is
  // sent no requests, and a pool that nobody uses has no reason to connect.
  const keeper = applyPoolPolicy(pool, { name: 'orders', min: 1, acquireTimeoutMillis: 2_000 })
  let stopping: Promise<void> | undefined

  const server = createServer((request, response) => {
    if (request.url === '/livez') answer(response, 200, isAlive())
    else if (request.url === '/readyz') {
      const { isReady, ...details } = readiness([keeper], stopping !== undefined)
      answer(response, isReady ? 200 : 503, details)
    } else {
      pool.query('select now() as now').then(
        ({ rows }) => answer(response, 200, rows[0]),
        (error: unknown) => answer(response, 500, { error: String(error) }),
      )
    }
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  // Not a condition for starting: a database that is down for a minute is no reason to be restarted in a loop.
  keeper.ready().catch((error: unknown) => log(`not ready yet: ${String(error)}`))

  async function stop(): Promise<void> {
    // Not ready from here on, and still serving.
    await new Promise((resolve) => setTimeout(resolve, stillSentMillis))
    server.close()
    server.closeIdleConnections()
    await once(server, 'close')
    const { clean, blockers } = await keeper.drain({ timeoutMillis: 5_000, waiters: 'finish' })
    if (!clean) log(`closed under their holders: ${JSON.stringify(blockers)}`)
    await pool.end()
    stopLog()
  }
  return { port: (server.address() as AddressInfo).port, stop: () => (stopping ??= stop()) }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body))
}
