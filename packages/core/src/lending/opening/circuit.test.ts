import { describe, expect, test } from 'vitest'
import { afterFailure, afterProbe, CLOSED, mayWaitForProbe, probePatienceMillis, withProbe, type Circuit } from './circuit.ts'

const THRESHOLD = 3

function failedTimes(times: number, now: number = 0): Circuit {
  let circuit = CLOSED
  for (let failure = 0; failure < times; failure++) circuit = afterFailure(circuit, THRESHOLD, now)
  return circuit
}

describe('a circuit', () => {
  test('opens with as many failures in a row as the policy says, and not before', () => {
    expect(failedTimes(THRESHOLD - 1)).toEqual({ status: 'closed', failures: 2 })
    expect(failedTimes(THRESHOLD, 70)).toEqual({ status: 'open', failures: 3, openedAt: 70, silentProbes: 0 })
  })

  test('opens with the first failure when one is enough', () => {
    expect(afterFailure(CLOSED, 1, 5)).toMatchObject({ status: 'open', failures: 1, openedAt: 5 })
  })

  test('stays open when more fails that was under way, and counts it', () => {
    expect(afterFailure(failedTimes(THRESHOLD), THRESHOLD, 99)).toMatchObject({ status: 'open', failures: 4, openedAt: 0 })
  })

  test('is half open while a probe is under way, and open again when that fails', () => {
    const probing = withProbe(failedTimes(THRESHOLD), 1, 500)
    expect(probing).toMatchObject({ status: 'halfOpen', probe: 1, probingSince: 500, openedAt: 0 })
    expect(afterProbe(probing, 1, false)).toEqual({ status: 'open', failures: 3, openedAt: 0, silentProbes: 0 })
  })

  test('has one probe at a time: while one is under way, and while it is closed, none begins', () => {
    const probing = withProbe(failedTimes(THRESHOLD), 1, 500)
    expect(withProbe(probing, 2, 600)).toBe(probing)
    expect(withProbe(CLOSED, 1, 0)).toBe(CLOSED)
  })

  test('is not opened by a probe that others have overtaken', () => {
    const probing = withProbe(failedTimes(THRESHOLD), 2, 500)
    expect(afterProbe(probing, 1, true)).toBe(probing)
    expect(afterProbe(CLOSED, 1, true)).toBe(CLOSED)
  })
})

describe('a probe', () => {
  test('is given up after a second, and after twice as long each time that it was silent', () => {
    let circuit = failedTimes(THRESHOLD)
    const patience: number[] = []
    for (let probe = 1; probe <= 7; probe++) {
      circuit = withProbe(circuit, probe, 0)
      patience.push(probePatienceMillis(circuit, 30_000))
      circuit = afterProbe(circuit, probe, true)
    }
    expect(patience).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    circuit = afterProbe(withProbe(circuit, 8, 0), 8, false)
    expect(probePatienceMillis(circuit, 30_000)).toBe(1_000)
  })

  test('is never given more time than any connect', () => {
    expect(probePatienceMillis(failedTimes(THRESHOLD), 300)).toBe(300)
    expect(probePatienceMillis(CLOSED, 30_000)).toBe(1_000)
  })

  test('has callers wait for it who come within a second', () => {
    const probing = withProbe(failedTimes(THRESHOLD), 1, 500)
    expect([mayWaitForProbe(probing, 1_499), mayWaitForProbe(probing, 1_500)]).toEqual([true, false])
    expect(mayWaitForProbe(failedTimes(THRESHOLD), 0)).toBe(false)
  })
})
