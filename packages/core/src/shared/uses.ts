import { misuseText } from '../lending/holding/misuse.ts'
import { dirtyText } from '../lending/returns.ts'
import { type FrameOwner, Trace } from '../origin.ts'
import type { SharedContext, SharedFacts } from './context.ts'

/** A connection is in use from the first command on it until the last was answered. */
export function beginUse<C extends object>({ clock, reporter }: SharedContext<C>, facts: SharedFacts): void {
  facts.lentAt = clock.now()
  facts.held = true
  facts.uses++
  if (reporter.hearsLeases) reporter.emit('acquired', { connection: facts.id, waitMillis: 0 })
}

export function endUse<C extends object>({ clock, counters, reporter }: SharedContext<C>, facts: SharedFacts): void {
  if (facts.lentAt === Infinity) return
  const useMillis = clock.now() - facts.lentAt
  facts.lentAt = Infinity
  facts.held = false
  facts.idleSince = clock.now()
  counters.use.record(useMillis)
  if (reporter.hearsLeases) reporter.emit('released', { connection: facts.id, useMillis })
}

/** A session comes back in a transaction. With a single connection its statements may come one by one on purpose. */
export function reportDirty<C extends object>(context: SharedContext<C>, connection: C, status: 'open' | 'failed'): boolean {
  const { policy, reporter } = context
  if (policy.onReturn === false) return false
  if (reporter.hears('dirtyReturn')) reporter.emit('dirtyReturn', { connection: context.factsOf(connection).id, status })
  else reporter.warn('DIRTY_RETURN', dirtyText(status))
  return policy.max > 1
}

export function reportReleasedTwice<C extends object>(
  { ledger, reporter }: SharedContext<C>,
  connection: C | undefined,
  above: FrameOwner,
): void {
  const id = connection === undefined ? undefined : ledger.get(connection)?.id
  const { site, stack } = new Trace(above)
  if (reporter.hears('misused')) reporter.emit('misused', { misuse: 'releasedTwice', connection: id, site, stack })
  else reporter.warnAt('MISUSED', `releasedTwice ${site}`, (times) => misuseText('releasedTwice', site, times))
}
