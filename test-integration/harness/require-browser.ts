import { chromium, type Browser } from 'playwright-core'
import { findProgram } from './programs.ts'
import { skipBecause, type DescribeServer } from './require-server.ts'
import { describe } from 'vitest'

/** Debian's own names first; the shell is the same browser without windows. */
const BROWSERS = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'] as const

/** A browser of the file's own, to be closed by it; without one its tests are skipped, and their title says why. */
export async function requireBrowser(): Promise<{ readonly describe: DescribeServer; readonly browser: Browser }> {
  try {
    // Without a sandbox, which root and most containers cannot have: it is only ever shown pages of our own.
    return { describe, browser: await chromium.launch({ executablePath: findProgram(...BROWSERS) }) }
  } catch (error) {
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    return { describe: skipBecause(`no browser: ${reason}`), browser: { close: async () => {} } as Browser }
  }
}
