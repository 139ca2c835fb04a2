import { describe, expect, test } from 'vitest'
import { compare, measureBlocks, measureTrio, type Sides } from './pairs.ts'

function recordingSides(): { order: string[]; sides: Sides } {
  const order: string[] = []
  const side = (name: string) => async () => {
    order.push(name)
    return { time: order.length }
  }
  return { order, sides: { kept: side('kept'), bare: side('bare'), again: side('again') } }
}

describe('a trio', () => {
  test('measures each side once, and each comes first, second and last equally often', async () => {
    const places = { kept: [0, 0, 0], bare: [0, 0, 0], again: [0, 0, 0] }
    for (let number = 0; number < 6; number++) {
      const { order, sides } = recordingSides()
      await measureTrio(sides, number)
      expect([...order].sort()).toEqual(['again', 'bare', 'kept'])
      for (const side of ['kept', 'bare', 'again'] as const) {
        const place = order.indexOf(side)
        places[side][place] = (places[side][place] ?? 0) + 1
      }
    }
    expect(places).toEqual({ kept: [2, 2, 2], bare: [2, 2, 2], again: [2, 2, 2] })
  })

  test('of blocks alternates the sides and takes the median of each figure', async () => {
    const { order, sides } = recordingSides()
    const trio = await measureBlocks(sides, 3, 0)
    expect(order).toHaveLength(9)
    expect(order.slice(0, 3)).toEqual(['bare', 'kept', 'again'])
    expect(order.slice(3, 6)).toEqual(['again', 'kept', 'bare'])
    // Bare came 1st, 6th and 8th.
    expect(trio.bare).toEqual({ time: 6 })
  })
})

describe('a comparison', () => {
  test('divides within each trio, so that a slow moment cancels out', () => {
    const trios = [1, 10, 100].map((slowness) => ({
      kept: { time: 3 * slowness },
      bare: { time: 2 * slowness },
      again: { time: 2 * slowness },
    }))
    const { ratio, noise, bare } = compare(trios, 'time')
    expect(ratio).toEqual({ median: 1.5, low: 1.5, high: 1.5, samples: 3 })
    expect(noise.median).toBe(1)
    expect(bare).toBe(20)
  })

  test('of a figure that was not taken is an error', () => {
    expect(() => compare([{ kept: {}, bare: {}, again: {} }], 'time')).toThrow('no figure "time"')
  })
})
