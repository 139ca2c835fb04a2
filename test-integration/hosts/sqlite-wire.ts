import type { KnexWire } from './knex-harness.ts'
import { NO_SERVER } from './no-server.ts'

export function sqliteWire(fileOf: (label: string) => string): KnexWire {
  const numbers = new WeakMap<object, number>()
  let last = 0
  return {
    target: undefined,
    config: async (_address, label) => ({
      client: 'better-sqlite3',
      connection: { filename: fileOf(label) },
      useNullAsDefault: true,
    }),
    door: () => NO_SERVER,
    forget: async () => {},
    numberOf(connection) {
      const number = numbers.get(connection) ?? ++last
      numbers.set(connection, number)
      return number
    },
  }
}
