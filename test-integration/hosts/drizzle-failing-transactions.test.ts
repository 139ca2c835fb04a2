import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { report } from '../chaos/load.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { ended, fixture, saidReady, start, type Child } from './child.ts'
import type { Figures } from './fixtures/drizzle-failing-transactions.ts'

const TRANSACTIONS = 1_000
const TITLE = 'a thousand transactions that fail, fifty at a time on five connections'
const WHOLE: Figures = { answered: TRANSACTIONS, dirty: 0, rowsLeft: 0, slotsLost: 0, hasCrashed: false }

let runs = 0

/** In a process of its own, which bare Drizzle may end. */
async function outcomeOf(url: string, driver: string, way: string, kill?: (label: string) => Promise<unknown>): Promise<Figures> {
  const label = `failing_${++runs}`
  const child = start(url, fixture('drizzle-failing-transactions.ts'), [driver, way, label])
  await saidReady(child)
  while (kill !== undefined && isAtWork(child)) {
    await kill(label)
    await sleep(50)
  }
  await ended(child)
  const figures = JSON.parse(child.output().trim().split('\n').findLast((line) => line.startsWith('{"answered"')) ?? '{}') as Figures
  report(`${driver}, ${way}`, {
    answered: `${figures.answered} of ${TRANSACTIONS}`,
    'slots lost': figures.slotsLost ?? 'not known',
    'lent dirty': figures.dirty,
    'rows left': figures.rowsLeft ?? 'not known',
    crashed: figures.hasCrashed ? 'yes' : 'no',
  })
  return figures
}

function isAtWork({ process: child, output }: Child): boolean {
  return child.exitCode === null && !output().includes('over')
}

const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')

postgres.describe('P-121: Drizzle on PostgreSQL', () => {
  let server: PostgresServer

  beforeAll(async () => {
    server = await attachPostgres(postgres)
  })
  afterAll(() => server.stop())

  const run = (driver: string, way: string): Promise<Figures> =>
    outcomeOf(postgres.url, driver, way, (applicationName) => server.terminateAll({ applicationName }))

  test(`${TITLE}: on node-postgres, bare Drizzle crashes, or loses every slot; a kept pool loses nothing`, async () => {
    expect(await run('node-postgres', 'bare')).toMatchObject({ hasCrashed: true })
    expect(await run('node-postgres', 'listened to')).toMatchObject({ slotsLost: 5 })
    expect(await run('node-postgres', 'kept')).toEqual(WHOLE)
  })

  test(`${TITLE}: on postgres.js, bare Drizzle crashes; a kept instance loses nothing`, async () => {
    expect(await run('postgres-js', 'bare')).toMatchObject({ hasCrashed: true })
    expect(await run('postgres-js', 'kept')).toEqual(WHOLE)
  })
})

mariadb.describe('P-121: Drizzle on MariaDB', () => {
  test(`${TITLE}: on mysql2, bare Drizzle loses every slot; a kept pool loses nothing`, async () => {
    expect(await outcomeOf(mariadb.url, 'mysql2', 'bare')).toMatchObject({ slotsLost: 5 })
    expect(await outcomeOf(mariadb.url, 'mysql2', 'kept')).toEqual(WHOLE)
  })
})
