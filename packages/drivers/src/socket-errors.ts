/** Node's own words for a connection that is lost, whatever was spoken over it. */
const LOST: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'ECONNREFUSED',
  'EPIPE',
  'EPERM',
  'ETIMEDOUT',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENOTCONN',
  'EBADF',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_SOCKET_CLOSED',
])

export function isSocketError(error: unknown): boolean {
  return LOST.has(codeOf(error))
}

export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
}

/** Drivers reject with errors, and are not bound to: what a WebSocket tells is an event, with the error in it. */
export function asError(error: unknown): Error {
  if (error instanceof Error) return error
  const { error: inner, message } = Object(error) as { readonly error?: unknown; readonly message?: unknown }
  if (inner instanceof Error) return inner
  return new Error(typeof message === 'string' ? message : String(error), { cause: error })
}
