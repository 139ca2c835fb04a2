import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisPool } from '@poolkeeper/ioredis'
import type { RedisServer } from '../harness/redis.ts'

/** A command that counts under an id of its own, on the clock of `performance.now()`. */
export interface CountedWrite {
  readonly id: string
  readonly sentAt: number
  readonly endedAt: number
  /** What it answered: how often it has been executed. */
  readonly count?: number
  readonly error?: unknown
}

export interface CountedLoad {
  /** The key of the hash that counts. */
  readonly key: string
  readonly writes: readonly CountedWrite[]
  /** Resolves when every call was answered. */
  end(): Promise<void>
}

const PAUSE_MILLIS = 2
let loads = 0

/** So many who write by the commands of the pool, and so many by leases; what fails is not sent again by them. */
export function startCounting(pool: RedisPool, commanders: number, borrowers: number): CountedLoad {
  const key = `writes-${++loads}`
  const writes: CountedWrite[] = []
  let isWanted = true
  let ids = 0
  const write = async (send: (id: string) => Promise<number>): Promise<void> => {
    while (isWanted) {
      const id = String(++ids)
      const sentAt = performance.now()
      const outcome = await send(id).then(
        (count) => ({ count }),
        (error: unknown) => ({ error }),
      )
      writes.push({ id, sentAt, endedAt: performance.now(), ...outcome })
      await sleep(PAUSE_MILLIS)
    }
  }
  const all = [
    ...Array.from({ length: commanders }, () => write((id) => pool.hincrby(key, id, 1))),
    ...Array.from({ length: borrowers }, () => write((id) => pool.use((client) => client.hincrby(key, id, 1)))),
  ]
  return {
    key,
    writes,
    async end() {
      isWanted = false
      await Promise.all(all)
    },
  }
}

/** What became of the writes, by what a server has of them in the end. */
export interface Account {
  readonly answered: number
  readonly failed: number
  /** Executed more than once: somebody sent them again. */
  readonly twice: number
  /** Acknowledged by a primary that had not replicated them when it went: Redis's own loss. */
  readonly notReplicated: number
  /** Milliseconds from a moment to the first answer to a command that was sent after it, and that the server has. */
  healedAfter(moment: number): number
}

export async function accountOf({ key, writes }: CountedLoad, server: RedisServer): Promise<Account> {
  // In one line, since the harness reads no arrays.
  const executed = new Map(Object.entries(JSON.parse(await server.command('EVAL', COUNTS, '1', key)) as Record<string, number>))
  const acknowledged = writes.filter(({ error }) => error === undefined)
  return {
    answered: acknowledged.length,
    failed: writes.length - acknowledged.length,
    twice: writes.filter(({ id, count = 0 }) => Math.max(count, executed.get(id) ?? 0) > 1).length,
    notReplicated: acknowledged.filter(({ id }) => !executed.has(id)).length,
    healedAfter(moment) {
      const ends = acknowledged.filter(({ id, sentAt }) => sentAt > moment && executed.has(id)).map(({ endedAt }) => endedAt)
      return Math.min(...ends) - moment
    },
  }
}

const COUNTS = `
  local all, counts = redis.call('HGETALL', KEYS[1]), {}
  for at = 1, #all, 2 do counts[all[at]] = tonumber(all[at + 1]) end
  return cjson.encode(counts)`
