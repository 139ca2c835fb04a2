import { derivePoolName, PoolkeeperError, type HostSettings, type PolicyValues, type PoolPolicyOptions } from '@poolkeeper/core'
import type { PoolConfig } from './generic-pool.ts'
import type { KnownResource } from './resource-driver.ts'

/** generic-pool itself waits without limit, for a resource and for its factory. */
const NO_LONGER_THAN_MILLIS = 60_000

/** What generic-pool says, and by default never does, as it never looks. */
const IDLE_TIMEOUT_MILLIS = 30_000

const LONGEST_MILLIS = 2_147_483_647

/**
 * What the pool's own options say, and who said it. generic-pool writes its defaults into the same
 * object, so a value that is the default may be the user's as well; it holds in both cases.
 */
export function hostSettings(config: PoolConfig, resource: KnownResource): HostSettings {
  const { max, min, acquireTimeoutMillis } = config
  const idleTimeoutMillis = idleTimeout(config)
  return {
    defaults: {
      name: derivePoolName('generic-pool'),
      min,
      max,
      acquireTimeoutMillis: NO_LONGER_THAN_MILLIS,
      connectTimeoutMillis: NO_LONGER_THAN_MILLIS,
      idleTimeoutMillis,
    },
    explicit: given({
      max: max === 1 ? undefined : max,
      min: min === 0 ? undefined : min,
      acquireTimeoutMillis: isMillis(acquireTimeoutMillis) ? acquireTimeoutMillis : undefined,
      idleTimeoutMillis: idleTimeoutMillis === IDLE_TIMEOUT_MILLIS ? undefined : idleTimeoutMillis,
      ...promises(config, resource),
    }),
    fixed: resource.canValidate ? {} : { validateAfterIdleMillis: false, keepaliveMillis: false },
  }
}

/** What callers of generic-pool rely on, whether anybody said it or not. */
function promises({ maxWaitingClients, testOnBorrow }: PoolConfig, { canValidate }: KnownResource): Partial<PolicyValues> {
  const isLimit = maxWaitingClients !== undefined && Number.isInteger(maxWaitingClients) && maxWaitingClients >= 0
  return {
    // A create that failed is begun again, for as long as somebody waits.
    createRetry: true,
    ...(isLimit && { maxPending: maxWaitingClients }),
    ...(testOnBorrow && canValidate && { validateAfterIdleMillis: 0 }),
  }
}

/** The soft one leaves `min` alone, as the policy does with either. */
function idleTimeout({ softIdleTimeoutMillis: soft, idleTimeoutMillis: hard }: PoolConfig): number | false {
  const least = Math.min(...[soft, hard].filter((millis) => millis > 0))
  return least <= LONGEST_MILLIS ? Math.max(1, Math.floor(least)) : false
}

function isMillis(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 0 && value <= LONGEST_MILLIS
}

function given(values: { readonly [K in keyof PolicyValues]?: PolicyValues[K] | undefined }): Partial<PolicyValues> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

/**
 * Refuses by name what nobody has said how to do with such a resource, rather than ignoring it.
 *
 * @throws PoolkeeperError `INVALID_POLICY`
 */
export function checkAgainstResource(options: PoolPolicyOptions, resource: KnownResource): void {
  const { keepaliveMillis, onReturn, validateAfterIdleMillis, validateRole, validationQuery } = options
  const asksLife = 'factory.validate, or `validate` of the resource driver'
  const needs: readonly (readonly [option: string, value: unknown, need: string | false])[] = [
    ['validateAfterIdleMillis', validateAfterIdleMillis, !resource.canValidate && asksLife],
    ['keepaliveMillis', keepaliveMillis, !resource.canValidate && asksLife],
    ['validationQuery', validationQuery, !resource.takesText && '`validate` of the resource driver'],
    ['validateRole', validateRole, resource.isWritable === undefined && '`isWritable` of the resource driver'],
    ['onReturn', onReturn === 'reset' && onReturn, resource.reset === undefined && '`reset` of the resource driver'],
  ]
  for (const [option, value, need] of needs) {
    if (value === undefined || value === false || need === false) continue
    const bound = `left out without ${need}`
    throw new PoolkeeperError('INVALID_POLICY', `\`${option}\` must be ${bound}`, { invalid: { option, bound, value } })
  }
}
