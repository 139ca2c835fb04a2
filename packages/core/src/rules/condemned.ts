import { retire } from '../verdict.ts'
import type { Rule } from './rule.ts'

/** What was decided while somebody held the connection is carried out as soon as nobody does. */
export function condemned(): Rule {
  return {
    name: 'condemned',
    moments: ['checkout', 'return', 'round'],
    judge: (facts) => (facts.condemnedFor === undefined ? undefined : retire(facts.condemnedFor)),
  }
}
