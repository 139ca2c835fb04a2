import type { LendingKeeper, Overrides } from '@poolkeeper/core'
import type { KnexClient, KnexConnection } from './knex-client.ts'
import type { KnexHost } from './knex-host.ts'

/**
 * Tells the keeper each statement that is sent, with its text and without its values. Knex builds
 * an event for each as it is; hearing it costs more, and so it is heard only while it is wanted.
 */
export function followStatements(
  client: KnexClient,
  host: KnexHost,
  keeper: LendingKeeper<KnexConnection>,
  overrides: Overrides<KnexClient>,
): (isWanted: boolean) => void {
  let isHeard = false
  const onQuery = (query: { __knexUid?: string; sql?: string } | undefined): void => {
    const connection = host.byUid(query?.__knexUid)
    if (connection !== undefined) keeper.asked(connection, query?.sql ?? '')
  }
  const want = (isWanted: boolean): void => {
    if (isWanted === isHeard) return
    isHeard = isWanted
    if (isWanted) client.on('query', onQuery)
    else client.removeListener('query', onQuery)
  }
  overrides.onUndo(() => want(false))
  return want
}
