import { systemClock, type Clock } from '../clock.ts'
import { inForce } from '../policy/observe.ts'
import type { PoolPolicyOptions } from '../policy/options.ts'
import type { PoolPolicy } from '../policy/values.ts'
import type { LendingEvents, LendingPort } from '../port.ts'
import { forgetKeeper, registerKeeper } from '../registry.ts'
import { LendingKeeper, type KeeperDependencies } from './lending-keeper.ts'

/** A port that takes over its host's decisions, and gives them back. */
export interface AttachablePort<C extends object> extends LendingPort<C> {
  attach(events: LendingEvents<C>): void
  /** Something else that has to be undone with the attachment. */
  onDetach(undo: () => void): void
}

/** What is put in charge of which pool. */
export interface Attachment<C extends object> {
  /** The object by which the user knows the pool: the keeper is registered for it. */
  readonly host: object
  readonly options: PoolPolicyOptions
  readonly dependencies: KeeperDependencies
  /** Settles options against those of the host, now and with every change. Throws what must not be. */
  settle(options: PoolPolicyOptions): PoolPolicy
  /** Made once the options are known to be good. */
  port(policyInForce: PoolPolicy, clock: Clock): AttachablePort<C>
}

/** Puts a keeper in charge of a pool that lends, and registers it. What throws leaves the pool as it was. */
export function attachLendingKeeper<C extends object>(attachment: Attachment<C>): LendingKeeper<C> {
  const { host, options, dependencies } = attachment
  const policy = attachment.settle(options)
  const port = attachment.port(inForce(policy), dependencies.clock ?? systemClock)
  const resolve = (changes: PoolPolicyOptions): PoolPolicy => {
    const current = { ...options, ...changes }
    const next = attachment.settle(current)
    registerKeeper(host, keeper, current)
    return next
  }
  const keeper: LendingKeeper<C> = new LendingKeeper(port, policy, { ...dependencies, resolve })
  port.attach(keeper)
  port.onDetach(() => forgetKeeper(host))
  registerKeeper(host, keeper, options)
  keeper.start()
  return keeper
}
