import { createServer, type Server } from 'node:http'
import { registerKeeper, forgetKeeper } from '@poolkeeper/core'
import { simulatePool } from '@poolkeeper/core/testing'
import { dashboard, type Dashboard } from '@poolkeeper/dashboard'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { originOf } from './shown-pools.ts'

/** What a framework makes of a dashboard below `/admin/pools`, as something that answers requests. */
type Mount = (options: Parameters<typeof dashboard>[0]) => Promise<Mounted>

interface Mounted {
  readonly board: Dashboard
  ask(path: string, init?: RequestInit): Promise<Response>
  close(): Promise<unknown>
}

const BASE = '/admin/pools'

async function served(board: Dashboard, server: Server): Promise<Mounted> {
  const origin = await originOf(server.listen(0, '127.0.0.1'))
  return {
    board,
    ask: (path, init) => fetch(origin + path, withOrigin(origin, init)),
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

function withOrigin(origin: string, { headers, ...init }: RequestInit = {}): RequestInit {
  return { ...init, headers: { origin, ...(headers as Record<string, string> | undefined) } }
}

const MOUNTS: Readonly<Record<string, Mount>> = {
  'Node’s http': async (options) => {
    const board = dashboard({ ...options, basePath: BASE })
    return served(board, createServer((request, response) => board.handler(request, response, () => response.writeHead(404).end())))
  },
  'Express, at a path': async (options) => {
    const board = dashboard(options)
    return served(board, createServer(express().use(BASE, board.handler)))
  },
  'Express, in a router behind its parser of JSON': async (options) => {
    const board = dashboard(options)
    return served(board, createServer(express().use(express.json()).use('/admin', express.Router().use('/pools', board.handler))))
  },
  Fastify: async (options) => {
    const board = dashboard(options)
    const app = fastify()
    await app.register(board.fastify, { prefix: BASE })
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    return { board, ask: (path, init) => fetch(origin + path, withOrigin(origin, init)), close: () => app.close() }
  },
  Hono: async (options) => {
    const board = dashboard({ ...options, basePath: BASE })
    const app = new Hono().all(`${BASE}/*`, (context) => board.fetch(context.req.raw))
    return { board, ask: async (path, init) => app.request(path, withOrigin('http://localhost', init)), close: async () => {} }
  },
}

describe.each(Object.entries(MOUNTS))('The dashboard in %s', (_name, mount) => {
  const host = {}
  const { keeper } = simulatePool({ policy: { name: 'orders' } })
  let mounted: Mounted

  beforeEach(async () => {
    registerKeeper(host, keeper, {})
    mounted = await mount({ authorize: ({ header }) => header('x-who') === 'me', operations: ['pause'] })
  })
  afterEach(async () => {
    mounted.board.close()
    await mounted.close()
    forgetKeeper(host)
  })

  const ME = { 'x-who': 'me' }

  test('is a page, with and without a slash at the end, for whoever may see it', async () => {
    const answers = await Promise.all([mounted.ask(BASE, { headers: ME }), mounted.ask(`${BASE}/`, { headers: ME }), mounted.ask(BASE), mounted.ask(`${BASE}/other`, { headers: ME })])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 403, 404])
    expect(await answers[0]?.text()).toContain('<h1>Connection pools</h1>')
  })

  test('streams what happens, and ends when it is closed', async () => {
    const { body, status } = await mounted.ask(`${BASE}/events`, { headers: ME })
    const stream = new Response(body).text()
    expect(status).toBe(200)
    mounted.board.close()
    expect(await stream).toContain('"name":"orders"')
  })

  test('does what is asked and allowed', async () => {
    const order = (operation: string): RequestInit => ({
      method: 'POST',
      headers: { ...ME, 'content-type': 'application/json' },
      body: JSON.stringify({ operation, pool: 'orders' }),
    })
    const states: string[] = []
    for (const operation of ['pause', 'resume']) {
      expect((await mounted.ask(`${BASE}/operate`, order(operation))).status).toBe(200)
      states.push(keeper.stats().state)
    }
    expect(states).toEqual(['paused', 'running'])
  })
})
