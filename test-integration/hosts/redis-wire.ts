import type { ServerConnection, ServerDoor } from '@poolkeeper/conformance'
import type { RedisMonitor } from '../harness/redis-monitor.ts'
import type { RedisClient, RedisServer } from '../harness/redis.ts'

/** A server, and somebody who listens to what it hears. */
export interface WatchedRedis {
  readonly server: RedisServer
  readonly monitor: RedisMonitor
}

/** By which the server knows the connection of a pool with that number. */
export function nameOf(label: string, number: number): string {
  return `${label}.${number}`
}

export function numberIn(name: string): number {
  return Number(name.slice(name.lastIndexOf('.') + 1))
}

/** Redis's own view of the connections whose names begin with a label. */
export function redisDoor({ server, monitor }: WatchedRedis, label: string): ServerDoor {
  const start = nameOf(label, 0).slice(0, -1)
  const own = async (): Promise<RedisClient[]> => (await server.connections()).filter(({ name }) => name.startsWith(start))
  return {
    async connections() {
      const clients = await own()
      const silences = await monitor.silences()
      const connections = clients.map(({ address, name }): ServerConnection => ({ id: numberIn(name), silentMillis: silences(address) ?? 0 }))
      return connections.sort((one, other) => one.id - other.id)
    },
    async kill() {
      for (const { id } of await own()) await server.command('CLIENT', 'KILL', 'ID', String(id))
    },
    killUnseen: () => server.killClientsSync(start),
  }
}

/** Whether a MULTI is open on a connection, in the eyes of the server: its driver would have to ask within it. */
export async function isInMulti(server: RedisServer, name: string): Promise<boolean> {
  return (await server.connections()).some((client) => client.name === name && client.isInMulti)
}

/** Sends what the server knows no command by; resolves when it has said so. */
export async function refusedByServer(client: { call(command: string): Promise<unknown> }): Promise<void> {
  const isTaken = await client.call('NOSUCHCOMMAND').then(
    () => true,
    () => false,
  )
  if (isTaken) throw new Error('the server took a command that it should have refused')
}
