import { afterAll, beforeAll, expect, test } from 'vitest'
import { policiesForDay } from '../../simulator/day-policies.ts'
import { historyBefore } from '../../simulator/histories.ts'
import { runLive } from '../../simulator/live/live-day.ts'
import { dayOfLoad } from '../../simulator/loads.ts'
import { type PostgresServer, startPostgres } from '../harness/postgres.ts'

const HOUR = 3_600_000
/** The campaign of the evening, in ten seconds. */
const HOURS = [16.5, 18] as const
const SPEED = 540
/** One caller for so many. */
const FOLD = 200

let server: PostgresServer

beforeAll(async () => {
  server = await startPostgres({ maxConnections: 450 })
})
afterAll(() => server.stop())

test('a part of a day on PostgreSQL: each sizing serves everybody, moves, and takes less of the server than a fixed pool', { timeout: 120_000 }, async () => {
  const options = { hours: HOURS, fold: FOLD }
  const { flash, ...trace } = dayOfLoad(1, options)
  const callers = [...trace.arrivals].length
  const traceMillis = (HOURS[1] - HOURS[0]) * HOUR
  const policies = policiesForDay(historyBefore(1, options))
  const { runs } = await runLive({ server, trace, traceMillis, flash, policies, speed: SPEED, stepMillis: traceMillis / 30 })
  const [fixed, ...others] = runs
  expect(runs.map(({ policy }) => policy)).toEqual(['fixed', 'schedule', 'adaptive', 'predictive', 'on demand'])
  for (const run of runs) expect([run.policy, run.callers, run.failed]).toEqual([run.policy, callers, {}])
  for (const { connectionHours } of others) expect(connectionHours).toBeLessThan(fixed?.connectionHours ?? 0)

  const resized = Object.fromEntries(runs.map((run) => [run.policy, run.resized]))
  expect([resized['fixed'], resized['on demand']]).toEqual([{}, {}])
  expect(Object.keys(resized['schedule'] ?? {})).toEqual(['schedule'])
  expect(resized['adaptive']).toHaveProperty('adaptive')
  expect(resized['predictive']).toHaveProperty('predictive')
  // By the server's own account.
  for (const { steps } of others) {
    const sizes = steps.map(({ connections }) => connections)
    expect(Math.max(...sizes)).toBeGreaterThan(Math.min(...sizes))
  }
})
