import { createHash } from 'node:crypto'
import { forgetKeeper, registerKeeper } from '@poolkeeper/core'
import { simulatePool, VirtualClock, type SimulatedPool } from '@poolkeeper/core/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { dashboard, type Dashboard } from './dashboard.ts'
import type { DashboardAuthorize, DashboardOptions, DashboardVisit } from './options.ts'

const ORIGIN = 'http://pools.test'
const ALL = ['recycle', 'resize', 'pause'] as const
const undo: (() => void)[] = []

afterEach(() => {
  for (const one of undo.splice(0)) one()
  vi.restoreAllMocks()
})

function boardWith(options: DashboardOptions = {}): Dashboard {
  const board = dashboard({ authorize: () => true, ...options })
  undo.push(() => board.close())
  return board
}

function attended(name: string, max = 4): SimulatedPool {
  const [host, pool] = [{}, simulatePool({ policy: { name, max } })]
  undo.push(() => forgetKeeper(host))
  registerKeeper(host, pool.keeper, {})
  return pool
}

async function get(board: Dashboard, path: string, init?: RequestInit): Promise<Response> {
  return board.fetch(new Request(ORIGIN + path, init))
}

/** As a browser sends it from the page itself. */
const OWN = { origin: ORIGIN, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }

async function operate(board: Dashboard, command: unknown, headers: Record<string, string> = OWN): Promise<Response> {
  return get(board, '/operate', { method: 'POST', headers, body: JSON.stringify(command) })
}

describe('the page', () => {
  test('runs and loads nothing but what stands in it', async () => {
    const response = await get(boardWith(), '/')
    const html = await response.text()
    const hashOf = (tag: string): string => {
      const [, text = ''] = new RegExp(`<${tag}[^>]*>(.*?)</${tag}>`, 's').exec(html) ?? []
      return createHash('sha256').update(text).digest('base64')
    }
    expect(response.headers.get('content-security-policy')?.split('; ')).toEqual([
      "default-src 'none'",
      `script-src 'sha256-${hashOf('script')}'`,
      `style-src 'sha256-${hashOf('style')}'`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ])
    expect(html).not.toMatch(/ (src|href|style|on\w+)="/)
    expect(html).not.toMatch(/^(import|export) /m)
    expect(html.match(/<\/script>/g)).toHaveLength(1)
  })

  test('is kept by nobody, told nobody of, and framed by nobody', async () => {
    const { headers } = await get(boardWith(), '/')
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-resource-policy': 'same-origin',
    })
  })

  test('is called what its host wants, whatever that is', async () => {
    const html = await (await get(boardWith({ title: `</title><script>alert('$&')</script>` }), '/')).text()
    expect(html).not.toContain('<script>alert')
    expect(html).toContain('<title>&#60;/title&#62;&#60;script&#62;alert(&#39;$&#38;&#39;)&#60;/script&#62;</title>')
  })

  test('is below its base path, with and without a slash, and nowhere else', async () => {
    const board = boardWith({ basePath: '/admin/pools' })
    const statuses = await Promise.all(
      ['/admin/pools', '/admin/pools/', '/admin/pools?x', '/', '/admin/poolsides', '/admin/pools/other', '/admin/pools//', '/admin/pools/../pools/x'].map(
        async (path) => (await get(board, path)).status,
      ),
    )
    expect(statuses).toEqual([200, 200, 200, 404, 404, 404, 404, 404])
  })

  test('is read, and nothing else', async () => {
    const board = boardWith()
    const head = await get(board, '/', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const post = await get(board, '/', { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await get(board, '/operate')).headers.get('allow')).toBe('POST')
  })
})

describe('whoever comes', () => {
  test('through fetch, which is not told from where, is let in by nobody but authorize', async () => {
    const board = dashboard()
    undo.push(() => board.close())
    const response = await get(board, '/', { headers: { host: 'localhost' } })
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('give dashboard() an `authorize`')])
  })

  test.for<{ name: string; authorize: DashboardAuthorize }>([
    { name: 'false', authorize: () => false },
    { name: 'a promise of false', authorize: async () => false },
    { name: 'what is not quite true', authorize: () => 'yes' as unknown as boolean },
    { name: 'nothing', authorize: () => undefined as unknown as boolean },
    { name: 'a refusal that is none', authorize: () => ({ status: 200 }) },
  ])('is turned away by $name', async ({ authorize }) => {
    const board = boardWith({ authorize, operations: ALL })
    const pool = attended('orders')
    const statuses = await Promise.all([get(board, '/'), get(board, '/events'), operate(board, { operation: 'pause', pool: 'orders' })])
    expect(statuses.map(({ status }) => status)).toEqual([403, 403, 403])
    expect(pool.keeper.stats().state).toBe('running')
  })

  test('is turned away when authorize fails, and the process is told why, once', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const fail = (): never => {
      throw new Error('no session store')
    }
    const board = boardWith({ authorize: fail })
    for (let visit = 0; visit < 3; visit++) expect((await get(board, '/')).status).toBe(403)
    expect((await get(boardWith({ authorize: async () => fail() }), '/')).status).toBe(403)
    expect(warn).toHaveBeenCalledTimes(2)
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('no session store'), expect.objectContaining({ code: 'POOLKEEPER_AUTHORIZE_FAILED' }))
  })

  test('may be asked who he is', async () => {
    const refusal = { status: 401, headers: { 'www-authenticate': 'Basic realm="pools"' } }
    const authorize = ({ header }: DashboardVisit): true | typeof refusal => header('Authorization') === 'Basic YTpi' || refusal
    const board = boardWith({ authorize })
    const stranger = await get(board, '/')
    expect([stranger.status, stranger.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="pools"'])
    expect((await get(board, '/', { headers: { authorization: 'Basic YTpi' } })).status).toBe(200)
  })

  test('takes no place of those who watch, when another site sent him', async () => {
    const board = boardWith()
    const statusOf = async (headers: Record<string, string>): Promise<number> => {
      const response = await get(board, '/events', { headers })
      await response.body?.cancel()
      return response.status
    }
    expect(await statusOf({ 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await statusOf({ origin: 'http://evil.test' })).toBe(403)
    expect(await statusOf({ 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await statusOf({})).toBe(200)
  })

  test('is told when there is no place', async () => {
    const board = boardWith({ maxWatchers: 1 })
    const first = await get(board, '/events')
    const second = await get(board, '/events')
    expect([first.status, second.status, second.headers.get('retry-after')]).toEqual([200, 503, '10'])
    await first.body?.cancel()
    const third = await get(board, '/events')
    expect(third.status).toBe(200)
    await third.body?.cancel()
  })
})

describe('a stream', () => {
  const headersOf = async (board: Dashboard): Promise<Headers> => {
    const response = await get(board, '/events')
    await response.body?.cancel()
    return response.headers
  }

  test('says that nobody may hold it back', async () => {
    expect(Object.fromEntries(await headersOf(boardWith()))).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
  })

  test('tells of the pools, and leaves nothing behind when its reader leaves', async () => {
    const clock = new VirtualClock()
    const board = boardWith({ clock })
    attended('orders')
    const { body } = await get(board, '/events')
    const reader = body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^retry: 2000\nevent: hello\n/)
    expect(clock.pendingTimers).toBe(1)
    await reader?.cancel()
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends when the request is given up, or the dashboard closed, and once', async () => {
    const clock = new VirtualClock()
    const board = boardWith({ clock })
    const leaving = new AbortController()
    const [first, second] = await Promise.all([get(board, '/events', { signal: leaving.signal }), get(board, '/events')])
    leaving.abort()
    leaving.abort()
    await first.text()
    expect(clock.pendingTimers).toBe(1)
    board.close()
    expect(await second.text()).toContain('event: pools')
    expect(clock.pendingTimers).toBe(0)
  })

  test('whose reader reads nothing does not grow', { timeout: 30_000 }, async () => {
    const clock = new VirtualClock()
    const board = boardWith({ clock })
    for (let number = 0; number < 100; number++) attended(`${'x'.repeat(190)} ${number}`)
    const { body } = await get(board, '/events')
    await clock.advance(20_000)
    board.close()
    const { length } = await new Response(body).text()
    expect(length).toBeGreaterThan(262_144)
    expect(length).toBeLessThan(800_000)
  })
})

describe('an operation', () => {
  test('is carried out on the pool that it names', async () => {
    const board = boardWith({ operations: ALL })
    const [orders, audit] = [attended('orders'), attended('audit')]
    const done = async (command: unknown): Promise<unknown[]> => {
      const response = await operate(board, command)
      return [response.status, await response.text()]
    }
    expect(await done({ operation: 'pause', pool: 'orders' })).toEqual([200, 'Done.'])
    expect([orders, audit].map(({ keeper }) => keeper.stats().state)).toEqual(['paused', 'running'])
    expect(await done({ operation: 'resume', pool: 'orders' })).toEqual([200, 'Done.'])
    expect(orders.keeper.stats().state).toBe('running')
    expect(await done({ operation: 'resize', pool: 'audit', min: 1, max: 2 })).toEqual([200, 'Done.'])
    expect(audit.keeper.stats()).toMatchObject({ min: 1, max: 2 })
    expect(await done({ operation: 'recycle', pool: 'audit' })).toEqual([200, 'Done.'])
  })

  test('that waits for a holder is begun, and the page does not wait', async () => {
    const clock = new VirtualClock()
    const board = boardWith({ operations: ['recycle'], clock })
    const pool = attended('orders')
    await pool.clock.until(pool.acquire())
    await pool.clock.advance(1_000)
    const response = await clock.until(operate(board, { operation: 'recycle', pool: 'orders' }))
    expect([response.status, await response.text()]).toEqual([202, expect.stringContaining('the last holder')])
    expect(clock.now()).toBe(2_000)
  })

  test('that the pool refuses is told with its reason', async () => {
    const board = boardWith({ operations: ALL })
    attended('orders')
    const response = await operate(board, { operation: 'resize', pool: 'orders', min: 3, max: 2 })
    expect([response.status, await response.text()]).toEqual([409, expect.stringContaining('INVALID_POLICY')])
  })

  test('that fails in another way tells the process why, and the page only that', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { keeper } = attended('orders')
    Object.assign(keeper, { pause: () => expect.unreachable('a secret of the host') })
    const response = await operate(boardWith({ operations: ALL }), { operation: 'pause', pool: 'orders' })
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining('secret')])
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('a secret of the host'), expect.objectContaining({ code: 'POOLKEEPER_OPERATION_FAILED' }))
  })

  test('is authorised each time, by what it is and which pool it is for; to resume is to pause', async () => {
    const visits: unknown[] = []
    const authorize: DashboardAuthorize = ({ action, pool }) => {
      visits.push([action, pool])
      return pool !== 'orders'
    }
    const board = boardWith({ operations: ['pause'], authorize })
    const [orders] = [attended('orders'), attended('audit')]
    expect((await operate(board, { operation: 'pause', pool: 'orders' })).status).toBe(403)
    expect((await operate(board, { operation: 'resume', pool: 'audit' })).status).toBe(200)
    expect(visits).toEqual([['pause', 'orders'], ['pause', 'audit']])
    expect(orders.keeper.stats().state).toBe('running')
  })

  test('that is not offered is refused, and nobody is asked', async () => {
    const authorize = vi.fn(() => true)
    const board = boardWith({ operations: ['recycle'], authorize })
    attended('orders')
    expect((await operate(board, { operation: 'pause', pool: 'orders' })).status).toBe(403)
    expect(authorize).not.toHaveBeenCalled()
  })

  test.for([
    { name: 'of another site', headers: { ...OWN, 'sec-fetch-site': 'cross-site' }, status: 403 },
    { name: 'of a neighbouring site', headers: { ...OWN, 'sec-fetch-site': 'same-site' }, status: 403 },
    { name: 'of another origin', headers: { ...OWN, origin: 'http://evil.test', 'sec-fetch-site': '' }, status: 403 },
    { name: 'of an origin that is none', headers: { origin: 'null', 'content-type': 'application/json' }, status: 403 },
    { name: 'that comes from nowhere', headers: { 'content-type': 'application/json' }, status: 403 },
    { name: 'as a form would send it', headers: { ...OWN, 'content-type': 'text/plain' }, status: 415 },
    { name: 'that says not what it is', headers: { ...OWN, 'content-type': 'application/jsonp' }, status: 415 },
    { name: 'of the same origin, from a browser that says no more', headers: { origin: ORIGIN, 'content-type': 'application/json; charset=utf-8' }, status: 200 },
  ])('$name is answered with $status', async ({ headers, status }) => {
    const pool = attended('orders')
    const response = await operate(boardWith({ operations: ALL }), { operation: 'pause', pool: 'orders' }, headers)
    expect(response.status).toBe(status)
    expect(pool.keeper.stats().state).toBe(status === 200 ? 'paused' : 'running')
  })

  test.for([
    { name: 'none', command: null, status: 400 },
    { name: 'a word', command: 'pause', status: 400 },
    { name: 'what does not exist', command: { operation: 'drain', pool: 'orders' }, status: 400 },
    { name: 'for no pool', command: { operation: 'pause' }, status: 400 },
    { name: 'a size that is no number', command: { operation: 'resize', pool: 'orders', max: '9' }, status: 400 },
    { name: 'no size at all', command: { operation: 'resize', pool: 'orders' }, status: 400 },
    { name: 'longer than one can be', command: { operation: 'pause', pool: 'x'.repeat(5_000) }, status: 400 },
    { name: 'for a pool that is gone', command: { operation: 'pause', pool: 'gone' }, status: 404 },
  ])('that is $name is answered with $status', async ({ command, status }) => {
    attended('orders')
    expect((await operate(boardWith({ operations: ALL }), command)).status).toBe(status)
  })
})
