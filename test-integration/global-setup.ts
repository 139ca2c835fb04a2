import type { TestProject } from 'vitest/node'
import { startMariadb } from './harness/mariadb.ts'
import { startPostgres } from './harness/postgres.ts'
import { areServersRequired, type MissingServer, SERVER_TITLES, type ServerName } from './harness/provided-servers.ts'
import { startRedis } from './harness/redis.ts'
import type { ServerAddress } from './harness/server-address.ts'

type Outcome = (ServerAddress & { stop(): Promise<void> }) | MissingServer

/** Starts the servers that all test files share. A test that restarts a server starts its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [postgres, mariadb, redis] = await Promise.all([
    startPostgres().catch(toMissing),
    startMariadb().catch(toMissing),
    startRedis().catch(toMissing),
  ])
  const servers = { postgres, mariadb, redis }
  const stop = async (): Promise<void> => {
    await Promise.all(Object.values(servers).map(stopServer))
  }
  const complaints = complain(servers)
  if (complaints.length > 0 && areServersRequired()) {
    await stop()
    throw new Error(complaints.join('\n'))
  }
  for (const complaint of complaints) console.warn(complaint)
  project.provide('servers', {
    postgres: toProvided(postgres),
    mariadb: toProvided(mariadb),
    redis: toProvided(redis),
  })
  return stop
}

function complain(servers: Readonly<Record<ServerName, Outcome>>): string[] {
  const names = Object.keys(servers) as ServerName[]
  return names.flatMap((name) => {
    const server = servers[name]
    if (!('missing' in server)) return []
    return [`No ${SERVER_TITLES[name]} here, so no test ran that needs it: ${server.missing}`]
  })
}

async function stopServer(server: Outcome): Promise<void> {
  if ('stop' in server) await server.stop()
}

function toProvided(server: Outcome): ServerAddress | MissingServer {
  return 'missing' in server ? server : { url: server.url, adminUrl: server.adminUrl }
}

function toMissing(error: unknown): MissingServer {
  return { missing: error instanceof Error ? error.message : String(error) }
}
