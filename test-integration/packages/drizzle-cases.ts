/** A sub-path of `@poolkeeper/drizzle`, as a stranger uses it. */
export interface DrizzleCase {
  readonly subPath: string
  /** What `drizzle()` takes beside the connection, and a program reads from the environment. */
  readonly variable: 'POSTGRES' | 'MARIADB'
  /** Ends the pool. */
  readonly end: string
  /** A table with one column, for the types. */
  readonly table: string
}

export const DRIZZLE_CASES: readonly DrizzleCase[] = [
  {
    subPath: 'node-postgres',
    variable: 'POSTGRES',
    end: 'db.$client.end()',
    table: `import { pgTable as table, text } from 'drizzle-orm/pg-core'`,
  },
  {
    subPath: 'postgres-js',
    variable: 'POSTGRES',
    end: 'db.$client.end()',
    table: `import { pgTable as table, text } from 'drizzle-orm/pg-core'`,
  },
  {
    subPath: 'mysql2',
    variable: 'MARIADB',
    end: 'db.$client.end()',
    table: `import { mysqlTable as table, text } from 'drizzle-orm/mysql-core'`,
  },
]

const NAMES = 'applyPoolPolicy, isPoolkeeperError, keeperOf, withPoolPolicy'

/** The two kinds of program. */
export const HEADS: Readonly<Record<'mjs' | 'cjs', (subPath: string) => string>> = {
  mjs: (subPath) => `
import { drizzle } from 'drizzle-orm/${subPath}'
import { ${NAMES} } from '@poolkeeper/drizzle/${subPath}'
`,
  cjs: (subPath) => `
const { drizzle } = require('drizzle-orm/${subPath}')
const { ${NAMES} } = require('@poolkeeper/drizzle/${subPath}')
`,
}

export function bodyOf({ variable, end }: DrizzleCase): string {
  return `
const db = drizzle(withPoolPolicy({ connection: process.env.${variable} }, { max: 2 }))
async function main() {
  await db.transaction((tx) => tx.execute('select 1'))
  await db.execute('select 1')
  let code
  try { applyPoolPolicy(db, { max: -1 }) } catch (error) { code = isPoolkeeperError(error) ? error.code : error }
  const { opens, used } = keeperOf(db).stats()
  console.log(JSON.stringify({ opened: opens.ok, used, same: applyPoolPolicy(db, { max: 2 }) === keeperOf(db), code }))
  await ${end}
}
main()
`
}

/** For both majors of Drizzle: what they call a schema is not the same. */
export function typedOf({ subPath, table }: DrizzleCase): string {
  return `
import { drizzle } from 'drizzle-orm/${subPath}'
${table}
import { applyPoolPolicy, keeperOf, type PoolKeeper, withPoolPolicy } from '@poolkeeper/drizzle/${subPath}'
const users = table('users', { name: text('name').notNull() })
const made = drizzle(withPoolPolicy({ connection: 'db://127.0.0.1/none', logger: true }, { keepaliveMillis: 60_000 }))
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const bare = drizzle({ connection: 'db://127.0.0.1/none', logger: true })
export const same: Same<typeof made, typeof bare> = true
export const rows: () => PromiseLike<{ name: string }[]> = () => made.select().from(users)
export const keeper: PoolKeeper = keeperOf(made)
export const applied: PoolKeeper = applyPoolPolicy(made, { maxLifetimeMillis: false })
// @ts-expect-error there is no such key
drizzle(withPoolPolicy({ connection: 'db://127.0.0.1/none', loger: true }))
// @ts-expect-error there is no such option
withPoolPolicy('db://127.0.0.1/none', { keepAlive: 1 })
`
}
