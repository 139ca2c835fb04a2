import { followPools, type AttendedPool, type PoolObserver, type SubscribeOptions } from '@poolkeeper/core'

type Observed = Pick<AttendedPool, 'name' | 'keeper'>

/**
 * Subscribes to every pool of this process, those that come later as well, until the returned function is called;
 * to a pool that is closed no longer.
 */
export function subscribeToPools(observerOf: (pool: Observed) => PoolObserver, options?: SubscribeOptions): () => void {
  const undos = new Set<() => void>()
  const stop = followPools((pool) => {
    const observer = observerOf(pool)
    const undo = pool.keeper.subscribe((event) => {
      observer(event)
      if (event.type !== 'drained') return
      undo()
      undos.delete(undo)
    }, options)
    undos.add(undo)
  })
  return () => {
    stop()
    for (const undo of undos) undo()
  }
}
