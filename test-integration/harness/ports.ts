import { connect, createServer } from 'node:net'

export const LOOPBACK = '127.0.0.1'

// Below the ephemeral ranges of Linux (32768 up) and macOS (49152 up): an outgoing connection can
// then never take the port of a server that is down for a moment because a test restarts it.
const FIRST_PORT = 15_000
const LAST_PORT = 32_000
const ATTEMPTS = 50

/** A port on 127.0.0.1 that nobody listens on now and that the kernel hands to nobody by itself. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    if (await canListenOn(port)) return port
  }
  throw new Error(`no free port between ${FIRST_PORT} and ${LAST_PORT} after ${ATTEMPTS} attempts`)
}

/** Whether anybody accepts connections on this port of 127.0.0.1. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK)
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

function canListenOn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, LOOPBACK, () => probe.close(() => resolve(true)))
  })
}
