import {
  applyPoolPolicy,
  keeperOf,
  type CreateAttempt,
  type PoolKeeper,
  type PoolPolicyOptions,
  type ResourceDriver,
} from '@poolkeeper/generic-pool'
import { createPool, type Factory, type Options, type Pool } from 'generic-pool'
import { onTestFinished } from 'vitest'

export interface Thing {
  readonly number: number
}

/** Makes things, as long as nothing else is said. */
export class Things implements Factory<Thing> {
  readonly made: Thing[] = []
  readonly destroyed: number[] = []
  readonly attempts: (CreateAttempt | undefined)[] = []
  calls = 0
  making: () => Promise<void> = async () => {}
  destroying: () => Promise<void> = async () => {}
  validate?: (thing: Thing) => Promise<boolean>

  async create(attempt?: CreateAttempt): Promise<Thing> {
    this.calls++
    this.attempts.push(attempt)
    await this.making()
    const thing = { number: this.made.length + 1 }
    this.made.push(thing)
    return thing
  }

  async destroy({ number }: Thing): Promise<void> {
    this.destroyed.push(number)
    await this.destroying()
  }
}

export function bare(things: Things, options: Options = {}): Pool<Thing> {
  // generic-pool looks for a validator when it is made.
  const { validate } = things
  return createPool(
    {
      create: (...given: [CreateAttempt?]) => things.create(...given),
      destroy: (thing: Thing) => things.destroy(thing),
      ...(validate !== undefined && { validate }),
    },
    options,
  )
}

export interface Kept {
  readonly pool: Pool<Thing>
  readonly keeper: PoolKeeper
}

export function kept(things: Things, options: Options = {}, policy: PoolPolicyOptions = {}, driver: ResourceDriver<Thing> = {}): Kept {
  const pool = bare(things, options)
  return { pool, keeper: keep(pool, policy, driver) }
}

export function keep(pool: Pool<Thing>, policy: PoolPolicyOptions = {}, driver: ResourceDriver<Thing> = {}): PoolKeeper {
  const keeper = applyPoolPolicy(pool, { drainTimeoutMillis: 200, ...policy }, driver)
  onTestFinished(async () => {
    if (isAttended(pool)) await keeper.drain()
  })
  return keeper
}

function isAttended(pool: Pool<Thing>): boolean {
  try {
    return keeperOf(pool) !== undefined
  } catch {
    return false
  }
}

/** Whether it is settled when so much time has passed. */
export async function isSettledWithin(millis: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), millis)
  })
  const settled = work.then(
    () => true,
    () => true,
  )
  return Promise.race([settled, late]).finally(() => clearTimeout(timer))
}
