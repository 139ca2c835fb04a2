import type { AdapterHarness } from '@poolkeeper/conformance'

const SHARED = 'nothing is lent'

/** What postgres.js does not show, with the reason. */
export const CANNOT: NonNullable<AdapterHarness['cannot']> = {
  reuse: 'postgres.js takes the connection that has rested longest, not the one that was used last',
  'strict-max': 'there is no `maxUses` to close what comes back (that `max` holds is shown in tests of its own)',
  'check-window': 'a reserved connection is known by the answer to an empty statement, which the server hears (shown in a test of its own)',
  'check-deadline': 'the server is asked at its door as well, without a place in the pool: silence is found out before the deadline (shown in a test of its own)',
  'dead-in-window': 'postgres.js sends several queries at once on one connection: a death costs all that were in flight (shown in a test of its own)',
  'idle-timeout': 'the idle timeout is postgres.js\'s own timer, which knows no minimum',
  'min-and-ready': 'there is no `minIdle` (`min` and `ready()` are shown in tests of their own)',
  'dirty-return': 'DISCARD ALL takes away prepared statements that postgres.js goes on using: there is no `reset` (the check is shown in tests of its own)',
  counters: 'several callers share one connection, so uses are not callers (shown in a test of its own)',
  misuse: 'a reserved connection gives itself back: there is nothing foreign to give (a second release is shown in a test of its own)',
  sizing: 'postgres.js settles its size when it is made',
  foresight: 'postgres.js settles its size when it is made',
  handover: 'postgres.js opens a connection for one query, and keeps it for that',
  'connect-retry': 'postgres.js pauses between its connects by its own `backoff`',
  circuit: 'postgres.js connects when it likes, and asks nobody',
  hooks: `${SHARED}: there is no connection to show to a hook`,
  'hooks-fail': `${SHARED}: there is no connection to show to a hook`,
  observe: 'the policy acts through the socket, which cannot only look on',
  'leak-report': `${SHARED}, so nobody keeps what is not his`,
  'leak-reclaim': `${SHARED}, so nobody keeps what is not his`,
  'max-lifetime': 'postgres.js closes by its own timer, and opens the next one when it is needed',
  credentials: 'postgres.js asks its own `password` function at each connect',
  'max-uses': `${SHARED}: nobody counts uses`,
}
