import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { type Child, ended, fixture, saidReady, start } from './child.ts'

const address = requireServer('mariadb')
const startWay = (way: 'bare' | 'kept', ending: string): Child => start(address.url, fixture('mysql2-exit.ts'), [way, ending])

/** Longer than mysql2's sweep, and than what the fixture calls idle. */
const A_WHILE_MILLIS = 2_000

address.describe('A process with a pool of mysql2 exits as it does with a bare one', () => {
  test.each(['unused', 'ended'])('a pool that was %s does not hold it', async (ending) => {
    const children = [startWay('bare', ending), startWay('kept', ending)]
    for (const child of children) expect(await ended(child), child.output()).toBe(0)
  })

  test('a pool with idle connections holds it', async () => {
    const children = [startWay('bare', 'left'), startWay('kept', 'left')]
    await Promise.all(children.map(saidReady))
    await sleep(A_WHILE_MILLIS)
    for (const child of children) expect(child.process.exitCode, child.output()).toBe(null)
  })

  test.each(['unused with a sweep', 'emptied'])("but a pool that was %s: mysql2's own sweep holds it, ours does not", async (ending) => {
    const [bare, kept] = [startWay('bare', ending), startWay('kept', ending)]
    expect(await ended(kept), kept.output()).toBe(0)
    await saidReady(bare)
    await sleep(A_WHILE_MILLIS)
    expect(bare.process.exitCode, bare.output()).toBe(null)
  })
})
