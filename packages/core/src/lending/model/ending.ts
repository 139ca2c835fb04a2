import { totalOf } from '../../counts.ts'
import { letPass, renewIfDrained } from './stepping.ts'
import type { World } from './world.ts'

const QUIET_MILLIS = 60_000

/**
 * After all that, a server in good health: the pool must recover by itself, answer everybody, and
 * serve as many as it is large.
 */
export async function end(world: World): Promise<void> {
  if (world.isDraining) {
    await letPass(world, QUIET_MILLIS)
    if (world.report === undefined) throw new Error('a drain does not end')
    await renewIfDrained(world)
  }
  world.heal()
  // From now on it is as large as the policy says.
  world.ceiling = Infinity
  world.pool.keeper.reconfigure({ leakThresholdMillis: false, reclaimLeaks: false, sizing: false })
  releaseAll(world)
  await letPass(world, world.patienceMillis)
  releaseAll(world)
  await letPass(world, QUIET_MILLIS)
  const { keeper } = world.pool
  const stats = keeper.stats()
  see(world.waiting.size === 0, `${world.waiting.size} callers were never answered`)
  see(stats.used + stats.pending === 0, 'somebody is counted who is not there')
  see(totalOf(stats) <= world.limit(), `${totalOf(stats)} connections are left, of at most ${world.limit()}`)
  for (let count = 0; count < keeper.policy.max; count++) world.acquire()
  await letPass(world, world.patienceMillis)
  see(world.held.size === keeper.policy.max, `${world.held.size} of ${keeper.policy.max} places are left`)
  compareEvents(world)
}

function releaseAll(world: World): void {
  for (const connection of [...world.held.keys()]) world.release(connection)
}

/** Whoever only listens has counted the same. */
function compareEvents({ heard, pool }: World): void {
  const { acquires, opens, validations, closes, leaks, circuit } = pool.keeper.stats()
  const count = (type: Parameters<typeof heard.get>[0]): number => heard.get(type) ?? 0
  const closed = Object.values(closes).reduce((sum, one) => sum + one, 0)
  see(count('acquired') === acquires.ok, 'acquired')
  // Who is refused at the door leaves no event; who waited already does.
  const refused = count('acquireFailed') - acquires.timedOut - acquires.failed - acquires.aborted
  see(refused >= 0 && refused <= acquires.refused, 'acquireFailed')
  see(count('circuitOpened') - count('circuitClosed') === (circuit === 'closed' ? 0 : 1), 'circuitOpened')
  see(count('opened') === opens.ok, 'opened')
  see(count('openFailed') === opens.failed, 'openFailed')
  see(count('validated') === validations.ok, 'validated')
  see(count('validationFailed') === validations.failed + validations.timedOut, 'validationFailed')
  see(count('closed') === closed, 'closed')
  see(count('leaked') === leaks, 'leaked')
  see(count('leakEnded') <= leaks, 'leakEnded')
}

function see(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`at the end: ${what}`)
}
