import { Board } from './board.ts'
import { documentOf } from './document.ts'
import { fastifyPlugin, type FastifyLike } from './fastify.ts'
import { fetchHandler } from './fetch-handler.ts'
import { nodeHandler, type NodeHandler } from './node-handler.ts'
import { settingsOf, type DashboardOptions } from './options.ts'
import { RecentEvents } from './recent-events.ts'
import { Watch } from './watch.ts'

/** A page that shows the pools of this process, to be put into the server that is there already. */
export interface Dashboard {
  /** For Node's own `http`, for Express and for Connect. What is not the dashboard's goes on to `next`, or is 404. */
  readonly handler: NodeHandler
  /** For Hono, and whoever else answers a `Request` with a `Response`. Nobody is let in without `authorize`. */
  readonly fetch: (request: Request) => Promise<Response>
  /** For Fastify: `app.register(board.fastify, { prefix: '/pools' })`. */
  readonly fastify: (fastify: FastifyLike, options: unknown, done: () => void) => void
  /**
   * Ends the streams of all who watch, and stops listening to the pools. A server that closes ends its streams by
   * itself within a second.
   */
  close(): void
}

/**
 * A page that shows every pool of this process, live: what is used, idle and waited for, how long, why connections
 * were closed, who holds what, what went wrong last. Pools are looked at while somebody watches, and else left alone.
 *
 * @throws PoolkeeperError `INVALID_POLICY` when an option makes no sense
 */
export function dashboard(options: DashboardOptions = {}): Dashboard {
  const settings = settingsOf(options)
  const events = new RecentEvents(settings.statements)
  const watch = new Watch(settings, events)
  const board = new Board(settings, documentOf(settings.title), watch)
  return {
    handler: nodeHandler(board, settings.basePath),
    fetch: fetchHandler(board, settings.basePath),
    fastify: fastifyPlugin(board),
    close() {
      watch.close()
      events.close()
    },
  }
}
