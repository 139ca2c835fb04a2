import { describe, expect, test } from 'vitest'
import { erlangB, erlangC } from './erlang.ts'
import { squareRootStaffing, staffingFor } from './staffing.ts'

/** Sixty decimals, as a whole number. */
const ONE = 10n ** 60n

/** The sums as they are defined, with digits enough that nothing is lost in them: no recursion, nothing in common. */
function bySums(load: number, servers: number): { readonly b: number; readonly c: number } {
  const [above, below] = [BigInt(Math.round(load * 1_000)), 1_000n]
  let term = ONE
  let smaller = 0n
  for (let count = 1n; count <= BigInt(servers); count++) {
    smaller += term
    term = (term * above) / (below * count)
  }
  const share = (part: bigint): number => Number((part * 10n ** 15n) / (smaller + part)) / 1e15
  const waiting = servers > load ? (term * BigInt(servers) * below) / (BigInt(servers) * below - above) : undefined
  return { b: share(term), c: waiting === undefined ? 1 : share(waiting) }
}

/**
 * H. C. Tijms, "A First Course in Stochastic Models" (Wiley 2003), section 5.3, table 5.3.2: the fewest servers for
 * an offered load, so that no larger share of the arrivals is delayed; exactly, and by the square root.
 */
const TIJMS: readonly (readonly [load: number, byShare: Readonly<Record<string, readonly [exact: number, root: number]>>])[] = [
  [1, { '0.5': [2, 2], '0.2': [3, 3], '0.1': [3, 3] }],
  [5, { '0.5': [7, 7], '0.2': [8, 8], '0.1': [9, 9] }],
  [10, { '0.5': [12, 12], '0.2': [14, 14], '0.1': [16, 15] }],
  [50, { '0.5': [54, 54], '0.2': [58, 58], '0.1': [61, 61] }],
  [100, { '0.5': [106, 106], '0.2': [111, 111], '0.1': [115, 115] }],
  [250, { '0.5': [259, 259], '0.2': [268, 267], '0.1': [274, 273] }],
  [500, { '0.5': [512, 512], '0.2': [525, 524], '0.1': [533, 532] }],
  [1_000, { '0.5': [1_017, 1_017], '0.2': [1_034, 1_034], '0.1': [1_046, 1_045] }],
]

describe('Erlang C and square-root staffing by the table of Tijms', () => {
  const cells = TIJMS.flatMap(([load, byShare]) =>
    Object.entries(byShare).map(([share, [exact, root]]) => ({ load, share: Number(share), exact, root })),
  )

  test('has 24 cells of two values', () => {
    expect(cells).toHaveLength(24)
  })

  test.each(cells)('$load erlangs, of which a share of $share may wait: $exact servers', ({ load, share, exact }) => {
    expect(staffingFor(load, share)).toBe(exact)
    expect(erlangC(load, exact)).toBeLessThanOrEqual(share)
    expect(erlangC(load, exact - 1)).toBeGreaterThan(share)
  })

  test.each(cells)('$load erlangs, of which a share of $share may wait: $root servers by the square root', ({ load, share, root }) => {
    expect(squareRootStaffing(load, share)).toBe(root)
  })

  test.each(cells)('$load erlangs on $exact servers: as many wait as the sums say', ({ load, exact }) => {
    for (const servers of [exact - 1, exact, exact + 1]) expect(erlangC(load, servers)).toBeCloseTo(bySums(load, servers).c, 12)
  })
})

/**
 * Lucent Technologies, "Erlang-B capacity table: voice channels needed to serve offered traffic load for 2 % blocking",
 * as in G. Wagoner's course on traffic engineering (garywagoner.tripod.com/traffic/ERLANG.HTML): channels, erlangs.
 */
const LUCENT: readonly (readonly [channels: number, load: number])[] = [
  [1, 0.02], [3, 0.602], [5, 1.657], [7, 2.935], [9, 4.345], [11, 5.842], [13, 7.402], [15, 9.01],
  [17, 10.656], [19, 12.333], [21, 14.036], [23, 15.761], [25, 17.505], [27, 19.265], [29, 21.039],
  [31, 22.827], [33, 24.628], [35, 26.435], [37, 28.254], [39, 30.081], [41, 31.915], [43, 33.758],
  [45, 35.507], [47, 37.462], [49, 39.323], [51, 41.189], [53, 43.06], [55, 44.938], [57, 46.816],
  [59, 48.7], [61, 50.389], [63, 52.461], [65, 54.376], [67, 56.275], [69, 58.117], [71, 60.082],
  [73, 61.99], [75, 63.9], [77, 65.814], [79, 67.729], [81, 69.647], [83, 71.568], [85, 73.49],
  [87, 75.415], [89, 77.342],
]

/** Where the table is off by more than its last digit, in most of them by one digit that was misread. */
const MISPRINTED: ReadonlyMap<number, number> = new Map([
  [33, 24.626], [45, 35.607], [55, 44.936], [61, 50.589], [63, 52.481], [69, 58.177],
])

describe('Erlang B by the table of Lucent', () => {
  test('has 45 rows, six of which are misprinted', () => {
    expect([LUCENT.length, MISPRINTED.size]).toEqual([45, 6])
    const isOff = ([channels, load]: (typeof LUCENT)[number]): boolean =>
      bySums(load - 0.002, channels).b > 0.02 || bySums(load + 0.002, channels).b < 0.02
    expect(LUCENT.filter(isOff).map(([channels]) => channels)).toEqual([...MISPRINTED.keys()])
  })

  test.each(LUCENT)('%d channels that turn two calls in a hundred away can be offered %d erlangs', (channels, printed) => {
    const load = MISPRINTED.get(channels) ?? printed
    expect(erlangB(load - 0.002, channels)).toBeLessThan(0.02)
    expect(erlangB(load + 0.002, channels)).toBeGreaterThan(0.02)
    expect(erlangB(load, channels)).toBeCloseTo(bySums(load, channels).b, 12)
  })
})
