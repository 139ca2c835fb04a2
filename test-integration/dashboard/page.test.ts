import { mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dashboard, type Dashboard, type DashboardVisit } from '@poolkeeper/dashboard'
import axe from 'axe-core'
import express from 'express'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { requireBrowser } from '../harness/require-browser.ts'
import { requireServer } from '../harness/require-server.ts'
import { serverView, type LoadedPool } from '../telemetry/loaded-pools.ts'
import { HOSTILE, originOf, shownPools, type ShownPools } from './shown-pools.ts'
import { watchedPage, type WatchedPage } from './watched-page.ts'

const REPORTS = fileURLToPath(new URL('../../.reports/', import.meta.url))
const PATH = '/admin/pools'
const PATIENCE = { timeout: 25_000, interval: 50 }

// Each of many steps may have to wait for a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const postgres = requireServer('postgres')
const redis = requireServer('redis')
const { browser, describe: withBrowser } = await requireBrowser()

afterAll(() => browser.close())

const mayDoAllBut = ({ action }: DashboardVisit): boolean => action !== 'recycle'

postgres.describe('The dashboard', () => {
  redis.describe('of pools on Knex, Drizzle, pg and ioredis', () => {
    withBrowser('in a browser', () => {
      let pools: ShownPools
      let board: Dashboard
      let server: Server
      let origin: string

      beforeAll(async () => {
        pools = await shownPools(postgres, redis)
        board = dashboard({ authorize: mayDoAllBut, operations: ['recycle', 'resize', 'pause'], title: 'Pools of the shop' })
        server = createServer(express().use(PATH, board.handler)).listen(0, '127.0.0.1')
        origin = await originOf(server)
      })
      afterAll(async () => {
        board.close()
        server.close()
        await pools.end()
      })

      /** Without the slash at the end, as people write it. */
      async function opened(options?: BrowserContextOptions): Promise<WatchedPage> {
        const watched = await watchedPage(browser, origin, options)
        await watched.page.goto(origin + PATH)
        await watched.page.locator('#connection', { hasText: 'Live, as of' }).waitFor()
        return watched
      }

      test('shows what happens as it happens, as the server sees it', async () => {
        const { page, mishaps, violations, asked } = await opened()
        await pools.load()
        for (const pool of pools.sql) await showsHolding(page, pools, pool)
        await vi.waitUntil(async () => (await textOf(cardOf(page, 'shown ioredis'))).includes('callers served'), PATIENCE)
        expect(asked).toEqual([PATH, `${PATH}/events`])
        expect([mishaps, await violations()]).toEqual([[], []])
      })

      test('says who holds what, that callers wait, and tells a screen reader of it', async () => {
        const [pool] = pools.sql
        const { page } = await opened()
        const card = cardOf(page, pool?.name ?? '')
        const giveBack = await exhaust(pool)
        await card.getByText('degraded: all connections are in use, and callers wait').waitFor()
        const callers = card.getByRole('table', { name: 'Callers that wait' }).getByRole('row')
        await vi.waitUntil(async () => (await callers.count()) === 2, PATIENCE)
        const holders = card.getByRole('table', { name: 'Connections' }).getByRole('row').filter({ hasText: 'used' })
        expect(await holders.count()).toBe(pool?.max)
        expect(await holders.first().innerText()).toMatch(/loaded-pools\.ts:\d+/)
        await vi.waitUntil(async () => (await textOf(page.locator('#announcer'))).includes('is degraded'), PATIENCE)
        await giveBack()
        await vi.waitUntil(async () => (await textOf(card.locator('.status'))) === 'up', PATIENCE)
      })

      test('does what its host allows, and says so when it is refused', async () => {
        const [, pool] = pools.sql
        const { page, mishaps, violations } = await opened()
        const card = cardOf(page, pool?.name ?? '')
        await pool?.query()

        await card.getByRole('button', { name: 'Recycle' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'Yes' }).click()
        await card.getByText('Refused (403)').waitFor()
        expect(pool?.keeper.stats().closes.recycle).toBe(0)

        await card.getByRole('button', { name: 'Pause' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'No' }).click()
        expect(pool?.keeper.stats().state).toBe('running')
        await card.getByRole('button', { name: 'Pause' }).click()
        await page.getByRole('dialog').getByRole('button', { name: 'Yes' }).click()
        await card.getByText('down: the pool is paused').waitFor()
        await card.getByRole('button', { name: 'Resume' }).click()
        await vi.waitUntil(async () => (await textOf(card.locator('.status'))) === 'up', PATIENCE)

        await card.getByLabel('max').fill('7')
        await card.getByRole('button', { name: 'Resize' }).click()
        await card.getByText('Done.').waitFor()
        expect(pool?.keeper.stats().max).toBe(7)
        await card.getByLabel('min').fill('9')
        await card.getByRole('button', { name: 'Resize' }).click()
        await card.getByText('Refused (409)').waitFor()
        await page.getByRole('table', { name: 'Newest first' }).getByText('its size is 0 to 7 now').waitFor()
        expect([mishaps, await violations()]).toEqual([[], []])
      })

      test('shows a hostile name as what it is, and would not obey it', async () => {
        const { page, asked, mishaps, violations } = await opened()
        const heading = page.getByRole('heading', { level: 2, name: HOSTILE, exact: true })
        await heading.waitFor()
        expect(await heading.innerText()).toBe(HOSTILE)
        expect(await page.locator('img').count()).toBe(0)
        expect([asked, mishaps, await violations()]).toEqual([[PATH, `${PATH}/events`], [], []])
        // Even if it had become one.
        await page.evaluate(`document.body.append(Object.assign(document.createElement('img'), { src: 'x' }))`)
        await vi.waitUntil(async () => (await violations()).length === 1, PATIENCE)
        expect((await violations())[0]).toContain('img-src')
      })

      test('stands still when it is told to, and never moves by itself', async () => {
        const [, , pool] = pools.sql
        const [frozen, live] = [await opened({ reducedMotion: 'reduce' }), await opened()]
        const [before, beside] = [frozen, live].map(({ page }) => countOf(cardOf(page, pool?.name ?? ''), 'used'))
        const freeze = frozen.page.getByRole('button', { name: 'Freeze the view' })
        await freeze.click()
        expect(await freeze.getAttribute('aria-pressed')).toBe('true')
        const giveBack = await pool?.hold()
        onTestFinished(async () => giveBack?.())
        await beside?.filter({ hasText: '1' }).waitFor()
        expect(await before?.textContent()).toBe('0')
        await freeze.click()
        await before?.filter({ hasText: '1' }).waitFor()
        expect(await frozen.page.evaluate('document.getAnimations().length')).toBe(0)
      })

      test.for<{ name: string; options: BrowserContextOptions }>([
        { name: 'light', options: { colorScheme: 'light' } },
        { name: 'dark', options: { colorScheme: 'dark' } },
        { name: 'phone', options: { colorScheme: 'dark', viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true } },
      ])('can be read by everybody: $name', async ({ name, options }) => {
        const [pool] = pools.sql
        onTestFinished(await exhaust(pool))
        const { page } = await opened(options)
        await cardOf(page, pool?.name ?? '').getByText('degraded').waitFor()
        mkdirSync(REPORTS, { recursive: true })
        await page.screenshot({ path: join(REPORTS, `dashboard-${name}.png`), fullPage: true })
        expect(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBe(0)
        expect(await complaintsOfAxe(page)).toEqual([])
        await page.getByRole('button', { name: 'Recycle' }).first().click()
        await page.getByRole('dialog').waitFor()
        expect(await complaintsOfAxe(page)).toEqual([])
      })

      test('says that it is no longer live when the server is gone, and is live again with it', async () => {
        const { page } = await opened()
        board.close()
        await page.locator('#connection', { hasText: 'No longer live: trying again' }).waitFor()
        await page.locator('#connection', { hasText: 'Live, as of' }).waitFor()
      })
    })
  })
})

/** Somebody holds each connection, and one more caller waits, until the returned function is called. */
async function exhaust(pool: LoadedPool | undefined): Promise<() => Promise<void>> {
  if (pool === undefined) throw new Error('there is no such pool')
  const giveBack = await Promise.all(Array.from({ length: pool.max }, () => pool.hold()))
  const waiting = pool.query()
  return async () => {
    await Promise.all(giveBack.map((give) => give()))
    await waiting
  }
}

function cardOf(page: Page, name: string): Locator {
  return page.getByRole('region', { name, exact: true })
}

function countOf(card: Locator, label: string): Locator {
  return card.locator('.counts > div').filter({ has: card.page().getByText(label, { exact: true }) }).locator('dd')
}

async function textOf(locator: Locator): Promise<string> {
  return (await locator.textContent()) ?? ''
}

/** All connections are held, and then none: each time the page says what the server says. */
async function showsHolding(page: Page, { server }: ShownPools, pool: LoadedPool): Promise<void> {
  const used = countOf(cardOf(page, pool.name), 'used')
  const giveBack = await Promise.all(Array.from({ length: pool.max }, () => pool.hold()))
  await vi.waitUntil(async () => (await textOf(used)) === String(pool.max), PATIENCE)
  expect((await serverView(server, pool)).used).toBe(pool.max)
  await Promise.all(giveBack.map((give) => give()))
  await vi.waitUntil(async () => (await textOf(used)) === '0', PATIENCE)
  const open = async (): Promise<boolean> => (await serverView(server, pool)).open === pool.keeper.stats().idle
  await vi.waitUntil(open, PATIENCE)
}

async function complaintsOfAxe(page: Page): Promise<string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source)
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>('axe.run()')
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}
