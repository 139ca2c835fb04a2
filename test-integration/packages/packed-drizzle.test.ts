import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { bodyOf, DRIZZLE_CASES, HEADS, SAID, typedOf } from './drizzle-cases.ts'
import { ScratchProject } from './scratch-project.ts'

const SERVERS = { POSTGRES: requireServer('postgres'), MARIADB: requireServer('mariadb') } as const

beforeAll(() => {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: 'ignore' })
}, 120_000)

/** The oldest and the newest of each major, which are typed differently, under the oldest and the newest compiler. */
const PROJECTS = [
  { drizzle: 'drizzle-orm@0.36.0', typescript: 'typescript@5.5.4' },
  { drizzle: 'drizzle-orm@0.45.4', typescript: 'typescript@6.0.3' },
  { drizzle: 'drizzle-orm@1.0.0-rc.5', typescript: 'typescript@6.0.3' },
]

describe.each(PROJECTS)('the packed packages beside $drizzle and $typescript', ({ drizzle, typescript }) => {
  let home: string
  let application: ScratchProject

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'poolkeeper-scratch-'))
    application = await ScratchProject.create(home, drizzle, typescript, '@neondatabase/serverless@1.2.0')
  }, 120_000)

  afterAll(() => rm(home, { recursive: true, force: true }))

  test('are typed', { timeout: 60_000 }, async () => {
    const files: string[] = []
    for (const drizzleCase of DRIZZLE_CASES) {
      for (const kind of ['mts', 'cts']) {
        const file = `${drizzleCase.subPath}.${kind}`
        await application.write(file, typedOf(drizzleCase))
        files.push(file)
      }
    }
    // Drizzle's own declarations name drivers that are not there.
    const flags = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--noEmit', '--target', 'es2022', '--types', 'node']
    await application.tsc(...flags, '--module', 'nodenext', '--esModuleInterop', ...files)
  })

  describe.each(DRIZZLE_CASES)('for $subPath', (drizzleCase) => {
    const { subPath, variable } = drizzleCase
    const describeProgram = variable === undefined ? describe : SERVERS[variable].describe
    describeProgram('a program', () => {
      test.for(['mjs', 'cjs'] as const)('works from a .%s file', { timeout: 30_000 }, async (kind) => {
        const file = `${subPath}.${kind}`
        await application.write(file, HEADS[kind](subPath) + bodyOf(drizzleCase))
        const output = await application.node(variable === undefined ? {} : { [variable]: SERVERS[variable].url }, file)
        expect(JSON.parse(output)).toEqual({ ...SAID, opened: variable === undefined ? 0 : 1 })
      })
    })
  })
})
