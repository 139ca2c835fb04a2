import type { PolicyValues } from '../policy/values.ts'
import { VALIDATE, type Rule } from './rule.ts'

export interface ValidateRoleOptions {
  /**
   * With `'writable'`, a connection that answers but cannot write is retired: after a failover it
   * leads to the old primary, or to a replica. Asked with every check, in place of the cheapest
   * message, and once on every new connection before it is lent.
   *
   * PostgreSQL: `transaction_read_only`; MySQL and MariaDB: `read_only` and `innodb_read_only`.
   *
   * `'writable'`, or `false`. Elsewhere than on PostgreSQL, MySQL and MariaDB: refused.
   *
   * @defaultValue `false` (any answer is proof)
   */
  readonly validateRole?: 'writable' | false
}

/** A new connection has answered, but nobody knows in which role. */
export function roleKnown(policy: PolicyValues): Rule | undefined {
  if (policy.validateRole === false) return undefined
  return {
    name: 'roleKnown',
    moments: ['checkout'],
    judge: (facts) => (facts.roleProven ? undefined : VALIDATE),
  }
}
