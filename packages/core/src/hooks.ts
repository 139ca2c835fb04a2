/** What every hook is told of its connection. */
export interface HookInfo {
  /** The pool's name. */
  readonly pool: string
  /** The connection's number, as events tell it. */
  readonly connection: number
}

export type OpenInfo = HookInfo

export interface AcquireInfo extends HookInfo {
  /** How often it has been lent, this time included: `1` is the first time. */
  readonly uses: number
  /** Milliseconds since it was given back; since it opened, if it was never lent. */
  readonly idleMillis: number
}

export interface ReleaseInfo extends HookInfo {
  /** How often it has been lent, this time included. */
  readonly uses: number
  /** Milliseconds for which it was held. */
  readonly useMillis: number
}

/** Called with the driver's own object; name its type in your function (`(client: pg.Client) => …`). */
export type OpenHook = { call(connection: object, info: OpenInfo): unknown }['call']

/** Called with the driver's own object, as `OpenHook`. */
export type AcquireHook = { call(connection: object, info: AcquireInfo): unknown }['call']

/** Called with the driver's own object, as `OpenHook`. */
export type ReleaseHook = { call(connection: object, info: ReleaseInfo): unknown }['call']

/** Which hook something is told of. */
export type HookName = 'onOpen' | 'onAcquire' | 'onRelease'

export interface HookOptions {
  /**
   * Called once for every real connection, before anybody is lent it, also for those that are opened
   * in the background: for what a session needs for its whole life (`SET search_path`, prepared
   * statements, types).
   *
   * Part of the connect: `connectTimeoutMillis` bounds it, and it counts into `openMillis`. A throw, or
   * a hook that does not return in time, is a failed connect: the connection is destroyed, with reason
   * `hook`, and who waited for it gets the error. Connections that were there before the policy was
   * applied are not shown to it.
   *
   * A function, called with the driver's connection and an `OpenInfo`.
   *
   * @defaultValue none
   */
  readonly onOpen?: OpenHook

  /**
   * Called at every checkout, after the connection was judged and checked, before the caller has
   * it: for what belongs to one borrower (a tenant, an application name), or to refuse him.
   *
   * Returns `'retire'`: the connection is closed, with reason `hook`, and another one is tried.
   * Returns `'refuse'`: this caller gets `HOOK_REFUSED`, and the connection stays. Anything else lends it,
   * so that a driver's result, returned by accident, is harmless. A throw closes the connection, whose
   * state nobody knows, and this caller gets `HOOK_FAILED` with the error as `cause`; unless the connection
   * died under it: then another one is tried. A hook that does not return is bounded by the caller's
   * deadline, and costs the connection. It must not ask the same pool for a connection.
   *
   * It runs within its caller's async context, also when he had to wait: what an `AsyncLocalStorage`
   * holds for his request is there.
   *
   * Costs nothing but its call when it returns no promise; a promise costs a turn of the loop, and a
   * query in it a round trip for every checkout.
   *
   * A function, called with the driver's connection and an `AcquireInfo`.
   *
   * @defaultValue none
   */
  readonly onAcquire?: AcquireHook

  /**
   * Called at every return of a connection that is kept, after a transaction that was left open was
   * rolled back or the session reset, before anybody else is lent it: to take back what
   * `onAcquire` did.
   *
   * Returns `'retire'`, or throws: the connection is closed, with reason `hook`. Who gave it back never
   * gets an error; a throw is the event `hookFailed`, or a process warning where nobody listens. A hook
   * that does not return within `acquireTimeoutMillis` costs the connection.
   *
   * A function, called with the driver's connection and a `ReleaseInfo`.
   *
   * @defaultValue none
   */
  readonly onRelease?: ReleaseHook
}
