import type { SharedContext, SharedFacts } from './context.ts'

/** A connection is in use from the first command on it until the last was answered. */
export function beginUse<C extends object>({ clock, reporter }: SharedContext<C>, facts: SharedFacts): void {
  facts.lentAt = clock.now()
  facts.held = true
  facts.uses++
  if (reporter.hearsLeases) reporter.emit('acquired', { connection: facts.id, waitMillis: 0 })
}

export function endUse<C extends object>({ clock, counters, reporter }: SharedContext<C>, facts: SharedFacts): void {
  if (facts.lentAt === undefined) return
  const useMillis = clock.now() - facts.lentAt
  facts.lentAt = undefined
  facts.held = false
  facts.idleSince = clock.now()
  counters.use.record(useMillis)
  if (reporter.hearsLeases) reporter.emit('released', { connection: facts.id, useMillis })
}
