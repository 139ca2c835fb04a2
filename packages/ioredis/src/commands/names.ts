import { PoolkeeperError } from '@poolkeeper/core'

/**
 * Commands that change the connection they are sent on, or mean only that one: on a connection that is shared they
 * would reach everybody else's commands, or nobody's.
 */
export const CONNECTION_COMMANDS = [
  'asking',
  'auth',
  'client',
  'discard',
  'exec',
  'hello',
  'himport',
  'monitor',
  'psubscribe',
  'psync',
  'punsubscribe',
  'readonly',
  'readwrite',
  'replconf',
  'reset',
  'select',
  'ssubscribe',
  'subscribe',
  'sunsubscribe',
  'sync',
  'unsubscribe',
  'unwatch',
  'wait',
  'waitaof',
  'watch',
] as const

export type ConnectionCommand = (typeof CONNECTION_COMMANDS)[number]

/** Commands that keep their connection waiting. */
export const BLOCKING_COMMANDS = [
  'blmove',
  'blmovem',
  'blmpop',
  'blpop',
  'brpop',
  'brpoplpush',
  'bzmpop',
  'bzpopmax',
  'bzpopmin',
  'xread',
  'xreadgroup',
] as const

/** These of them block only when they are told to. */
const BLOCK_ON_REQUEST: ReadonlySet<string> = new Set(['xread', 'xreadgroup'])

/** `multi` and `exec` are a pipeline's own brackets; `quit()` is a method of the pool, and no command of a connection. */
const BRACKETS: ReadonlySet<string> = new Set(['exec', 'multi'])

type Kind = 'connection' | 'blocking' | 'ordinary'

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ...[...CONNECTION_COMMANDS, 'multi', 'quit'].map((name) => [name, 'connection'] as const),
  ...BLOCKING_COMMANDS.map((name) => [name, 'blocking'] as const),
])

/** How each name that was ever sent has to be treated: `call()` takes names in any case. */
const known = new Map<string, Kind>(KINDS)
const MOST_KNOWN = 2_000

/** A command as it is sent. */
interface Named {
  readonly name: string
  readonly args: readonly unknown[]
}

export function kindOf({ name, args }: Named): Kind {
  const kind = known.get(name) ?? remember(name)
  return kind === 'blocking' && BLOCK_ON_REQUEST.has(name.toLowerCase()) && !hasBlock(args) ? 'ordinary' : kind
}

function remember(name: string): Kind {
  const kind = KINDS.get(name.toLowerCase()) ?? 'ordinary'
  // Names are written in the user's program, and few; those that come from elsewhere are not collected for ever.
  if (known.size < MOST_KNOWN) known.set(name, kind)
  return kind
}

/** Everything before the word `STREAMS` is an option. */
function hasBlock(args: readonly unknown[]): boolean {
  for (const arg of args) {
    const word = String(arg).toLowerCase()
    if (word === 'streams') return false
    if (word === 'block') return true
  }
  return false
}

/** A bracket of a pipeline is no command of its own. */
export function kindInPipeline(command: Named): Kind {
  const kind = kindOf(command)
  return kind === 'connection' && BRACKETS.has(command.name.toLowerCase()) ? 'ordinary' : kind
}

/** Names the way to do what cannot be done on connections that are shared. */
export function refusal(name: string): PoolkeeperError {
  const command = name.toLowerCase()
  return new PoolkeeperError(
    'UNSUPPORTED_HOST',
    `\`${command}\` concerns one connection, and the connections of this pool are shared: ${wayTo(command)}`,
  )
}

function wayTo(command: string): string {
  if (command === 'select') return 'give `db` in the options of a pool'
  if (command === 'auth' || command === 'hello') return 'give `username`, `password` and `protocol` in the options of the pool, or `credentials` in its policy'
  if (command === 'quit') return 'call `pool.quit()`'
  if (command === 'multi' || command === 'exec' || command === 'discard') return 'use `multi()…exec()`, which goes out in one piece'
  return 'take one for yourself, with `pool.use(client => …)` or `pool.lease()`'
}

/** A pipeline goes out in one piece, with everybody's commands behind it. */
export function blockingRefusal(name: string): PoolkeeperError {
  const text = `\`${name.toLowerCase()}\` in a pipeline keeps waiting all who share its connection: call it on the pool, or within \`pool.use(client => …)\``
  return new PoolkeeperError('UNSUPPORTED_HOST', text)
}

export function noLeases(): PoolkeeperError {
  const text = 'this pool has no connection that one caller may have for himself: `max` has to be above `lanes`'
  return new PoolkeeperError('UNSUPPORTED_HOST', text)
}

const TIMEOUT_FIRST: ReadonlySet<string> = new Set(['blmpop', 'bzmpop'])
const TIMEOUT_FIFTH = 'blmovem'

/** How long a blocking command lets the server wait; `undefined`: for ever. */
export function blockingMillis({ name, args }: Named): number | undefined {
  const command = name.toLowerCase()
  const millis = BLOCK_ON_REQUEST.has(command) ? Number(argumentAfterBlock(args)) : Number(secondsOf(command, args)) * 1_000
  return millis > 0 ? millis : undefined
}

function argumentAfterBlock(args: readonly unknown[]): unknown {
  return args[args.findIndex((arg) => String(arg).toLowerCase() === 'block') + 1]
}

function secondsOf(command: string, args: readonly unknown[]): unknown {
  if (TIMEOUT_FIRST.has(command)) return args[0]
  return command === TIMEOUT_FIFTH ? args[4] : args.at(-1)
}
