/** A sub-path of `@poolkeeper/drizzle`, as a stranger uses it. */
export interface DrizzleCase {
  readonly subPath: string
  /** The server that its program uses, as the environment names it; without one, nothing is connected. */
  readonly variable?: 'POSTGRES' | 'MARIADB'
  /** A table with one column, for the types. */
  readonly table: string
}

export const DRIZZLE_CASES: readonly DrizzleCase[] = [
  {
    subPath: 'node-postgres',
    variable: 'POSTGRES',
    table: `import { pgTable as table, text } from 'drizzle-orm/pg-core'`,
  },
  {
    subPath: 'postgres-js',
    variable: 'POSTGRES',
    table: `import { pgTable as table, text } from 'drizzle-orm/pg-core'`,
  },
  {
    subPath: 'mysql2',
    variable: 'MARIADB',
    table: `import { mysqlTable as table, text } from 'drizzle-orm/mysql-core'`,
  },
  {
    subPath: 'neon-serverless',
    table: `import { pgTable as table, text } from 'drizzle-orm/pg-core'`,
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

/** What it prints. */
export const SAID = { used: 0, same: true, code: 'INVALID_POLICY' }

export function bodyOf({ variable }: DrizzleCase): string {
  const connection = variable === undefined ? `'postgres://nobody@127.0.0.1:1/none'` : `process.env.${variable}`
  const use = `
  await db.transaction((tx) => tx.execute('select 1'))
  await db.execute('select 1')
`
  return `
const db = drizzle(withPoolPolicy({ connection: ${connection} }, { max: 2 }))
async function main() {
  ${variable === undefined ? '' : use}
  let code
  try { applyPoolPolicy(db, { max: -1 }) } catch (error) { code = isPoolkeeperError(error) ? error.code : error }
  const { opens, used } = keeperOf(db).stats()
  console.log(JSON.stringify({ opened: opens.ok, used, same: applyPoolPolicy(db, { max: 2 }) === keeperOf(db), code }))
  await db.$client.end()
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
