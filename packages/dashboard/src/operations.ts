import { attendedPools, isPoolkeeperError, type Clock, type PoolKeeper } from '@poolkeeper/core'
import type { DashboardOperation } from './options.ts'

/** What the page asks for. */
export type Command =
  | { readonly operation: 'recycle' | 'pause' | 'resume'; readonly pool: string }
  | { readonly operation: 'resize'; readonly pool: string; readonly min?: number; readonly max?: number }

/** What became of it, as a status of HTTP and in words. */
export interface Outcome {
  readonly status: number
  readonly text: string
}

/** So long a page waits for the end of what may take as long as somebody holds a connection. */
const PATIENCE_MILLIS = 2_000

/** `undefined` when it is none. */
export function commandOf(body: unknown): Command | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { operation, pool, min, max } = body as Readonly<Record<string, unknown>>
  if (typeof pool !== 'string') return undefined
  switch (operation) {
    case 'recycle':
    case 'pause':
    case 'resume':
      return { operation, pool }
    case 'resize':
      if (!isSize(min) || !isSize(max) || (min ?? max) === undefined) return undefined
      return { operation, pool, ...(min !== undefined && { min }), ...(max !== undefined && { max }) }
    default:
      return undefined
  }
}

function isSize(value: unknown): value is number | undefined {
  return value === undefined || typeof value === 'number'
}

/** Under which name it is allowed: who may stop lending may also begin again. */
export function permissionFor({ operation }: Command): DashboardOperation {
  return operation === 'resume' ? 'pause' : operation
}

export async function carryOut(command: Command, clock: Clock): Promise<Outcome> {
  const pool = attendedPools().find(({ name }) => name === command.pool)
  if (pool === undefined) return { status: 404, text: 'There is no pool of this name any more.' }
  try {
    const isDone = await withPatience(begin(pool.keeper, command), clock)
    return isDone ? { status: 200, text: 'Done.' } : { status: 202, text: 'Begun; it ends when the last holder has given back what he has.' }
  } catch (error) {
    // Why a pool cannot, or will not, is for the operator; other errors may tell more than he should know.
    if (isPoolkeeperError(error)) return { status: 409, text: `${error.message} (${error.code})` }
    process.emitWarning(`${command.operation} of pool "${pool.name}" failed, asked for by its dashboard: ${String(error)}`, {
      type: 'PoolkeeperWarning',
      code: 'POOLKEEPER_OPERATION_FAILED',
    })
    return { status: 500, text: 'It failed; the process has told why as a warning.' }
  }
}

async function begin(keeper: PoolKeeper, command: Command): Promise<void> {
  switch (command.operation) {
    case 'recycle':
      return keeper.recycle()
    case 'pause':
      return keeper.pause()
    case 'resume':
      return keeper.resume()
    case 'resize': {
      const { min, max } = command
      return keeper.resize({ ...(min !== undefined && { min }), ...(max !== undefined && { max }) })
    }
  }
}

/** `false`: it goes on. What it rejects with after that, nobody waits for. */
function withPatience(work: Promise<void>, clock: Clock): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(PATIENCE_MILLIS, () => resolve(false))
    work
      .then(() => resolve(true), reject)
      .finally(() => timer.cancel())
  })
}
