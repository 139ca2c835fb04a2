import { describeAdapter } from '@poolkeeper/conformance'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { startWebSocketProxy, type WebSocketProxy } from '../harness/websocket-proxy.ts'
import { testSupportMatrix } from '../support-matrix.ts'
import { connectThroughProxies, drizzleNeon } from './drizzle-neon-harness.ts'

const address = requireServer('postgres')

address.describe('Drizzle on Neon, over WebSockets', () => {
  let server: PostgresServer
  let entrance: WebSocketProxy

  beforeAll(async () => {
    server = await attachPostgres(address)
    entrance = await startWebSocketProxy(server)
    connectThroughProxies()
  })
  afterAll(async () => {
    await entrance.close()
    await server.stop()
  })

  testSupportMatrix(
    describeAdapter(
      { describe, test, expect },
      drizzleNeon({ name: 'Drizzle · neon-serverless', way: 'withPoolPolicy', trip: 'execute', server: () => server, entrance: () => entrance }),
    ),
  )
})
