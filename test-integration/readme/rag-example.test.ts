import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import type { Retrieval } from '../../examples/rag/agents.ts'
import { compare, type Comparison } from '../../examples/rag/compare.ts'
import { tableOf } from '../../examples/rag/table.ts'
import { requireServer } from '../harness/require-server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const postgres = requireServer('postgres')

postgres.describe('The example of retrieval for agents', () => {
  let comparison: Comparison

  beforeAll(async () => {
    comparison = await compare(postgres.url, { agents: 10, turns: 8, thinkMillis: 40 })
  })

  const ALL = ['no pool', 'bare pool', 'kept pool'] as const

  function retrievals(phase: number, way: (typeof ALL)[number]): readonly Retrieval[] {
    return comparison.phases[phase]?.ways.get(way) ?? []
  }
  const failed = (phase: number, way: (typeof ALL)[number]): number => retrievals(phase, way).filter(({ hasFailed }) => hasFailed).length
  const handshakes = (phase: number, way: (typeof ALL)[number]): number => retrievals(phase, way).filter(({ connect }) => connect > 0).length

  test('finds the passage that answers the question', () => {
    expect(comparison.found[0]).toMatchObject({ source: 'docs/reference/policy.md', body: expect.stringContaining('firewall') })
  })

  test.for([0, 1, 2])('in phase %i nothing fails, and without a pool every retrieval pays for a handshake', (phase) => {
    for (const way of ALL) expect(failed(phase, way)).toBe(0)
    expect(handshakes(phase, 'no pool')).toBe(retrievals(phase, 'no pool').length)
  })

  test.for([
    { when: 'after a start', phase: 0 },
    { when: 'after an idle night', phase: 2 },
  ])('$when a kept pool spares its callers the handshakes', ({ phase }) => {
    expect(handshakes(phase, 'kept pool')).toBeLessThan(handshakes(phase, 'bare pool'))
  })

  test('a connection that is killed costs a kept pool its own statement at most', () => {
    expect(retrievals(3, 'kept pool')).toHaveLength(80)
    expect(failed(3, 'kept pool')).toBeLessThanOrEqual(3)
  })

  test('is shown as a table of three lines for each phase', () => {
    const lines = tableOf(comparison.phases).split('\n')
    for (const way of ALL) expect(lines.filter((line) => line.startsWith(`  ${way} `))).toHaveLength(4)
  })

  test('runs on a database of the user, leaves nothing there, and ends by itself', async () => {
    const args = ['--import', 'tsx', 'examples/rag/main.ts', '--agents', '2', '--turns', '1', '--think', '1']
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: postgres.url }
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env, timeout: 25_000 })
    expect(stdout).toContain('2 agents, 1 questions each')
  })
})
