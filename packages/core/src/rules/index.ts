import type { PolicyValues } from '../policy/values.ts'
import { credentialDue, credentialOver, credentialOverOnReturn } from './credential.ts'
import { idleTimeout } from './idle-timeout.ts'
import { keepalive } from './keepalive.ts'
import { lifetimeDue, lifetimeOver } from './max-lifetime.ts'
import { maxUses } from './max-uses.ts'
import { recycled } from './recycled.ts'
import type { Moment, Rule, RuleMaker } from './rule.ts'
import { validateAfterIdle } from './validate-after-idle.ts'
import { roleKnown } from './validate-role.ts'

/** A new rule is one file in this folder, its fields in the policy, and one line here. */
const RULES: readonly RuleMaker[] = [
  lifetimeOver,
  lifetimeDue,
  credentialOver,
  credentialOverOnReturn,
  credentialDue,
  recycled,
  maxUses,
  idleTimeout,
  validateAfterIdle,
  roleKnown,
  keepalive,
]

/** The rules that a policy asks for, by the moment at which they are asked. */
export type RulesByMoment = Readonly<Record<Moment, readonly Rule[]>>

export function rulesOf(policy: PolicyValues): RulesByMoment {
  const rules = RULES.map((make) => make(policy)).filter((rule) => rule !== undefined)
  // Not frozen: V8 reads a frozen array in its slowest way, which was a tenth of a checkout's price.
  const at = (moment: Moment): readonly Rule[] => rules.filter((rule) => rule.moments.includes(moment))
  return Object.freeze({ checkout: at('checkout'), return: at('return'), round: at('round'), idle: at('idle') })
}
