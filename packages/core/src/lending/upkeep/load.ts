import type { LoadSample } from '../../sizing/observation.ts'
import type { LendingContext } from '../context.ts'

/** Read from what is counted anyway: the hot path knows nothing of it. */
export function sampleLoad<C extends object>({ clock, counters, ledger, port }: LendingContext<C>): LoadSample {
  const at = clock.now()
  const { ok, aborted, failed, refused, timedOut } = counters.acquires
  let heldMillis = counters.use.sumMillis
  for (const connection of port.lent()) heldMillis += at - (ledger.get(connection)?.lentAt ?? at)
  return {
    at,
    served: ok,
    left: aborted + failed + refused + timedOut,
    waited: counters.wait.positives,
    heldMillis,
    pending: port.counts().pending,
  }
}
