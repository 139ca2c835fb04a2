import { isDeepStrictEqual } from 'node:util'
import { listPool, unlistPool } from './attended-pools.ts'
import { PoolkeeperError } from './errors.ts'
import type { PoolKeeper } from './keeper.ts'
import type { PoolPolicyOptions } from './policy/options.ts'

interface Entry {
  readonly keeper: PoolKeeper
  readonly options: PoolPolicyOptions
}

// Two copies of this package in one process have to find each other's keepers.
const KEY = Symbol.for('poolkeeper.registry/v1')

function entries(): WeakMap<object, Entry> {
  const home = globalThis as unknown as Record<symbol, WeakMap<object, Entry> | undefined>
  return (home[KEY] ??= new WeakMap())
}

/**
 * The keeper that attends `host` already, when it was asked for with the same policy: applying a
 * policy again, as hot reloading does, changes nothing.
 *
 * @throws PoolkeeperError `ALREADY_APPLIED` when the policy is a different one.
 */
export function appliedKeeper(host: object, options: PoolPolicyOptions): PoolKeeper | undefined {
  const entry = entries().get(host)
  if (entry === undefined) return undefined
  if (isDeepStrictEqual(entry.options, options)) return entry.keeper
  throw new PoolkeeperError(
    'ALREADY_APPLIED',
    `pool "${entry.keeper.name}" has another policy already; detach() its keeper first, or resize() it`,
    { pool: entry.keeper.name },
  )
}

/** Whether some policy was applied to `host`. */
export function hasKeeper(host: object): boolean {
  return entries().has(host)
}

export function registerKeeper(host: object, keeper: PoolKeeper, options: PoolPolicyOptions): void {
  entries().set(host, { keeper, options: { ...options } })
  listPool(keeper)
}

export function forgetKeeper(host: object): void {
  const entry = entries().get(host)
  if (entry !== undefined) unlistPool(entry.keeper)
  entries().delete(host)
}

/** @throws PoolkeeperError `NOT_APPLIED` when no policy was applied to `host`. */
export function registeredKeeper(host: object, what: string): PoolKeeper {
  const entry = entries().get(host)
  if (entry !== undefined) return entry.keeper
  throw new PoolkeeperError('NOT_APPLIED', `no pool policy was applied to this ${what}`)
}
