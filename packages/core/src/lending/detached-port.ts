import type { LendingPort } from '../port.ts'

/**
 * The port of a pool that was given back: it still answers, and does nothing more, whatever is
 * still under way in the keeper.
 */
export function detachedPort<C extends object>(port: LendingPort<C>): LendingPort<C> {
  return {
    host: port.host,
    replaceable: port.replaceable,
    counts: () => port.counts(),
    idle: () => port.idle(),
    lent: () => port.lent(),
    waiters: () => port.waiters(),
    postponeDeadlines: () => {},
    validate: (connection) => port.validate(connection),
    transactionStatus: (connection) => port.transactionStatus(connection),
    isBroken: (connection) => port.isBroken(connection),
    harmOf: (error) => port.harmOf(error),
    isBusy: (connection) => port.isBusy(connection),
    refusalOf: (error) => port.refusalOf(error),
    reauthenticate: undefined,
    open: () => ({ connection: Promise.reject(new Error('the keeper was detached')), abandon: () => {} }),
    close: async () => {},
    withdraw: () => false,
    restore: () => {},
    exchange: () => {},
    abandonOpenings: () => {},
    wake: () => {},
    rejectWaiters: () => 0,
    rejectWaiter: () => false,
    configure: () => {},
    restoreSession: async () => {},
    detach: () => {},
  }
}
