import type { Behaviour, BehaviourId } from '../behaviour.ts'
import { appliedTwice } from './applied-twice.ts'
import { checkDeadline } from './check-deadline.ts'
import { checkWindow } from './check-window.ts'
import { circuit } from './circuit.ts'
import { connectFrozen } from './connect-frozen.ts'
import { connectLate } from './connect-late.ts'
import { connectRefused } from './connect-refused.ts'
import { connectRetry } from './connect-retry.ts'
import { counters } from './counters.ts'
import { credentials } from './credentials.ts'
import { deadInWindow } from './dead-in-window.ts'
import { deadSeen } from './dead-seen.ts'
import { deadUnseen } from './dead-unseen.ts'
import { detach } from './detach.ts'
import { diedLent } from './died-lent.ts'
import { drainBlocked } from './drain-blocked.ts'
import { dirtyReturn } from './dirty-return.ts'
import { drain } from './drain.ts'
import { evictIdle } from './evict-idle.ts'
import { foresight } from './foresight.ts'
import { halfOpen } from './half-open.ts'
import { handover } from './handover.ts'
import { hooksFail } from './hooks-fail.ts'
import { hooks } from './hooks.ts'
import { hostClose } from './host-close.ts'
import { hostErrors } from './host-errors.ts'
import { idleTimeout } from './idle-timeout.ts'
import { keepalive } from './keepalive.ts'
import { lastAnswer } from './last-answer.ts'
import { leakReclaim } from './leak-reclaim.ts'
import { leakReport } from './leak-report.ts'
import { maxLifetime } from './max-lifetime.ts'
import { maxUses } from './max-uses.ts'
import { minAndReady } from './min-and-ready.ts'
import { misuse } from './misuse.ts'
import { observe } from './observe.ts'
import { observers } from './observers.ts'
import { pause } from './pause.ts'
import { proof } from './proof.ts'
import { randomFaults } from './random-faults.ts'
import { recycle } from './recycle.ts'
import { resize } from './resize.ts'
import { reuse } from './reuse.ts'
import { sizing } from './sizing.ts'
import { slowServer } from './slow-server.ts'
import { strictMax } from './strict-max.ts'
import { wallClock } from './wall-clock.ts'

/** Every behaviour, in the order of the support matrix. A new one is one file, and one line here. */
export const BEHAVIOURS: Readonly<Record<BehaviourId, Behaviour>> = {
  reuse,
  'strict-max': strictMax,
  handover,
  'check-window': checkWindow,
  'check-deadline': checkDeadline,
  proof,
  'dead-seen': deadSeen,
  'dead-unseen': deadUnseen,
  'dead-in-window': deadInWindow,
  'half-open': halfOpen,
  'slow-server': slowServer,
  'connect-refused': connectRefused,
  'connect-frozen': connectFrozen,
  'connect-late': connectLate,
  'connect-retry': connectRetry,
  circuit,
  'max-lifetime': maxLifetime,
  credentials,
  'max-uses': maxUses,
  'idle-timeout': idleTimeout,
  keepalive,
  'min-and-ready': minAndReady,
  'dirty-return': dirtyReturn,
  hooks,
  'hooks-fail': hooksFail,
  observe,
  'host-errors': hostErrors,
  misuse,
  'leak-report': leakReport,
  'leak-reclaim': leakReclaim,
  'died-lent': diedLent,
  observers,
  counters,
  'wall-clock': wallClock,
  resize,
  sizing,
  foresight,
  recycle,
  'evict-idle': evictIdle,
  pause,
  drain,
  'drain-blocked': drainBlocked,
  'host-close': hostClose,
  'last-answer': lastAnswer,
  detach,
  'applied-twice': appliedTwice,
  'random-faults': randomFaults,
}
