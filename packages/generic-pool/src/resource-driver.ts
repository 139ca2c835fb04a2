import { isSocketError, type Driver } from '@poolkeeper/drivers'
import type { GenericPool, Resource } from './generic-pool.ts'

/**
 * What a policy may know of a resource beyond what its factory does. All of it can be left out; a driver
 * of `@poolkeeper/drivers` is one as it is.
 */
export type ResourceDriver<T extends object> = Partial<Driver<T>>

/** A driver in full: what nobody said of a resource is not known of it. */
export interface KnownResource extends Driver<Resource> {
  /** Whether there is a way of asking for a sign of life. */
  readonly canValidate: boolean
  /** Whether it can be asked in words of the policy's. */
  readonly takesText: boolean
  /** Whether there is a way of ending it that waits for nobody. */
  readonly canDestroy: boolean
}

const NEVER = (): boolean => false
const NOTHING = (): undefined => undefined

/** Completes what is known of the resources of a pool by what its factory can do. */
export function knownResource(pool: GenericPool, given: ResourceDriver<Resource>): KnownResource {
  const factory = (): GenericPool['_factory'] => pool._factory
  return {
    isBroken: NEVER,
    destroy: NOTHING,
    harmOf: (error) => (isSocketError(error) ? 'connection' : 'statement'),
    refusalOf: NOTHING,
    watch: () => NOTHING,
    bytesWritten: NOTHING,
    ...given,
    wire: given.wire ?? 'other',
    canValidate: given.validate !== undefined || factory().validate !== undefined,
    takesText: given.validate !== undefined,
    canDestroy: given.destroy !== undefined,
    async validate(resource, text) {
      if (given.validate !== undefined) await given.validate(resource, text)
      // Who had generic-pool ask his factory relies on what it says.
      if (given.validate === undefined || pool._config.testOnBorrow) await askFactory(pool, resource)
    },
  }
}

/** As generic-pool does: of all answers, `false` alone says no. Rejects with the failure. */
export async function askFactory({ _factory }: GenericPool, resource: Resource): Promise<void> {
  const isValid = await _factory.validate?.(resource)
  if (isValid === false) throw new Error('factory.validate says that the resource is not fit')
}
