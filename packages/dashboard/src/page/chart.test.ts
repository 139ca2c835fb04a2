import { expect, test } from 'vitest'
import type { Sample } from '../frames.ts'
import { bandPath, linePath, runsOf, spanOf, summaryOf, topOf } from './chart.js'

const used = (sample: Sample): number => sample[1]
const sample = (second: number, inUse: number, pending = 0): Sample => [second * 1_000, inUse, 0, 0, pending, 4]

test('the scale ends at the limit, or above it where more is waited for', () => {
  expect(topOf([])).toBe(1)
  expect(topOf([sample(0, 1)])).toBe(4)
  expect(topOf([sample(0, 4, 9)])).toBe(9)
})

test('a line goes in steps, with the newest at the right edge', () => {
  expect(linePath([sample(0, 0), sample(150, 4)], used)).toBe('M0 150M600 4')
  expect(linePath([sample(297, 0), sample(300, 4)], used)).toBe('M570 150H600V4')
})

test('the chart is as wide as what was seen, within a minute and five', () => {
  expect([[], [sample(0, 1)], [sample(0, 1), sample(90, 1)], [sample(0, 1), sample(900, 1)]].map(spanOf)).toEqual([60_000, 60_000, 90_000, 300_000])
})

test('a band is closed along its lower edge', () => {
  expect(bandPath([sample(297, 2), sample(300, 4)], () => 0, used)).toBe('M570 77H600V4V150V150H570V150Z')
})

test('what was not seen is not drawn', () => {
  const samples = [sample(0, 1), sample(1, 1), sample(60, 2)]
  expect(runsOf(samples).map((run) => run.length)).toEqual([2, 1])
  expect(linePath(samples, used).match(/M/g)).toHaveLength(2)
})

test('what the chart shows is told in words as well', () => {
  expect(summaryOf([])).toBe('Nothing seen yet.')
  expect(summaryOf([sample(0, 1), sample(60, 4, 2)])).toBe('In the last 60 s: 1 to 4 used, at most 2 waiting.')
  expect(summaryOf([sample(0, 3), sample(1, 3)])).toBe('In the last 1.0 s: 3 used, at most 0 waiting.')
})
