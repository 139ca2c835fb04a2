import type { PredictiveSizing } from '../options.ts'

type Settled = Required<PredictiveSizing['predictive']>

const DEFAULTS: Omit<Settled, 'history'> = {
  timeZone: 'UTC',
  leadMillis: 120_000,
  confidence: 0.9,
  waitProbability: 0.01,
  cooldownMillis: 60_000,
}

export function predictiveOptions({ predictive }: PredictiveSizing): Settled {
  const given = Object.entries(predictive).filter(([, value]) => value !== undefined)
  return { ...DEFAULTS, ...Object.fromEntries(given), history: predictive.history }
}
