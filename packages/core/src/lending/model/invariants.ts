import { totalOf } from '../../counts.ts'
import type { PoolStats } from '../../stats.ts'
import type { World } from './world.ts'

/** What must be true after every step, whatever happened: told in words where it is not. */
export function brokenRules(world: World): string[] {
  world.noticeTaken()
  const stats = world.pool.keeper.stats()
  const broken = [
    ...world.problems.splice(0),
    ...limits(world, stats),
    ...books(world, stats),
    ...callers(world, stats),
    ...leases(world, stats),
  ]
  return broken.length === 0 ? broken : [...broken, JSON.stringify(stats)]
}

function unless(isRight: boolean, what: () => string): string[] {
  return isRight ? [] : [what()]
}

function limits(world: World, stats: PoolStats): string[] {
  const total = totalOf(stats)
  world.ceiling = Math.min(world.ceiling, Math.max(world.limit(), world.lastTotal))
  world.lastTotal = total
  return unless(total <= world.ceiling, () => `${total} connections, of at most ${world.ceiling}`)
}

/** No slot is lost: what is counted is what was opened and not closed, and what the server has. */
function books({ pool, opened, closed, setup }: World, stats: PoolStats): string[] {
  const { used, idle, validating, opening, closing, pending, opens, closes } = stats
  const alive = used + idle + validating
  const { sockets } = pool.server
  const closedSoFar = Object.values(closes).reduce((sum, count) => sum + count, 0)
  // A connection that its first hook refuses is closed without having been opened for anybody.
  const unopened = [...closed].filter((connection) => !opened.has(connection)).length
  const mostSockets = alive + closing + (setup.hooks.includes('onOpen') ? opening : 0)
  return [
    ...unless(Math.min(used, idle, validating, opening, closing, pending) >= 0, () => 'a count is negative'),
    ...unless(sockets >= alive + closing && sockets <= mostSockets, () => `${alive} + ${closing} closing counted, but ${sockets} sockets exist`),
    ...unless(opens.ok - (closedSoFar - unopened) === alive, () => `${opens.ok} opened, ${closedSoFar} closed, but ${alive} are there`),
    ...unless(opens.ok === opened.size, () => `${opens.ok} opened, but ${opened.size} were told of`),
  ]
}

function callers(world: World, stats: PoolStats): string[] {
  const { waiting, answered, patienceMillis, lostMillis, isPaused, pool } = world
  const { pending, idle, validating, opening, closing, acquires } = stats
  const now = pool.clock.now()
  const overdue = [...waiting].filter(({ since, lostBefore }) => now - since > patienceMillis + lostMillis - lostBefore)
  const isQuiet = validating + opening + closing === 0
  return [
    ...unless(pending === waiting.size, () => `${pending} pending, but ${waiting.size} wait`),
    ...unless(isPaused || !(pending > 0 && idle > 0 && isQuiet), () => 'somebody waits beside an idle connection'),
    ...unless(overdue.length === 0, () => 'a deadline passed in silence'),
    ...unless(JSON.stringify(acquires) === JSON.stringify(answered), () => `counted ${JSON.stringify(acquires)}, but told ${JSON.stringify(answered)}`),
  ]
}

function leases({ held, isDraining }: World, { used }: PoolStats): string[] {
  // A drain closes under its holders.
  return unless(isDraining || used === held.size, () => `${used} used, but ${held.size} are held`)
}

/** The same of a pool that was drained, and has had the time that a farewell may take. */
export function leftAfterDrain({ pool, report, waiting }: World): string[] {
  const stats = pool.keeper.stats()
  return [
    ...unless(totalOf(stats) + stats.pending + waiting.size === 0, () => `something is left after the drain: ${JSON.stringify(stats)}`),
    ...unless(pool.server.sockets === 0, () => `${pool.server.sockets} sockets are left after the drain`),
    ...unless(report?.clean === (report?.blockers.length === 0), () => 'a drain with blockers is not clean'),
  ]
}
