import type { AdapterHarness, KeptPool, Network, ServerDoor } from '@poolkeeper/conformance'
import { applyPoolPolicy, type PoolPolicyOptions } from '@poolkeeper/generic-pool'
import { createPool, type Factory, type Options, type Pool } from 'generic-pool'
import { startFaultProxy } from '../faults/proxy.ts'
import { GenericPool, KeptGenericPool, type GenericPoolParts, type ResourceKind } from './generic-pool.ts'

/** Where resources come from, and what they are. */
export interface ResourceSource<T extends object> {
  readonly kind: ResourceKind<T>
  readonly target: { readonly host: string; readonly port: number }
  factory(address: { readonly host: string; readonly port: number }, label: string): Factory<T>
  door(label: string): ServerDoor
}

export interface GenericPoolHarnessOptions<T extends object> {
  readonly name: string
  /** Asked when a test runs: the server is there by then. */
  readonly source: () => ResourceSource<T>
  readonly lacks?: AdapterHarness['lacks']
  readonly cannot?: AdapterHarness['cannot']
  /** Of another version. */
  readonly create?: <R>(factory: Factory<R>, options?: Options) => Pool<R>
}

/**
 * generic-pool itself begins a create that failed again, for as long as somebody waits, and so does the port.
 * The behaviours are about what a policy does that does not ask for that.
 */
const WITHOUT_RETRY: PoolPolicyOptions = { createRetry: false }

let pools = 0

/** Puts a pool of generic-pool before the behaviours. */
export function genericPoolHarness<T extends object>(options: GenericPoolHarnessOptions<T>): AdapterHarness {
  const { name, source, lacks = {}, cannot = {}, create = createPool } = options

  async function build(): Promise<GenericPoolParts<T>> {
    const label = `generic_pool_${++pools}`
    const { door, factory, kind, target } = source()
    const network: Network & { readonly host: string; readonly port: number; close(): Promise<void> } = await startFaultProxy({ target })
    return {
      // In generic-pool's own order, the one that was used last would come last.
      pool: create(factory(network, label), { max: 3, fifo: false }),
      kind,
      server: door(label),
      network,
      dispose: () => network.close(),
    }
  }

  async function open(policy: PoolPolicyOptions): Promise<KeptPool> {
    const parts = await build()
    return new KeptGenericPool(parts, applyPoolPolicy(parts.pool, { ...WITHOUT_RETRY, ...policy }, parts.kind.driver))
  }

  return {
    name,
    lacks,
    cannot,
    open,
    openBare: async () => new GenericPool(await build()),
    isTimeout: (error) => error instanceof Error && error.name === 'TimeoutError' && error.message === 'ResourceRequest timed out',
    servesOnClose: true,
  }
}
