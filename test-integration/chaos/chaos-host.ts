import type { ServerDoor } from '@poolkeeper/conformance'
import type { PoolKeeper, PoolPolicyOptions } from '@poolkeeper/core'
import { onTestFinished } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import type { Loaded } from './load.ts'

/** Of every pool here: what its host would have of itself. */
export const MAX = 10

/** A pool behind a proxy, as its host makes it. */
export interface BareScene {
  /** Of the host. */
  readonly name: string
  readonly pool: Loaded
  readonly proxy: FaultProxy
  readonly door: ServerDoor
}

/** The same, kept, with our defaults and what the test asks for. */
export interface Scene extends BareScene {
  readonly keeper: PoolKeeper
}

/** One host on one server. What it opens is closed with the test, and that has to end, whatever was broken. */
export interface ChaosHost {
  kept(policy?: PoolPolicyOptions): Promise<Scene>
  bare(): Promise<BareScene>
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** A pool as its host makes it. */
export interface HostPool {
  readonly pool: Loaded
  /** The host's own way to close it. */
  end(): Promise<unknown>
}

export interface KeptHostPool extends HostPool {
  readonly keeper: PoolKeeper
}

/** What there is to know of a host: pools of `MAX` connections, at an address, by a name that the server sees. */
export interface HostDescription {
  readonly name: string
  readonly target: Address
  door(label: string): ServerDoor
  kept(at: Address, label: string, policy: PoolPolicyOptions): KeptHostPool | Promise<KeptHostPool>
  bare(at: Address, label: string): HostPool | Promise<HostPool>
}

let scenes = 0

/** Puts a host behind a proxy, for each test anew. */
export function chaosHost({ bare, door, kept, name, target }: HostDescription): ChaosHost {
  async function prepare<P extends HostPool>(make: (at: Address, label: string) => P | Promise<P>): Promise<BareScene & P> {
    const label = `chaos_${++scenes}`
    const proxy = await startFaultProxy({ target })
    return { ...(await make(proxy, label)), name, proxy, door: door(label) }
  }

  return {
    async kept(policy = {}) {
      const scene = await prepare((at, label) => kept(at, label, policy))
      onTestFinished(async () => {
        scene.proxy.heal()
        await scene.end()
        await scene.proxy.close()
      })
      return scene
    },
    async bare() {
      const scene = await prepare(bare)
      // A bare pool's close may never end, even when the network has told it of its dead.
      onTestFinished(async () => {
        await scene.proxy.close()
        void scene.end().catch(() => {})
      })
      return scene
    },
  }
}
