import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { LOOPBACK } from './ports.ts'

export interface WebSocketProxy {
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

/** Carries what comes over WebSockets to a TCP server, and back, as Neon's own proxy does. */
export async function startWebSocketProxy(target: { readonly host: string; readonly port: number }): Promise<WebSocketProxy> {
  const server = new WebSocketServer({ host: LOOPBACK, port: 0 })
  server.on('connection', (socket) => carry(socket, target))
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    host: LOOPBACK,
    port,
    async close() {
      for (const socket of server.clients) socket.terminate()
      server.close()
      await once(server, 'close')
    },
  }
}

function carry(socket: WebSocket, { host, port }: { readonly host: string; readonly port: number }): void {
  const wire = connect(port, host)
  wire.setNoDelay(true)
  socket.on('message', (data: Buffer) => wire.write(data))
  socket.on('close', () => wire.destroy())
  socket.on('error', () => wire.destroy())
  wire.on('data', (data) => socket.send(data))
  wire.on('close', () => socket.close())
  wire.on('error', () => socket.terminate())
}
