import { describe, expect, test } from 'vitest'
import { compare, figuresOf, measureBlocks, measureRound, ratioOf } from './pairs.ts'

function recordingSides() {
  const order: string[] = []
  const side = (name: string) => async () => {
    order.push(name)
    return { time: order.length }
  }
  return { order, sides: { kept: side('kept'), bare: side('bare'), again: side('again') } }
}

describe('a round', () => {
  test('measures each side once, in an order that is drawn', async () => {
    const forwards = recordingSides()
    const round = await measureRound(forwards.sides, () => 0)
    expect(forwards.order).toEqual(['kept', 'bare', 'again'])
    expect(round).toEqual({ kept: { time: 1 }, bare: { time: 2 }, again: { time: 3 } })

    const backwards = recordingSides()
    await measureRound(backwards.sides, () => 0.999)
    expect(backwards.order).toEqual(['again', 'bare', 'kept'])
  })

  test('of several blocks alternates the sides and takes the median of each figure', async () => {
    const { order, sides } = recordingSides()
    const round = await measureBlocks(sides, 3, () => 0)
    expect(order).toHaveLength(9)
    expect(round).toEqual({ kept: { time: 4 }, bare: { time: 5 }, again: { time: 6 } })
  })
})

describe('a comparison', () => {
  const rounds = [1, 10, 100].map((slowness) => ({
    kept: { time: 3 * slowness },
    bare: { time: 2 * slowness },
    again: { time: 2 * slowness },
  }))

  test('divides within each round, so that a slow moment cancels out', () => {
    const { ratio, noise, base } = compare(rounds, 'time')
    expect(ratio).toEqual({ median: 1.5, low: 1.5, high: 1.5, samples: 3 })
    expect(noise.median).toBe(1)
    expect(base).toBe(20)
  })

  test('can be made between any two sides', () => {
    expect(ratioOf(rounds, 'time', 'bare', 'kept').median).toBeCloseTo(2 / 3)
    expect(figuresOf(rounds, 'kept', 'time')).toEqual([3, 30, 300])
  })

  test('of a figure that was not taken is an error', () => {
    expect(() => compare(rounds, 'weight')).toThrow('no figure "weight"')
  })
})
