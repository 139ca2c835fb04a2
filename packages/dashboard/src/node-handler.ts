import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { MAX_BODY_BYTES, pathBelow, type Answer, type Ask, type Sink } from './ask.ts'
import type { Board } from './board.ts'

/** For `http.createServer`, Express, Connect, and whoever else speaks Node's own requests. */
export type NodeHandler = (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void) => void

export function nodeHandler(board: Board, basePath: string): NodeHandler {
  return (request, response, next) => {
    const path = pathBelow(basePath, request.url ?? '/')
    const answer = path === undefined ? undefined : board.answer(new NodeAsk(request, path))
    if (answer === undefined) {
      if (next === undefined) response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('Not found\n')
      else next()
      return
    }
    answer
      .then((ready) => give(ready, request, response))
      .catch((error: unknown) => {
        if (next === undefined) response.destroy()
        else next(error)
      })
  }
}

class NodeAsk implements Ask {
  readonly request: IncomingMessage
  readonly path: string
  readonly method: string

  constructor(request: IncomingMessage, path: string) {
    this.request = request
    this.path = path
    this.method = request.method ?? 'GET'
  }

  get isLocal(): boolean {
    return /^(127\.|::1$|::ffff:127\.)/.test(this.request.socket.remoteAddress ?? '')
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name.toLowerCase()] ?? (name === 'host' ? this.request.headers[':authority'] : undefined)
    return Array.isArray(value) ? value.join(', ') : value
  }

  async json(): Promise<unknown> {
    // A framework may have read it already.
    const { body } = this.request as { body?: unknown }
    if (typeof body === 'object' && body !== null) return body
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > MAX_BODY_BYTES) throw new RangeError('too long')
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  }
}

function give({ status, headers, body }: Answer, request: IncomingMessage, response: ServerResponse): void {
  // Whoever asked may have left while `authorize` thought about it.
  if (response.destroyed || response.headersSent) return
  if (typeof body === 'string') {
    const length = { 'content-length': Buffer.byteLength(body) }
    response.writeHead(status, { ...headers, ...length }).end(request.method === 'HEAD' ? undefined : body)
    return
  }
  // The connection ends with the stream: a server that closes waits for nothing else.
  if (request.httpVersionMajor === 1) response.setHeader('connection', 'close')
  response.writeHead(status, headers)
  response.on('close', body(new NodeSink(request, response)))
  response.on('error', () => response.destroy())
}

class NodeSink implements Sink {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request
    this.#response = response
  }

  get isBlocked(): boolean {
    return this.#response.writableNeedDrain
  }

  /** Node knows of each connection whose it is, and tells nobody: where it is not there, a stream ends by its age. */
  get isClosing(): boolean {
    return (this.#request.socket as Socket & { readonly server?: Server | null }).server?.listening === false
  }

  write(text: string): void {
    this.#response.write(text)
  }

  /** What a blocked client has not taken it never will. */
  end(): void {
    if (this.isBlocked) this.#response.destroy()
    else this.#response.end()
  }
}
