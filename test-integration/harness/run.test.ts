import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { attachMariadb } from './mariadb.ts'
import { isOpen } from './ports.ts'
import { attachPostgres } from './postgres.ts'
import { attachRedis } from './redis.ts'
import { requireOwnServer, requireServer } from './require-server.ts'

describe('the servers of the run', () => {
  const postgres = requireServer('postgres')
  const mariadb = requireServer('mariadb')
  const redis = requireServer('redis')

  postgres.describe('PostgreSQL', () => {
    it('is there for any test file, but cannot be restarted by one', async () => {
      const server = await attachPostgres(postgres)
      await expect(server.restart()).rejects.toThrow('cannot be restarted')
      expect(server.kind).toBe('external')
      await server.stop()
      expect(await isOpen(server.port)).toBe(true)
    })
  })

  mariadb.describe('MariaDB', () => {
    it('is there for any test file', async () => {
      const server = await attachMariadb(mariadb)
      expect(await server.admin.query('select ? as one', [1])).toEqual([{ one: 1 }])
      await server.stop()
    })
  })

  redis.describe('Redis', () => {
    it('is there for any test file', async () => {
      const server = await attachRedis(redis)
      expect(await server.command('PING')).toBe('PONG')
      await server.stop()
    })
  })
})

requireOwnServer('redis').describe('a run that is killed', () => {
  it('takes its servers and their folders along, frozen ones too', async () => {
    const fixture = fileURLToPath(new URL('dying-parent.fixture.ts', import.meta.url))
    const run = spawn(process.execPath, ['--import', 'tsx', fixture], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { ports, folder } = JSON.parse(await firstLine(run)) as { ports: number[]; folder: string }
    expect(existsSync(folder)).toBe(true)
    run.kill('SIGKILL')
    await vi.waitUntil(async () => !(await Promise.all(ports.map(isOpen))).includes(true), 20_000)
    await vi.waitUntil(() => !existsSync(folder), 20_000)
  })
})

async function firstLine(run: ChildProcess): Promise<string> {
  if (run.stdout === null) throw new Error('no output')
  let text = ''
  for await (const chunk of run.stdout) {
    text += String(chunk)
    if (text.includes('\n')) break
  }
  return text
}
