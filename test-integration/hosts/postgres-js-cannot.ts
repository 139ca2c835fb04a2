import type { AdapterHarness } from '@poolkeeper/conformance'

const SHARED = 'nothing is lent'
const SIZE = 'postgres.js settles its size when it is made'

/** What postgres.js does not show, with the reason. */
export const CANNOT: NonNullable<AdapterHarness['cannot']> = {
  reuse: 'postgres.js takes the connection that has rested longest, not the one that was used last',
  'strict-max': '`max` is kept by postgres.js itself, and there is neither `replaceAhead` nor `maxUses` to go with it',
  handover: 'postgres.js opens a connection for one query, and keeps it for that',
  'check-window': `${SHARED}: to hold a connection is to begin a transaction, which the server hears (shown in a test of its own)`,
  'check-deadline': 'there is no `replaceAhead` to switch off (the deadline is shown in a test of its own)',
  proof: `${SHARED}: a transaction always begins and ends with an answer`,
  'dead-in-window': 'postgres.js sends several queries at once: a death costs all that were in flight (shown in a test of its own)',
  'connect-refused': 'postgres.js waits longer after each refusal, by its own `backoff`, and says so to nobody',
  'connect-frozen': 'postgres.js gives a connect up at its own connect timeout alone, and keeps the place for it until then',
  'connect-late': 'the connect timeout is postgres.js\'s own, and what it says of it',
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
  'idle-timeout': 'the idle timeout is postgres.js\'s own, and knows no minimum',
  'min-and-ready': 'there is no `minIdle` (`min` and `ready()` are shown in tests of their own)',
  'host-errors': 'postgres.js has no deadline and no error for it: the error is ours',
  misuse: `${SHARED}, so nothing can be given back twice`,
  observers: '`acquired` is told of connections, not of callers: several share one',
  counters: 'several callers share one connection, so uses are not callers (shown in a test of its own)',
  resize: SIZE,
  sizing: SIZE,
  'random-faults': SIZE,
  'died-lent': 'uses are counted by connection, the questions of postgres.js itself among them',
  'evict-idle': 'to hold a connection is to begin a transaction, which takes a round trip of its own (shown in a test of its own)',
  'drain-blocked': 'a query reaches the pool a turn after it was asked: it is refused, not rejected (shown in a test of its own)',
  'host-close': '`sql.end()` waits for what is in flight, without limit, as it says itself',
  'last-answer': '`sql.end()` waits for what is in flight, without limit, as it says itself',
}
