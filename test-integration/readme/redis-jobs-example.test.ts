import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { dayAtTheShop } from '../../examples/redis-jobs/day.ts'
import { requireServer } from '../harness/require-server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const redis = requireServer('redis')

redis.describe('The example of jobs on Redis', () => {
  test('sells each piece once, packs each order once, and confirms each parcel once', async () => {
    const day = await dayAtTheShop(redis.url, { pieces: 20, buyers: 30, packers: 5, visitors: 5 })
    expect(day).toMatchObject({ sold: 20, left: 0 })
    expect(new Set(day.packed).size).toBe(20)
    expect([...day.confirmed].sort()).toEqual([...day.packed].sort())
    expect(day.views).toBeGreaterThan(0)
    expect(day.connections).toBeLessThanOrEqual(day.max)
  })

  test('runs on a server of the user, and ends by itself', async () => {
    const env = { ...process.env, NODE_OPTIONS: '', REDIS_URL: redis.url }
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/redis-jobs/main.ts'], { cwd: ROOT, env, timeout: 25_000 })
    expect((await run).stdout).toContain('90 buyers for 60 pieces: 60 sold, 0 left')
  })
})
