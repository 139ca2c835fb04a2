import type { LendingPort } from '../port.ts'

/**
 * The port of a pool that was given back: it still answers, and does nothing more, whatever is
 * still under way in the keeper.
 */
export function detachedPort<C extends object>(port: LendingPort<C>): LendingPort<C> {
  const inert: Partial<LendingPort<C>> = {
    open: () => ({ connection: Promise.reject(new Error('the keeper was detached')), abandon: () => {} }),
    close: async () => {},
    withdraw: () => false,
    restore: () => {},
    exchange: () => {},
    abandonOpenings: () => {},
    wake: () => {},
    rejectWaiters: () => 0,
    configure: () => {},
    restoreSession: async () => {},
    detach: () => {},
  }
  return Object.assign(Object.create(port) as LendingPort<C>, inert)
}
