import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { bodyOf, DRIZZLE_CASES, HEADS, typedOf } from './drizzle-cases.ts'
import { ScratchProject } from './scratch-project.ts'

const SERVERS = { POSTGRES: requireServer('postgres'), MARIADB: requireServer('mariadb') } as const

beforeAll(() => {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: 'ignore' })
}, 120_000)

/** A project for each major of Drizzle, which are typed differently. */
describe.each(['drizzle-orm@0.45.4', 'drizzle-orm@1.0.0-rc.5'])('the packed packages beside %s', (drizzle) => {
  let home: string
  let application: ScratchProject

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'poolkeeper-scratch-'))
    application = await ScratchProject.create(home, drizzle)
  }, 120_000)

  afterAll(() => rm(home, { recursive: true, force: true }))

  describe.each(DRIZZLE_CASES)('for $subPath', (drizzleCase) => {
    const { subPath, variable } = drizzleCase

    test('are typed', { timeout: 60_000 }, async () => {
      const files = ['mts', 'cts'].map((kind) => `${subPath}.${kind}`)
      for (const file of files) await application.write(file, typedOf(drizzleCase))
      // Drizzle's own declarations name drivers that are not there.
      const flags = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', '--noEmit', '--target', 'es2022', '--types', 'node']
      await application.tsc(...flags, '--module', 'nodenext', '--esModuleInterop', ...files)
    })

    SERVERS[variable].describe('on a server', () => {
      test.for(['mjs', 'cjs'] as const)('work from a .%s file', { timeout: 30_000 }, async (kind) => {
        const file = `${subPath}.${kind}`
        await application.write(file, HEADS[kind](subPath) + bodyOf(drizzleCase))
        const output = await application.node({ [variable]: SERVERS[variable].url }, file)
        expect(JSON.parse(output)).toEqual({ opened: 1, used: 0, same: true, code: 'INVALID_POLICY' })
      })
    })
  })
})
