import { describe, expect, test } from 'vitest'
import { ended, fixture, start, type Child } from './child.ts'

const NO_SERVER = 'unused'

/** A program of its own, in which nobody listens for what is not handled. */
const run = (way: string, ending: string): Child => start(NO_SERVER, fixture('generic-pool-exit.ts'), [way, ending])

describe('P-088: exits as it does with a bare pool of generic-pool', () => {
  test.each(['unused', 'left', 'swept', 'drained'])('a pool that was %s does not hold it', { timeout: 10_000 }, async (ending) => {
    for (const child of [run('bare', ending), run('kept', ending)]) {
      expect(await ended(child), child.output()).toBe(0)
      expect(child.output()).toContain('ready')
    }
  })
})
