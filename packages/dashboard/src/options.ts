import type { IncomingMessage } from 'node:http'
import { PoolkeeperError, systemClock, type Clock } from '@poolkeeper/core'

/** What the page can do to a pool; who may `'pause'` may also resume. */
export type DashboardOperation = 'recycle' | 'resize' | 'pause'

/** As it came: Node's own in `handler` (with whatever Express or Fastify put onto it), the Fetch API's in `fetch`. */
export type DashboardRequest = IncomingMessage | Request

/** Somebody who wants to see the pools, or to do something to one of them. */
export interface DashboardVisit {
  readonly action: 'view' | DashboardOperation
  /** The pool that it concerns; `undefined` with `'view'`, which concerns all. */
  readonly pool: string | undefined
  readonly request: DashboardRequest
  /** A header of the request, whichever kind it is. */
  header(name: string): string | undefined
}

/** How a visitor is turned away: `401` with `www-authenticate`, or `302` with a `location`, for example. */
export interface DashboardRefusal {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Nothing but `true` lets a visitor in. */
export type DashboardAuthorize = (
  visit: DashboardVisit,
) => boolean | DashboardRefusal | Promise<boolean | DashboardRefusal>

export interface DashboardOptions {
  /**
   * Decides on every request: who may see the pools, and who may do what to which. Only `true` is a yes; `false`,
   * an error or a rejection is answered with 403, a {@link DashboardRefusal} with what it says.
   *
   * @defaultValue whoever sits at this machine may see (never through a proxy, and not with
   * `NODE_ENV=production`); through `fetch`, which is not told where a request comes from, nobody may
   */
  readonly authorize?: DashboardAuthorize
  /**
   * What the page offers to do. It takes an `authorize`, which is asked each time.
   *
   * @defaultValue nothing
   */
  readonly operations?: readonly DashboardOperation[]
  /**
   * The path below which the dashboard is, as the handler is shown it: not needed where the framework takes the
   * path of the mount off (Express's `use(path, …)`), or knows it (Fastify's `prefix`).
   *
   * @defaultValue `'/'`
   */
  readonly basePath?: string
  /**
   * The heading of the page.
   *
   * @defaultValue `'Connection pools'`
   */
  readonly title?: string
  /**
   * Whether the last statement of whoever holds a connection is shown, where it is known. Statements may hold
   * data that not everybody who looks after pools should see.
   *
   * @defaultValue `false`
   */
  readonly statements?: boolean
  /**
   * How many may watch at once; the next is answered with 503. An integer from 1 to 1_000.
   *
   * @defaultValue `20`
   */
  readonly maxWatchers?: number
  /** @defaultValue real time */
  readonly clock?: Clock
}

export interface DashboardSettings {
  readonly authorize: DashboardAuthorize | undefined
  readonly operations: readonly DashboardOperation[]
  /** Without a slash at its end: empty for `/`. */
  readonly basePath: string
  readonly title: string
  readonly statements: boolean
  readonly maxWatchers: number
  readonly clock: Clock
}

const OPERATIONS: readonly DashboardOperation[] = ['recycle', 'resize', 'pause']
const KNOWN: Readonly<Record<keyof DashboardOptions, true>> = {
  authorize: true,
  operations: true,
  basePath: true,
  title: true,
  statements: true,
  maxWatchers: true,
  clock: true,
}

/** @throws PoolkeeperError `INVALID_POLICY` naming the option, its bound and the value */
export function settingsOf(options: DashboardOptions): DashboardSettings {
  for (const [name, value] of Object.entries(options)) {
    if (!(name in KNOWN)) throw refused(name, `one of ${Object.keys(KNOWN).join(', ')}`, value)
  }
  const { authorize, operations = [], basePath = '/', title = 'Connection pools' } = options
  const { statements = false, maxWatchers = 20, clock = systemClock } = options
  if (authorize !== undefined && typeof authorize !== 'function') throw refused('authorize', 'a function', authorize)
  if (!isListOfOperations(operations)) throw refused('operations', `a list of ${OPERATIONS.join(', ')}`, operations)
  if (operations.length > 0 && authorize === undefined) {
    throw refused('authorize', 'a function where there are operations', authorize)
  }
  if (typeof basePath !== 'string' || !/^\/[^?#]*$/.test(basePath)) throw refused('basePath', 'a path that begins with /', basePath)
  if (typeof title !== 'string') throw refused('title', 'a text', title)
  if (typeof statements !== 'boolean') throw refused('statements', 'true or false', statements)
  if (!Number.isInteger(maxWatchers) || maxWatchers < 1 || maxWatchers > 1_000) {
    throw refused('maxWatchers', 'an integer from 1 to 1000', maxWatchers)
  }
  return { authorize, operations: [...operations], basePath: basePath.replace(/\/+$/, ''), title, statements, maxWatchers, clock }
}

function isListOfOperations(value: unknown): value is readonly DashboardOperation[] {
  return Array.isArray(value) && value.every((one) => OPERATIONS.includes(one as DashboardOperation))
}

function refused(option: string, bound: string, value: unknown): PoolkeeperError {
  const shown = typeof value === 'function' ? 'a function' : JSON.stringify(value)
  return new PoolkeeperError('INVALID_POLICY', `${option} must be ${bound}; it is ${shown}`, { invalid: { option, bound, value } })
}
