import { setTimeout as sleep } from 'node:timers/promises'
import type { PoolKeeper } from '@poolkeeper/core'
import { describe, expect, test, vi } from 'vitest'
import type { ShutdownMode } from '../harness/server-address.ts'
import { withStandstill } from '../harness/standstill.ts'
import { type ChaosHost, MAX, type Scene } from './chaos-host.ts'
import { answersWithin, burst, failed, fill, inTurn, report, steadily, timeToHold, whileWanted, worst } from './load.ts'

/** Longer than the window of half a second. */
const IDLE_MILLIS = 600
const VALIDATION_TIMEOUT_MILLIS = 1_000
const BARE_CUT_OFF_MILLIS = 3_000

/** Checks enough for the pool to know how long they usually take. */
async function giveHistory({ pool }: Scene): Promise<void> {
  await fill(pool, MAX)
  await sleep(IDLE_MILLIS)
  await fill(pool, MAX)
}

export async function atRest({ keeper }: Scene): Promise<void> {
  await vi.waitUntil(() => {
    const { used, validating, opening, closing, pending } = keeper.stats()
    return used + validating + opening + closing + pending === 0
  }, 5_000)
}

function closedBy(keeper: PoolKeeper): number {
  return Object.values(keeper.stats().closes).reduce((sum, count) => sum + count, 0)
}

const CALLERS = 20

/** What a host shares among callers, it loses for all of them. */
export function describeKills(hostOf: () => ChaosHost, { isShared = false }: { readonly isShared?: boolean } = {}): void {
  const [most, limit] = isShared ? ['one error a caller', CALLERS] : ['one error a connection', MAX]
  describe('P-050: (a) every connection is killed by the server', () => {
    test.each(['noticed', 'not noticed yet'])('idle for longer than the window, %s: no request fails', async (how) => {
      const scene = await hostOf().kept()
      await fill(scene.pool, MAX)
      await sleep(IDLE_MILLIS)
      if (how === 'noticed') {
        await scene.door.kill()
        // A server that kills one by one gives the last of them time to answer a check first; what is lent
        // right after that died inside the window.
        await vi.waitUntil(() => closedBy(scene.keeper) === MAX, 5_000)
      } else scene.door.killUnseen()
      const requests = await inTurn(scene.pool, CALLERS, 1_000)
      report(`(a) idle, ${how}`, { errors: failed(requests).length, 'of requests': requests.length, 'worst ms': worst(requests) })
      expect(failed(requests)).toEqual([])
      await atRest(scene)
    })

    test(`inside the window: at most ${most}`, async () => {
      const scene = await hostOf().kept()
      await fill(scene.pool, MAX)
      scene.door.killUnseen()
      const requests = await inTurn(scene.pool, CALLERS, 1_000)
      report('(a) inside the window', { errors: failed(requests).length, 'of requests': requests.length, 'at most': limit })
      expect(failed(requests).length).toBeLessThanOrEqual(limit)
      expect(failed(await inTurn(scene.pool, CALLERS, 200))).toEqual([])
      await atRest(scene)
    })
  })
}

export function describeBlackholes(hostOf: () => ChaosHost): void {
  describe('P-054: (b) a full idle pool is swallowed by the network', () => {
    test.each([
      { history: 'without history', limit: 1.5 * VALIDATION_TIMEOUT_MILLIS },
      { history: 'with history', limit: 400 },
    ])('$history: every request succeeds within $limit ms', async ({ history, limit }) => {
      const scene = await hostOf().kept()
      const rival = await hostOf().bare()
      if (history === 'with history') await giveHistory(scene)
      await Promise.all([fill(scene.pool, MAX), fill(rival.pool, MAX)])
      await sleep(IDLE_MILLIS)
      scene.proxy.blackhole()
      const { value: requests, standstill } = await withStandstill(() => burst(scene.pool, 20))
      const after = await burst(scene.pool, 20)
      rival.proxy.blackhole()
      const bareRequests = await answersWithin(rival.pool, 20, BARE_CUT_OFF_MILLIS)
      const bareAnswers = bareRequests.length - failed(bareRequests).length
      report(`(b) blackhole, ${history}`, {
        answered: `${requests.length - failed(requests).length} of 20`,
        'worst ms': worst(requests),
        'standstill ms': standstill,
        limit,
        'next worst ms': worst(after),
        [`bare ${rival.name}, cut off after ${BARE_CUT_OFF_MILLIS} ms`]: `${bareAnswers} of 20`,
      })
      expect(failed([...requests, ...after])).toEqual([])
      expect(worst(requests)).toBeLessThanOrEqual(limit + standstill)
      await atRest(scene)
      expect(scene.proxy.openConnections).toBeLessThanOrEqual(MAX + 1)
    })

    test('a server that is 600 ms slow loses not one connection', async () => {
      const scene = await hostOf().kept()
      await giveHistory(scene)
      await sleep(IDLE_MILLIS)
      scene.proxy.delay(600)
      const requests = await burst(scene.pool, 20)
      scene.proxy.delay(0)
      await atRest(scene)
      const { closes, validations } = scene.keeper.stats()
      const { overflow } = closes
      const closed = closedBy(scene.keeper) - overflow
      report('(b) 600 ms slow', { closed, 'rivals closed': overflow, 'worst ms': worst(requests) })
      expect(failed(requests)).toEqual([])
      expect(closed, JSON.stringify(closes)).toBe(0)
      expect(validations).toMatchObject({ failed: 0, timedOut: 0 })
    })
  })
}

export function describeOutage(hostOf: () => ChaosHost): void {
  test('P-021: (c) new connects are swallowed as well, for 5 s: every caller has an answer, and the pool is whole again', async () => {
    const deadline = 2_000
    const scene = await hostOf().kept({ acquireTimeoutMillis: deadline })
    const rejections: unknown[] = []
    const onRejection = (reason: unknown): void => void rejections.push(reason)
    process.on('unhandledRejection', onRejection)
    await fill(scene.pool, MAX)
    await sleep(IDLE_MILLIS)
    scene.proxy.blackhole({ newConnections: true })
    let isOut = true
    const requesting = whileWanted(scene.pool, 20, () => isOut)
    await sleep(5_000)
    isOut = false
    scene.proxy.heal()
    const { value: whole, standstill } = await withStandstill(() => timeToHold(scene.pool, MAX))
    const requests = await requesting
    const figures = { 'worst ms': worst(requests), deadline, 'whole after ms': whole, 'standstill ms': standstill }
    report('(c) outage of 5 s', { requests: requests.length, ...figures })
    process.removeListener('unhandledRejection', onRejection)
    expect(worst(requests)).toBeLessThan(deadline + 1_000)
    // One second until the next attempt is sent, and the connect itself.
    expect(whole).toBeLessThan(1_000 + 300 + standstill)
    expect(rejections).toEqual([])
    await atRest(scene)
    await vi.waitUntil(() => scene.proxy.openConnections === MAX, 2_000)
  })
}

/** A host that opens nothing above its maximum closes first: what is recycled costs requests a connect then. */
export function describeRecycling(hostOf: () => ChaosHost, { isAhead = true }: { readonly isAhead?: boolean } = {}): void {
  const price = isAhead ? 'no caller pays for it' : 'no request fails'
  test(`P-070: (d) connections are recycled at their age under 200 requests a second, and ${price}`, async () => {
    const scene = await hostOf().kept({ maxLifetimeMillis: 2_000 })
    await fill(scene.pool, MAX)
    const seen = { most: 0, replacedAtOnce: 0 }
    let isOver = false
    const watching = (async () => {
      while (!isOver) {
        seen.most = Math.max(seen.most, (await scene.door.connections()).length)
        const { opening, closing } = scene.keeper.stats()
        seen.replacedAtOnce = Math.max(seen.replacedAtOnce, opening + closing)
        await sleep(2)
      }
    })()
    const requests = await steadily(scene.pool, 200, 10_000)
    isOver = true
    await watching
    const { opens, replacements, closes, waitMillis } = scene.keeper.stats()
    report('(d) recycling', {
      requests: requests.length,
      replaced: closes.maxLifetime,
      'paid for a connect': opens.ok - MAX - replacements,
      'at once': seen.replacedAtOnce,
      'most at the server': seen.most,
      'wait p99 ms': waitMillis.p99.toFixed(2),
      'worst ms': worst(requests),
    })
    expect(failed(requests)).toEqual([])
    // What is closed first is opened again only where the load needs it.
    expect(closes.maxLifetime).toBeGreaterThanOrEqual(isAhead ? 3 * MAX : MAX)
    expect(seen.most).toBeLessThanOrEqual(isAhead ? MAX + 1 : MAX)
    if (!isAhead) return
    expect(opens.ok - MAX - replacements).toBe(0)
    expect(seen.replacedAtOnce).toBeLessThanOrEqual(MAX / 4)
  })
}

export function describeRestarts(hostOf: () => ChaosHost, restart: (mode: ShutdownMode) => Promise<void>): void {
  test.each(['fast', 'immediate'] as const)(
    'P-182: (e) the server is restarted (%s) under load: it costs what was in flight, and what came while it was down',
    async (mode) => {
      const scene = await hostOf().kept()
      await fill(scene.pool, MAX)
      let isWanted = true
      const requesting = whileWanted(scene.pool, 20, () => isWanted)
      await sleep(500)
      const downAt = performance.now()
      await restart(mode)
      const upAt = performance.now()
      const whole = await timeToHold(scene.pool, MAX)
      await sleep(1_000)
      isWanted = false
      const requests = await requesting
      const before = failed(requests).filter(({ startedAt, millis }) => startedAt + millis < downAt)
      const after = failed(requests).filter(({ startedAt }) => startedAt > upAt)
      report(`(e) restart, ${mode}`, {
        'down ms': upAt - downAt,
        'errors while down': failed(requests).length - before.length - after.length,
        'after its return': after.length,
        'whole after ms': whole,
      })
      expect(before).toEqual([])
      expect(after).toEqual([])
      expect(whole).toBeLessThan(2_000)
      await atRest(scene)
    },
  )
}
