import { totalOf } from '../../counts.ts'
import { brokenRules, leftAfterDrain } from './invariants.ts'
import type { World } from './world.ts'

/** How long the keeper may hold callers back while there is room and nothing is under way; longer while its circuit is open. */
const LONGEST_HOLD_MILLIS = 500
const LONGEST_PAUSE_MILLIS = 5_000
const LAST_FAREWELLS_MILLIS = 2_500

/** Lets time pass, and sees that the pool has kept its books. */
export async function letPass(world: World, millis: number): Promise<void> {
  await world.pool.clock.advance(millis)
  see(world)
  if (isStranded(world)) await seeThatSomethingHappens(world)
}

export function see(world: World, broken: readonly string[] = brokenRules(world)): void {
  if (broken.length > 0) throw new Error(broken.join('; '))
}

/** The report of a drain comes in bounded time; the last farewells may take a moment longer. */
export async function renewIfDrained(world: World): Promise<void> {
  if (world.report === undefined) return
  await letPass(world, LAST_FAREWELLS_MILLIS)
  see(world, leftAfterDrain(world))
  world.reopen()
}

/** Somebody waits, there is room, and nothing is under way. */
function isStranded({ isPaused, isDraining, pool, waiting }: World): boolean {
  if (waiting.size === 0) return false
  const stats = pool.keeper.stats()
  const { validating, opening, pending, max } = stats
  return !isPaused && !isDraining && pending > 0 && validating + opening === 0 && totalOf(stats) < max
}

/** Callers are held back for a pause only, after connects that failed or new connections that were unfit. */
async function seeThatSomethingHappens(world: World): Promise<void> {
  const heard = (): number => [...world.heard.values()].reduce((sum, count) => sum + count, 0)
  const before = heard()
  await world.pool.clock.advance(world.setup.policy.circuit === false ? LONGEST_HOLD_MILLIS : LONGEST_PAUSE_MILLIS)
  if (isStranded(world) && heard() === before) throw new Error('somebody waits, there is room, and nothing is opened')
  see(world)
}
