import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface MetricsServer {
  readonly port: number
  close(): Promise<void>
}

/** Where Prometheus looks. */
export async function serveMetrics(registry: { metrics(): Promise<string>; readonly contentType?: string }): Promise<MetricsServer> {
  const server = createServer((_request, response) => {
    registry.metrics().then(
      (text) => response.setHeader('content-type', registry.contentType ?? 'text/plain').end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const closed = once(server, 'close')
  return {
    port,
    async close() {
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
