import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type RequestOptions, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { forgetKeeper, registerKeeper } from '@poolkeeper/core'
import { simulatePool, VirtualClock, type SimulatedPool } from '@poolkeeper/core/testing'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Ask } from './ask.ts'
import { isAtThisMachine } from './access.ts'
import { dashboard, type Dashboard } from './dashboard.ts'
import type { DashboardOptions } from './options.ts'

const undo: (() => unknown)[] = []

beforeEach(() => void vi.stubEnv('NODE_ENV', 'test'))

afterEach(async () => {
  for (const one of undo.splice(0)) await one()
  vi.unstubAllEnvs()
})

interface Served {
  readonly board: Dashboard
  readonly server: Server
  readonly url: string
}

async function serve(options: DashboardOptions = {}, listener?: (board: Dashboard) => Parameters<typeof createServer>[1]): Promise<Served> {
  const board = dashboard(options)
  const server = createServer(listener?.(board) ?? board.handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.push(() => {
    board.close()
    server.closeAllConnections()
    server.close()
  })
  return { board, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function attended(): SimulatedPool {
  const [host, pool] = [{}, simulatePool({ policy: { name: 'orders' } })]
  undo.push(() => forgetKeeper(host))
  registerKeeper(host, pool.keeper, {})
  return pool
}

async function answer(url: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const asked = request(url, options).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  undo.push(() => asked.destroy())
  return response
}

async function statusOf(url: string, options?: RequestOptions): Promise<number | undefined> {
  const response = await answer(url, options)
  response.resume()
  return response.statusCode
}

test('whoever sits at this machine sees the page without further ado', async () => {
  const { url } = await serve()
  expect(await statusOf(url)).toBe(200)
  expect(await statusOf(url, { headers: { host: 'localhost:3000' } })).toBe(200)
})

test('whoever may come from elsewhere does not: through a proxy, under a foreign name, or in production', async () => {
  const { url } = await serve()
  for (const headers of [
    { 'x-forwarded-for': '203.0.113.7' },
    { forwarded: 'for=203.0.113.7' },
    { via: '1.1 proxy' },
    { 'x-real-ip': '203.0.113.7' },
    { host: 'pools.example.com' },
    { host: 'localhost.evil.test' },
    { host: '127.0.0.1.evil.test' },
  ]) {
    expect(await statusOf(url, { headers }), JSON.stringify(headers)).toBe(403)
  }
  vi.stubEnv('NODE_ENV', 'production')
  expect(await statusOf(url)).toBe(403)
})

test('another machine is not this one', () => {
  const ask = { isLocal: false, header: () => undefined } as unknown as Ask
  expect(isAtThisMachine(ask)).toBe(false)
})

test('what is not the dashboard’s is the next one’s, or not there', async () => {
  const alone = await serve()
  expect(await statusOf(`${alone.url}/favicon.ico`)).toBe(404)
  const beside = await serve({ basePath: '/pools' }, (board) => (asked, response) => {
    board.handler(asked, response, () => response.writeHead(418).end())
  })
  const statuses = await Promise.all(['/', '/pools', '/pools/', '/poolside', '/pools/x'].map((path) => statusOf(beside.url + path)))
  expect(statuses).toEqual([418, 200, 200, 418, 418])
})

test('a client that vanishes leaves nothing behind', async () => {
  const clock = new VirtualClock()
  const { url } = await serve({ clock })
  const response = await answer(`${url}/events`)
  await once(response, 'data')
  expect(clock.pendingTimers).toBe(1)
  response.destroy()
  await vi.waitUntil(() => clock.pendingTimers === 0, { timeout: 20_000 })
})

test('a client that vanished while authorize thought about it is never watched for', async () => {
  const clock = new VirtualClock()
  let decide = (_: boolean): void => {}
  let isAsked = false
  const { server, url } = await serve({
    clock,
    authorize: () => {
      isAsked = true
      return new Promise((resolve) => (decide = resolve))
    },
  })
  const leaving = request(`${url}/events`).end()
  leaving.on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [NodeJS.EventEmitter]
  await vi.waitUntil(() => isAsked, { timeout: 20_000 })
  const closed = once(socket, 'close')
  leaving.destroy()
  await closed
  decide(true)
  await clock.advance(0)
  expect(clock.pendingTimers).toBe(0)
})

test('a server that closes is not held up by who watches', async () => {
  const clock = new VirtualClock()
  const { server, url } = await serve({ clock })
  const response = await answer(`${url}/events`)
  expect(response.headers.connection).toBe('close')
  response.resume()
  const isClosed = Promise.all([once(response, 'end'), once(server, 'close')])
  server.close()
  await clock.advance(1_000)
  await isClosed
  expect(clock.pendingTimers).toBe(0)
})

test('an operation is read from the request, or from what a framework has read of it already', async () => {
  const pool = attended()
  const options = { authorize: () => true, operations: ['pause'] } as const
  const raw = await serve(options)
  const parsed = await serve(options, (board) => (asked, response) => {
    asked.resume().on('end', () => {
      board.handler(Object.assign(asked, { body: { operation: 'resume', pool: 'orders' } }), response)
    })
  })
  const post = async (url: string, body: string): Promise<number> => {
    const headers = { 'content-type': 'application/json', origin: url }
    return (await fetch(`${url}/operate`, { method: 'POST', headers, body })).status
  }
  expect(await post(raw.url, '{"operation":"pause","pool":"orders"}')).toBe(200)
  expect(pool.keeper.stats().state).toBe('paused')
  expect(await post(parsed.url, '{}')).toBe(200)
  expect(pool.keeper.stats().state).toBe('running')
  expect(await post(raw.url, '{"operation":')).toBe(400)
})

test('authorize is shown the request as the framework left it', async () => {
  const seen: unknown[] = []
  const { url } = await serve(
    {
      authorize: ({ request: shown, header }) => {
        seen.push((shown as { user?: string }).user, header('X-Team'))
        return true
      },
    },
    (board) => (asked, response) => board.handler(Object.assign(asked, { user: 'ada' }), response),
  )
  expect(await statusOf(url, { headers: { 'x-team': 'storage' } })).toBe(200)
  expect(seen).toEqual(['ada', 'storage'])
})
