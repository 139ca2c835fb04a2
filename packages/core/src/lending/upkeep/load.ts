import { heldMillis } from '../../facts.ts'
import type { LoadSample } from '../../sizing/observation.ts'
import type { LendingContext } from '../context.ts'

/** What is read of a pool. */
type Counted<C extends object> = Pick<LendingContext<C>, 'clock' | 'counters' | 'ledger'> & {
  readonly port: { lent(): readonly C[]; counts(): { readonly pending: number } }
}

/** Read from what is counted anyway: the hot path knows nothing of it. */
export function sampleLoad<C extends object>({ clock, counters, ledger, port }: Counted<C>): LoadSample {
  const at = clock.now()
  const { ok, aborted, failed, refused, timedOut } = counters.acquires
  let sumMillis = counters.use.sumMillis
  for (const connection of port.lent()) {
    const facts = ledger.get(connection)
    if (facts !== undefined) sumMillis += heldMillis(facts, at)
  }
  return {
    at,
    served: ok,
    left: aborted + failed + refused + timedOut,
    waited: counters.wait.positives,
    heldMillis: sumMillis,
    pending: port.counts().pending,
  }
}
