import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Board } from './board.ts'
import { nodeHandler } from './node-handler.ts'

interface Reply {
  readonly raw: ServerResponse
  hijack(): unknown
}

/** What is asked of a Fastify instance. */
export interface FastifyLike {
  /** Where the plugin is registered. */
  readonly prefix: string
  all(path: string, handler: (request: { readonly raw: IncomingMessage }, reply: Reply) => void): unknown
  removeAllContentTypeParsers(): unknown
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown
}

export function fastifyPlugin(board: Board): (fastify: FastifyLike, options: unknown, done: () => void) => void {
  return (fastify, _options, done) => {
    const handler = nodeHandler(board, fastify.prefix)
    // The body is read by the handler, which takes but a few bytes of one.
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
    const answer = (request: { readonly raw: IncomingMessage }, reply: Reply): void => {
      reply.hijack()
      handler(request.raw, reply.raw)
    }
    fastify.all('/', answer)
    fastify.all('/*', answer)
    done()
  }
}
