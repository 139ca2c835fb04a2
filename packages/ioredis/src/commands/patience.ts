import type { HostClient, SentCommand } from '../host/redis-client.ts'
import { kindOf } from './names.ts'

interface Connection {
  readonly client: HostClient
}

const WAITING: ReadonlySet<string> = new Set(['wait', 'waitaof'])

export function isBlocking(command: SentCommand): boolean {
  return kindOf(command) === 'blocking'
}

/** Something is in flight on it that the server answers when it likes. */
export function mayBlock({ client }: Connection): boolean {
  return client.commandQueue.toArray().some(({ command }) => isBlocking(command))
}

/** The same; or something of a module, which may work on it beside what the server answers to others. */
export function mayWait({ client }: Connection): boolean {
  return client.commandQueue.toArray().some(({ command }) => isBlocking(command) || command.name.includes('.') || WAITING.has(command.name.toLowerCase()))
}
