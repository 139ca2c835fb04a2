import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

/** What a browser can only do a little later. */
const PATIENCE_MILLIS = 25_000

/** A page in a browser of its own, and everything about it that should not have happened. */
export interface WatchedPage {
  readonly page: Page
  /** Every address that was asked for, without the origin. */
  readonly asked: readonly string[]
  /** Dialogs that a script opened, and errors that nobody caught. */
  readonly mishaps: readonly string[]
  /** What the page's own policy kept it from. */
  violations(): Promise<string[]>
}

const KEEP_VIOLATIONS = `
globalThis.violations = []
addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => violations.push(violatedDirective + ' ' + blockedURI))
`

export async function watchedPage(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options)
  onTestFinished(() => context.close())
  // No part of the page: its policy does not concern it.
  await context.addInitScript(KEEP_VIOLATIONS)
  const page = await context.newPage()
  const [asked, mishaps]: [string[], string[]] = [[], []]
  page.on('request', (request) => asked.push(request.url().replace(origin, '')))
  page.on('pageerror', (error) => mishaps.push(error.message))
  page.on('dialog', (dialog) => {
    mishaps.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.setDefaultTimeout(PATIENCE_MILLIS)
  return { page, asked, mishaps, violations: () => page.evaluate<string[]>('violations') }
}
