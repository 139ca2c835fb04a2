import type { ReadableStreamDefaultController, UnderlyingSource } from 'node:stream/web'
import { MAX_BODY_BYTES, pathBelow, type Answer, type Ask, type Sink } from './ask.ts'
import type { Board } from './board.ts'

/** What may lie in a stream that its reader has not taken. */
const WAITING_BYTES = 262_144

/** For Hono, and whoever else speaks the Fetch API. */
export function fetchHandler(board: Board, basePath: string): (request: Request) => Promise<Response> {
  return async (request) => {
    const path = pathBelow(basePath, new URL(request.url).pathname)
    const answer = path === undefined ? undefined : await board.answer(askOf(request, path))
    return answer === undefined ? new Response('Not found\n', { status: 404 }) : responseOf(answer, request)
  }
}

function askOf(request: Request, path: string): Ask {
  const { host } = new URL(request.url)
  return {
    method: request.method,
    path,
    request,
    isLocal: false,
    // Some make a request without the header that its address was made from.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? host : undefined),
    json: () => jsonOf(request),
  }
}

async function jsonOf({ body }: Request): Promise<unknown> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.byteLength
    if (length > MAX_BODY_BYTES) throw new RangeError('too long')
    text += decoder.decode(chunk, { stream: true })
  }
  return JSON.parse(text)
}

function responseOf({ status, headers, body }: Answer, request: Request): Response {
  if (typeof body === 'string') return new Response(request.method === 'HEAD' ? null : body, { status, headers })
  return new Response(streamOf(body, request.signal), { status, headers })
}

function streamOf(watch: (sink: Sink) => () => void, signal: AbortSignal): ReadableStream<Uint8Array> {
  const stream = new EventStream(watch, signal)
  return new ReadableStream(stream, new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES }))
}

/** One watcher's stream, which ends once: when its reader cancels it, leaves, or has had enough. */
class EventStream implements UnderlyingSource<Uint8Array>, Sink {
  readonly isClosing = false
  readonly #watch: (sink: Sink) => () => void
  readonly #signal: AbortSignal
  readonly #encoder = new TextEncoder()
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #leave: () => void = () => {}

  constructor(watch: (sink: Sink) => () => void, signal: AbortSignal) {
    this.#watch = watch
    this.#signal = signal
  }

  readonly start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    this.#controller = controller
    this.#leave = this.#watch(this)
    // Not every framework cancels the stream of a client that has left.
    if (this.#signal.aborted) this.#quit()
    else this.#signal.addEventListener('abort', this.#quit)
  }

  readonly cancel = (): void => {
    this.#controller = undefined
    this.#signal.removeEventListener('abort', this.#quit)
    this.#leave()
  }

  get isBlocked(): boolean {
    return (this.#controller?.desiredSize ?? 0) <= 0
  }

  write(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text))
  }

  end(): void {
    const controller = this.#controller
    this.#controller = undefined
    this.#signal.removeEventListener('abort', this.#quit)
    controller?.close()
  }

  readonly #quit = (): void => {
    this.#leave()
    this.end()
  }
}
