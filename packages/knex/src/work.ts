import type { LendingKeeper, Overrides, Trace } from '@poolkeeper/core'
import type { KnexClient, KnexConnection, KnexRunner } from './knex-client.ts'

/**
 * Lets the keeper know who asks for a connection, and within which transaction.
 *
 * Knex asks long after the user's own line: `await knex('orders')` builds a query first, which asks
 * when it is awaited, in a turn without any frame of the user's; and a transaction asks in a later
 * turn as well. So the line is taken where the builder or the transaction is made, if anybody wants
 * to know, and handed over when its runner asks.
 *
 * Clones (`withUserParams`) copy the enumerable properties of the client, and so get these as well.
 */
export function followWork(
  client: KnexClient,
  { tracking }: LendingKeeper<KnexConnection>,
  overrides: Overrides<KnexClient>,
): void {
  const { queryBuilder, raw, runner, schemaBuilder, transaction } = client
  const madeAt = new WeakMap<object, Trace>()
  const remember = <T extends object>(builder: T, trace: Trace | undefined): T => {
    if (trace !== undefined) madeAt.set(builder, trace)
    return builder
  }

  overrides.setForClones('queryBuilder', function build(this: KnexClient) {
    return remember(queryBuilder.call(this), tracking.trace(build))
  })
  overrides.setForClones('schemaBuilder', function build(this: KnexClient) {
    return remember(schemaBuilder.call(this), tracking.trace(build))
  })
  overrides.setForClones('raw', function build(this: KnexClient, ...args) {
    return remember(raw.apply(this, args), tracking.trace(build))
  })
  overrides.setForClones('runner', function run(this: KnexClient, builder) {
    const made = runner.call(this, builder)
    made.stream = streamOnce
    const trace = tracking.isFollowing ? madeAt.get(builder) : undefined
    if (trace !== undefined) askFrom(trace, made)
    return made
  })
  overrides.setForClones('transaction', function begin(this: KnexClient, container, config, outer) {
    const make = (): object => transaction.call(this, container, config, outer)
    // With a connection of the user's own, nothing is asked for.
    return config?.connection === undefined ? tracking.runWithin(begin, make) : make()
  })

  function askFrom(trace: Trace, made: KnexRunner): void {
    const { run, stream } = made
    made.run = () => tracking.askingFrom(trace, () => run.call(made))
    made.stream = (...args) => tracking.askingFrom(trace, () => stream.apply(made, args))
  }
}

/**
 * Knex gives the connection of a stream back twice, when the stream closes and when its query is
 * over: https://github.com/knex/knex/issues/6288. In between somebody else may have got it, and the
 * second release would take it from him. Here the first one counts.
 */
function streamOnce(this: KnexRunner, ...args: unknown[]): unknown {
  this.client = releasingOnce(this.client)
  const { stream } = Object.getPrototypeOf(this) as KnexRunner
  return stream.apply(this, args)
}

function releasingOnce(client: KnexClient): KnexClient {
  let isReleased = false
  const releaseConnection = (connection: KnexConnection | undefined): Promise<void> => {
    // Up to 2.5, a stream that is closed before it has a connection gives back none.
    if (isReleased || connection === undefined) return Promise.resolve()
    isReleased = true
    return client.releaseConnection(connection)
  }
  return Object.create(client, { releaseConnection: { value: releaseConnection } }) as KnexClient
}
