import { describe, inject } from 'vitest'
import { SERVER_TITLES, type ServerName } from './provided-servers.ts'
import type { ServerAddress } from './server-address.ts'

export interface RequiredServer extends ServerAddress {
  /** As vitest's own; without the server the tests inside are skipped, and their title says why. */
  describe(title: string, body: () => void): void
}

/**
 * One of the servers that all the test files of a run share, to be called at the top of a file. Its
 * address is for hooks and tests; it is empty when they are skipped.
 */
export function requireServer(name: ServerName): RequiredServer {
  const server = inject('servers')[name]
  if (!('missing' in server)) return { ...server, describe }
  const reason = `skipped, no ${SERVER_TITLES[name]}: ${server.missing}`
  return {
    url: '',
    adminUrl: '',
    describe: (title, body) => describe.skip(`${title} (${reason})`, body),
  }
}
