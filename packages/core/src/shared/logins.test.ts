import { expect, test } from 'vitest'
import type { PoolCredentials } from '../credentials/pool-credentials.ts'
import type { PoolEvent } from '../events.ts'
import { policyOf } from '../testing/fixtures.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { SharedKeeper } from './shared-keeper.ts'
import type { SharedAuthentication, SharedPort } from './shared-port.ts'

const LIFE = 100_000

interface Line {
  readonly number: number
}

/** A host whose connections can be logged in anew, and its server. */
class Host implements SharedPort<Line> {
  readonly host = 'simulated'
  lines: Line[] = []
  /** What the server takes. */
  password = 'secret 1'
  readonly sent: string[] = []
  readonly authentication: SharedAuthentication<Line> = {
    renew: async (line, { password }) => {
      this.sent.push(`${line.number}: ${password}`)
      if (password !== this.password) throw new Error('WRONGPASS')
    },
    refusalOf: () => 'credentials',
    end: (lines) => (this.lines = this.lines.filter((line) => !lines.includes(line))),
  }

  counts() {
    return { used: 0, idle: this.lines.length, opening: 0, closing: 0, pending: 0 }
  }
  connections(): readonly Line[] {
    return this.lines
  }
  isIdle(): boolean {
    return true
  }
  waiters(): readonly [] {
    return []
  }
  postponeDeadlines(): void {}
  configure(): void {}
  async probe(): Promise<void> {}
  knock(): { answer: Promise<void>; abandon(): void } {
    return { answer: Promise.resolve(), abandon: () => {} }
  }
  kill(): void {}
  retire(): void {}
  async open(): Promise<void> {}
  wake(): void {}
  rejectWaiters(): number {
    return 0
  }
  async close(): Promise<void> {}
  detach(): void {}
}

/** A pool with so many connections, opened with what the provider gave. */
async function pool(count = 2) {
  const clock = new VirtualClock()
  const host = new Host()
  const store = { password: 'secret 1', asked: 0, fails: false, next: undefined as string | undefined }
  const credentials = async (): Promise<PoolCredentials> => {
    store.asked++
    if (store.fails) throw new Error('the store is down')
    const { password } = store
    store.password = store.asked > 1 ? (store.next ?? password) : password
    return { password, expiresAt: clock.wallNow() + LIFE }
  }
  const keeper = new SharedKeeper(host, policyOf({ credentials, min: 1, keepaliveMillis: false }), { clock, draw: () => 0 })
  const events: PoolEvent[] = []
  keeper.subscribe((event) => events.push(event))
  const given = (await keeper.credentials()) as PoolCredentials
  for (let number = 1; number <= count; number++) {
    const line = { number }
    host.lines.push(line)
    keeper.opened(keeper.opening(), line)
    keeper.authenticated(line, given)
  }
  /** The server takes the new one alone. */
  const rotate = (password: string): void => {
    store.password = password
    host.password = password
  }
  return { clock, host, keeper, store, rotate, told: (type: PoolEvent['type']) => events.filter((event) => event.type === type) }
}

test('P-079: connections that are shared outlive their credentials: each is logged in anew, ahead of the end', async () => {
  const { clock, host, store, rotate, told } = await pool()
  rotate('secret 2')
  await clock.advance(LIFE)
  rotate('secret 3')
  await clock.advance(LIFE)
  expect(host.lines.map(({ number }) => number)).toEqual([1, 2])
  expect(host.sent.slice(0, 4)).toEqual(['1: secret 2', '2: secret 2', '1: secret 3', '2: secret 3'])
  expect(store.asked).toBe(told('credentialsRenewed').length)
  expect(told('closed').concat(told('retired'))).toEqual([])
})

test('a login that the server refuses is tried once more with newer credentials, for all of them together', async () => {
  const { clock, host, store } = await pool()
  store.password = 'too old'
  store.next = 'secret 2'
  host.password = 'secret 2'
  await clock.advance(LIFE * 0.85)
  expect(host.sent).toEqual([])
  await clock.advance(LIFE * 0.14)
  expect(host.sent).toEqual(['1: too old', '2: too old', '1: secret 2', '2: secret 2'])
  expect(store.asked).toBe(3)
  expect(host.lines).toHaveLength(2)
})

test('what cannot be logged in anew takes nothing more when its credentials are over, and is told why', async () => {
  const { clock, host, store, told } = await pool()
  store.fails = true
  await clock.advance(LIFE - 1_000)
  expect(host.lines).toHaveLength(2)
  await clock.advance(2_000)
  expect(host.lines).toEqual([])
  expect(told('retired')).toMatchObject([{ reason: 'credential' }, { reason: 'credential' }])
  expect(told('credentialsFailed').length).toBeLessThan(10)
})

test('without a provider nobody is asked, and nothing is sent', async () => {
  const clock = new VirtualClock()
  const host = new Host()
  const keeper = new SharedKeeper(host, policyOf({ min: 1 }), { clock })
  expect(keeper.credentials()).toBeUndefined()
  host.lines.push({ number: 1 })
  keeper.opened(keeper.opening(), { number: 1 })
  await clock.advance(10 * LIFE)
  expect(host.sent).toEqual([])
})
