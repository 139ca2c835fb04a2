import { LendingKeeper, resolvePolicy, systemClock, type PoolPolicyOptions } from '@poolkeeper/core'
import { Pool } from 'tarn'
import { seeAll } from './see-all.ts'
import { asTarnPool } from '../../packages/knex/src/tarn/tarn-pool.ts'
import { TarnPort } from '../../packages/knex/src/tarn/tarn-port.ts'
import { LEAK_TRACKING, POOL_SIZE, type Caller, type StubConnection, type Variant } from './stub-variants.ts'

const TIMEOUT_MILLIS = 60_000
const IDLE_TIMEOUT_MILLIS = 30_000

/** Agrees with everything at once: what a host answers costs the same with a keeper and without. */
const HOST = {
  name: 'stub',
  replaceable: true,
  agrees: () => true,
  validate: () => Promise.resolve(),
  transactionStatus: () => 'idle' as const,
  restoreSession: () => Promise.resolve(),
  isBroken: () => false,
  harmOf: () => 'statement' as const,
  isBusy: () => false,
  destroyHard: () => {},
  whenClosed: () => Promise.resolve(),
  refusalOf: () => undefined,
  connecting: () => () => {},
  forget: () => {},
  watch: () => () => {},
}

/** A raw tarn pool, with the keeper between it and nothing else. */
export function tarnStub(variant: Variant): Caller {
  const pool = new Pool<StubConnection>({
    create: () => Promise.resolve({ opened: true }),
    validate: () => true,
    destroy: () => Promise.resolve(),
    ...POOL_SIZE,
    acquireTimeoutMillis: TIMEOUT_MILLIS,
    createTimeoutMillis: TIMEOUT_MILLIS,
    idleTimeoutMillis: IDLE_TIMEOUT_MILLIS,
  })
  if (variant !== 'bare') {
    const keeper = keep(pool, OPTIONS[variant])
    if (variant === 'kept with a subscriber') keeper.subscribe(() => {})
    if (variant === 'kept and seen') seeAll(pool, keeper)
    if (variant === 'kept after a transaction') keeper.tracking.runWithin(tarnStub, () => ({}))
  }
  return async (times) => {
    for (let time = 0; time < times; time++) pool.release(await pool.acquire().promise)
  }
}

/** Hooks that do nothing: what is measured is the way to them and back. */
const OPTIONS: Partial<Record<Variant, PoolPolicyOptions>> = {
  'kept with hooks': { onAcquire: () => {}, onRelease: () => {} },
  'kept with async hooks': { onAcquire: async () => {}, onRelease: async () => {} },
  'kept with leak tracking': LEAK_TRACKING,
}

function keep(pool: Pool<StubConnection>, options: PoolPolicyOptions = {}): LendingKeeper<StubConnection> {
  const policy = resolvePolicy(
    options,
    {
      defaults: {
        name: HOST.name,
        ...POOL_SIZE,
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
