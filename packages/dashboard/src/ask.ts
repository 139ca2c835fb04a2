import type { DashboardRequest } from './options.ts'

/** A request, whichever kind of server it came through. */
export interface Ask {
  readonly method: string
  /** Below the base path, without the query; `/` for the base path itself. */
  readonly path: string
  readonly request: DashboardRequest
  /** Whether it comes straight from this machine; `false` where that is not known. */
  readonly isLocal: boolean
  header(name: string): string | undefined
  /** Its body; rejects when it is no JSON, or too long. */
  json(): Promise<unknown>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Its whole body, or what keeps writing one from now on. */
  readonly body: string | ((sink: Sink) => () => void)
}

/** Where a stream of events goes. */
export interface Sink {
  /** What was written before has not been taken yet. */
  readonly isBlocked: boolean
  /** The server it belongs to takes no more requests. */
  readonly isClosing: boolean
  write(text: string): void
  end(): void
}

export const MAX_BODY_BYTES = 4_096

/**
 * The path below `base`; `undefined` when it is not below it. Not decoded: no path of the dashboard has anything
 * to decode.
 */
export function pathBelow(base: string, url: string): string | undefined {
  const [path = ''] = url.split(/[?#]/, 1)
  if (path === base) return '/'
  return path.startsWith(`${base}/`) ? path.slice(base.length) : undefined
}
