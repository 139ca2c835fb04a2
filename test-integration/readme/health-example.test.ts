import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Service, startService } from '../../examples/health/service.ts'
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts'
import { attachPostgres, type PostgresServer } from '../harness/postgres.ts'
import { requireServer } from '../harness/require-server.ts'
import { until } from '../harness/until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const postgres = requireServer('postgres')

interface Answer {
  readonly status: number
  readonly body: { readonly pools?: { readonly orders: { readonly status: string; readonly reasons: readonly string[] } }; readonly now?: string }
}

async function get(port: number, path: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

postgres.describe('The example of probes', () => {
  let server: PostgresServer
  let proxy: FaultProxy
  let service: Service
  const lines: string[] = []

  beforeAll(async () => {
    server = await attachPostgres(postgres)
    proxy = await startFaultProxy({ target: server })
    const { host, port } = proxy
    const databaseUrl = `postgres://${server.user}@${host}:${port}/${server.database}`
    service = await startService({ databaseUrl, log: (line) => lines.push(line) })
  })
  afterAll(async () => {
    proxy.heal()
    await service.stop()
    await proxy.close()
    await server.stop()
  })

  const isReady = async (): Promise<boolean> => (await get(service.port, '/readyz')).status === 200

  test('is ready when it has a connection, and serves', async () => {
    await until('it is ready', isReady)
    expect((await get(service.port, '/orders')).body.now).toBeDefined()
    expect((await get(service.port, '/readyz')).body.pools?.orders).toEqual({ status: 'up', reasons: [] })
  })

  test('is not ready while the database is away, lives on, and is ready again though nobody asked for anything', async () => {
    proxy.refuse()
    proxy.cut()
    await until('it is not ready', async () => !(await isReady()))
    const { body } = await get(service.port, '/readyz')
    expect(body.pools?.orders).toMatchObject({ status: 'down', reasons: expect.arrayContaining([expect.stringContaining('no connection is open')]) as unknown })
    expect((await get(service.port, '/livez')).status).toBe(200)
    await until('the log says so', async () => lines.some((line) => line.includes('pool "orders"')))
    proxy.heal()
    await until('it is ready again', isReady)
  })

  test('as a process: told to end, it is not ready, finishes what it was asked, and ends by itself', async () => {
    const env = { ...process.env, NODE_OPTIONS: '', DATABASE_URL: postgres.url, PORT: '0', STILL_SENT_MILLIS: '3000' }
    const child = spawn(process.execPath, ['--import', 'tsx', 'examples/health/main.ts'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [said] = (await once(child.stdout, 'data')) as [Buffer]
      const port = Number(/:(\d+)\//.exec(String(said))?.[1])
      await until('it is ready', async () => (await get(port, '/readyz')).status === 200)
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await until('it is not ready any more', async () => (await get(port, '/readyz')).status === 503)
      expect((await get(port, '/orders')).status).toBe(200)
      expect(await ended).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  })
})
