import type { AdapterHarness } from '@poolkeeper/conformance'
import { MADE_WITH_POLICY } from './ioredis-parts.ts'

type Reasons = NonNullable<AdapterHarness['cannot']>

/** What no pool of Redis shows, with the reason. */
const OF_ALL: Reasons = {
  observe: MADE_WITH_POLICY,
  detach: MADE_WITH_POLICY,
  'applied-twice': MADE_WITH_POLICY,
  circuit: 'one circuit judges what lanes and leases learn of the server together (shown in a test of its own)',
  credentials: 'a living connection logs in anew with AUTH, and is not replaced (shown in a test of its own)',
  sizing: 'the size of what is shared is `lanes`: a pool of Redis has no `sizing`',
  foresight: 'the size of what is shared is `lanes`: a pool of Redis has no `sizing`',
}

/** What leases do not show besides. */
export const LEASES_CANNOT: Reasons = {
  ...OF_ALL,
  'dirty-return': 'WATCH, MULTI and subscriptions that are left open are daily bread: they are undone without a word (shown in tests of its own)',
  misuse: 'a lease gives itself back, and once: there is nothing foreign to give (a second release is shown in a test of its own)',
}

const SHARED = 'commands share a lane: nothing is lent'
const OF_LEASES = 'holds for leases alone: lanes are as many as `lanes` says'

/** What the lanes do not show besides. */
export const LANES_CANNOT: Reasons = {
  ...OF_ALL,
  reuse: SHARED,
  handover: SHARED,
  misuse: SHARED,
  hooks: `${SHARED}, so there is nobody to show a connection to`,
  'hooks-fail': `${SHARED}, so there is nobody to show a connection to`,
  'leak-report': `${SHARED}, so nobody keeps what is not his`,
  'leak-reclaim': `${SHARED}, so nobody keeps what is not his`,
  'died-lent': `${SHARED} (a command in flight on a lane that dies fails once: shown in a test of its own)`,
  'host-errors': `${SHARED}, so nobody waits until somebody else has finished`,
  'drain-blocked': `${SHARED}, so nobody is in the way (that a command in flight is answered first is shown in a test of its own)`,
  'host-close': `${SHARED}, so nobody waits for who holds it (the end of a pool is shown in tests of its own)`,
  'random-faults': `${SHARED}, so that one lane is lent twice is as it should be`,
  observers: '`acquired` is told once for all commands that follow one another on a lane',
  counters: `${SHARED}, so uses are not callers`,
  'max-uses': `\`maxUses\` ${OF_LEASES}`,
  'strict-max': `\`maxUses\` ${OF_LEASES} (that there are no more is shown in a test of its own)`,
  'idle-timeout': `\`idleTimeoutMillis\` ${OF_LEASES}`,
  'wall-clock': `\`idleTimeoutMillis\` ${OF_LEASES}`,
  'min-and-ready': `\`minIdle\` ${OF_LEASES}`,
  resize: '`lanes` is settled when a pool is made; `max` is that of lanes and leases together',
  'check-window': 'which lane a command takes is known by its answer, which the server hears',
  proof: 'which lane a command takes is known by its answer, which the server hears',
  'check-deadline': 'the server is asked at its door as well: silence is found out before the deadline',
  'dead-in-window': 'a lane that dies costs all commands in flight on it (shown in a test of its own)',
  'half-open': 'a lane that has answered somebody needs no check: there are fewer of them than lanes (a network that swallows all lanes is shown in a test of its own)',
  'connect-frozen': 'how many commands wait is not how many lanes are opened (a blackhole of all connections is shown in a test of its own)',
  'connect-retry': 'who finds a lane does not wait for another one to be opened (that commands wait for a server that comes back is shown in a test of its own)',
  'max-lifetime': 'a lane in use is one with commands in flight, which are answered before it goes (shown in a test of its own)',
  recycle: 'a lane in use is one with commands in flight, which are answered before it goes (shown in a test of its own)',
  'evict-idle': 'a lane in use is one with commands in flight: nobody keeps it so',
  pause: 'who sends a command while the pool is paused waits: he holds nothing (shown in a test of its own)',
  drain: 'who sends a command while the pool is drained is refused: he holds nothing (shown in a test of its own)',
}
