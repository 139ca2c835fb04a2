import { invalidPolicy } from '../../policy/bounds.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/

/** A table's name for a statement, with its schema if it has one. */
export function quotedTable(option: string, table: unknown): string {
  const names = typeof table === 'string' ? table.split('.') : []
  if (names.length < 1 || names.length > 2 || !names.every((name) => NAME.test(name))) {
    throw invalidPolicy(option, 'a table, or schema.table, of letters, digits and underscores, of 1 to 63 characters each', table)
  }
  return names.map((name) => `"${name}"`).join('.')
}
