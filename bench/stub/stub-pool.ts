import { LendingKeeper, resolvePolicy, systemClock } from '@poolkeeper/core'
import { Pool } from 'tarn'
import { asTarnPool } from '../../packages/knex/src/tarn/tarn-pool.ts'
import { TarnPort } from '../../packages/knex/src/tarn/tarn-port.ts'

/** A connection that is an object and nothing else, so that what is measured is the pool alone. */
export interface StubConnection {
  readonly opened: true
}

export const VARIANTS = ['bare', 'kept', 'kept with a subscriber'] as const
export type Variant = (typeof VARIANTS)[number]

const MIN = 0
const MAX = 10
const TIMEOUT_MILLIS = 60_000
const IDLE_TIMEOUT_MILLIS = 30_000

/** Agrees with everything at once: what a host answers costs the same with a keeper and without. */
const HOST = {
  name: 'stub',
  replaceable: true,
  connecting: () => () => {},
  agrees: () => true,
  validate: () => Promise.resolve(),
  isBroken: () => false,
  destroyHard: () => {},
  isLimitRefusal: () => false,
  forget: () => {},
  watch: () => () => {},
}

export function stubPool(variant: Variant): Pool<StubConnection> {
  const pool = new Pool<StubConnection>({
    create: () => Promise.resolve({ opened: true }),
    validate: () => true,
    destroy: () => Promise.resolve(),
    min: MIN,
    max: MAX,
    acquireTimeoutMillis: TIMEOUT_MILLIS,
    createTimeoutMillis: TIMEOUT_MILLIS,
    idleTimeoutMillis: IDLE_TIMEOUT_MILLIS,
  })
  if (variant === 'bare') return pool
  const keeper = keep(pool)
  if (variant === 'kept with a subscriber') keeper.subscribe(() => {})
  return pool
}

function keep(pool: Pool<StubConnection>): LendingKeeper<StubConnection> {
  const policy = resolvePolicy(
    {},
    {
      defaults: {
        name: 'stub',
        min: MIN,
        max: MAX,
        acquireTimeoutMillis: TIMEOUT_MILLIS,
        connectTimeoutMillis: TIMEOUT_MILLIS,
        idleTimeoutMillis: IDLE_TIMEOUT_MILLIS,
      },
    },
  )
  const port = new TarnPort(asTarnPool<StubConnection>(pool, HOST.name), HOST, systemClock)
  const keeper = new LendingKeeper(port, policy)
  port.attach(keeper, policy)
  keeper.start()
  return keeper
}
