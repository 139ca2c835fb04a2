import type { HostClient, SentCommand } from '../host/redis-client.ts'

const SUBSCRIPTIONS: ReadonlyMap<string, string> = new Map([
  ['subscribe', 'unsubscribe'],
  ['psubscribe', 'punsubscribe'],
  ['ssubscribe', 'sunsubscribe'],
])
/** After these, nobody else is to have the connection. */
const FOR_GOOD: ReadonlySet<string> = new Set([
  'asking',
  'auth',
  'hello',
  'monitor',
  'psync',
  'quit',
  'readonly',
  'readwrite',
  'replconf',
  'reset',
  'sync',
])
/** Of CLIENT, these leave nothing behind. */
const HARMLESS_CLIENT: ReadonlySet<string> = new Set([
  'getname',
  'getredir',
  'id',
  'info',
  'kill',
  'list',
  'pause',
  'trackinginfo',
  'unblock',
  'unpause',
])

/** What the commands of its holder left on a connection, as far as it has to be undone. Known without asking. */
export class Session {
  readonly #client: HostClient
  #isWatching = false
  #isInMulti = false
  #isTracking = false
  #hasFieldsets = false
  /** What ends the subscriptions that were made. */
  readonly #subscribed = new Set<string>()
  #isSpoilt = false
  #isOurs = false

  constructor(client: HostClient) {
    this.#client = client
  }

  /** What is sent meanwhile leaves nothing behind that would have to be undone. */
  unnoted<T>(send: () => T): T {
    this.#isOurs = true
    try {
      return send()
    } finally {
      this.#isOurs = false
    }
  }

  /** A command goes out. */
  note({ name, args }: SentCommand): void {
    if (this.#isOurs) return
    const command = name.toLowerCase()
    const ending = SUBSCRIPTIONS.get(command)
    if (ending !== undefined) this.#subscribed.add(ending)
    else if (command === 'watch') this.#isWatching = true
    else if (command === 'multi') this.#isInMulti = true
    else if (command === 'unwatch') this.#isWatching = false
    else if (command === 'exec' || command === 'discard') this.#isWatching = this.#isInMulti = false
    else if (command === 'client') this.#noteClient(String(args[0]).toLowerCase(), String(args[1]).toLowerCase())
    else if (command === 'himport') this.#hasFieldsets = true
    else if (FOR_GOOD.has(command)) this.#isSpoilt = true
  }

  #noteClient(subcommand: string, argument: string): void {
    if (subcommand === 'tracking') this.#isTracking = argument === 'on'
    else if (!HARMLESS_CLIENT.has(subcommand)) this.#isSpoilt = true
  }

  get isClean(): boolean {
    const hasNothing = !this.#isWatching && !this.#isInMulti && !this.#isTracking && !this.#hasFieldsets && !this.#isSpoilt
    return hasNothing && this.#subscribed.size === 0 && this.#isInOwnDatabase
  }

  get #isInOwnDatabase(): boolean {
    return (this.#client.condition?.select ?? 0) === (this.#client.options.db ?? 0)
  }

  /** Undoes it. Rejects when that cannot be done; the connection is closed then. */
  async clean(): Promise<void> {
    if (this.#isSpoilt) throw new Error('its last holder changed what cannot be changed back: its login, protocol or mode')
    const undoing: string[][] = [...this.#subscribed].map((ending) => [ending])
    if (this.#isInMulti) undoing.push(['discard'])
    else if (this.#isWatching) undoing.push(['unwatch'])
    if (this.#isTracking) undoing.push(['client', 'tracking', 'off'])
    if (this.#hasFieldsets) undoing.push(['himport', 'discardall'])
    if (!this.#isInOwnDatabase) undoing.push(['select', String(this.#client.options.db ?? 0)])
    await Promise.all(undoing.map(([command = '', ...args]) => answerTo(this.#client, command, args)))
    this.#subscribed.clear()
    this.#hasFieldsets = false
  }
}

function answerTo(client: HostClient, command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    client.call(command, args, (error) => {
      if (error === undefined || error === null) resolve()
      else reject(error instanceof Error ? error : new Error('the server refused it', { cause: error }))
    })
  })
}
