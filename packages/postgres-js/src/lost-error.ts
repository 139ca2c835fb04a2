import type { Gate } from './gate.ts'

/** In the words of postgres.js, with what the socket or the server said last as its cause. */
export function lostError({ host, lastError, port }: Gate): Error {
  const code = 'CONNECTION_CLOSED'
  const error = new Error(`write ${code} ${host}:${port}`, lastError === undefined ? {} : { cause: lastError })
  return Object.assign(error, { code, errno: code, address: host, port })
}
