import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type FaultProxy, startFaultProxy } from './proxy.ts'

/** What one side of a connection has seen. */
interface Witness {
  readonly socket: Socket
  readonly events: string[]
  text: string
}

describe('a fault proxy', () => {
  let echo: Server
  let proxy: FaultProxy
  let clients: Witness[]
  let accepted: Witness[]

  beforeEach(async () => {
    clients = []
    accepted = []
    echo = createServer((socket) => {
      accepted.push(watch(socket))
      socket.on('data', (bytes) => socket.write(bytes))
    })
    echo.listen(0, '127.0.0.1')
    await once(echo, 'listening')
    const { port } = echo.address() as AddressInfo
    proxy = await startFaultProxy({ target: { host: '127.0.0.1', port } })
  })

  afterEach(async () => {
    await proxy.close()
    for (const { socket } of [...clients, ...accepted]) socket.destroy()
    echo.close()
  })

  async function open(): Promise<Witness> {
    const client = watch(connect(proxy.port, proxy.host))
    clients.push(client)
    await once(client.socket, 'connect')
    return client
  }

  async function openAndSay(word: string): Promise<Witness> {
    const client = await open()
    await say(client, word)
    return client
  }

  it('forwards both ways, and the end as well', async () => {
    const client = await openAndSay('hello')
    expect(proxy.openConnections).toBe(1)
    expect(proxy.clientPorts).toEqual([client.socket.localPort])
    client.socket.end()
    await vi.waitUntil(() => client.events.includes('close'))
    expect(client.events).toEqual(['end', 'close'])
    expect(accepted[0]?.events).toContain('end')
    expect(proxy.openConnections).toBe(0)
  })

  it('forwards much without losing a byte', async () => {
    const client = await open()
    const size = 16 * 1024 * 1024
    client.socket.write('x'.repeat(size))
    await vi.waitUntil(() => client.text.length === size, 5_000)
  })

  it('cuts: both sides are reset, new connections work', async () => {
    const client = await openAndSay('before')
    proxy.cut()
    await vi.waitUntil(() => client.events.includes('close') && accepted[0]?.events.includes('close'))
    expect(client.events).toEqual(['ECONNRESET', 'close'])
    expect(accepted[0]?.events).toEqual(['ECONNRESET', 'close'])
    expect(proxy.openConnections).toBe(0)
    await openAndSay('after')
  })

  it('cuts only the flows that were chosen', async () => {
    const chosen = await openAndSay('one')
    const other = await openAndSay('two')
    proxy.cut({ clientPorts: [chosen.socket.localPort ?? 0] })
    await vi.waitUntil(() => chosen.events.includes('close'))
    await say(other, 'still here')
  })

  it('blackholes what is open, for ever; new connections work', async () => {
    const client = await openAndSay('before')
    proxy.blackhole()
    client.socket.write('lost')
    await openAndSay('new')
    proxy.heal()
    client.socket.write('lost too')
    await sleep(50)
    proxy.cut()
    await sleep(50)
    expect(client).toMatchObject({ text: 'before', events: [] })
    expect(accepted[0]).toMatchObject({ text: 'before', events: [] })
  })

  it('tells neither side of a blackholed flow that the other has gone', async () => {
    const client = await openAndSay('one')
    const leaver = await openAndSay('two')
    proxy.blackhole()
    accepted[0]?.socket.destroy()
    leaver.socket.destroy()
    await vi.waitUntil(() => proxy.openConnections === 1)
    await sleep(50)
    expect(client.events).toEqual([])
    expect(accepted[1]?.events).toEqual([])
  })

  it('blackholes new connections until it heals, and those stay dead', async () => {
    proxy.blackhole({ newConnections: true })
    const swallowed = await open()
    swallowed.socket.write('lost')
    await sleep(50)
    proxy.heal()
    swallowed.socket.write('lost too')
    await openAndSay('healthy')
    expect(swallowed).toMatchObject({ text: '', events: [] })
    expect(accepted).toHaveLength(1)
    expect(proxy.openConnections).toBe(2)
  })

  it('delays what the server says, on open and on new flows, in order', async () => {
    const client = await openAndSay('now ')
    proxy.delay(120)
    const started = performance.now()
    for (const word of ['a', 'b', 'c']) client.socket.write(word)
    const fresh = openAndSay('fresh')
    await vi.waitUntil(() => client.text === 'now abc')
    expect(performance.now() - started).toBeGreaterThanOrEqual(115)
    await fresh
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  it('delivers at once what was delayed when it heals', async () => {
    const client = await open()
    proxy.delay(60_000)
    client.socket.write('late')
    await sleep(50)
    expect(client.text).toBe('')
    proxy.heal()
    await vi.waitUntil(() => client.text === 'late')
  })

  it('throttles what the server says', async () => {
    const client = await open()
    proxy.throttle(1_000)
    const started = performance.now()
    client.socket.write('x'.repeat(200))
    await vi.waitUntil(() => client.text.length > 0)
    expect(client.text.length).toBeLessThan(100)
    await vi.waitUntil(() => client.text.length === 200)
    expect(performance.now() - started).toBeGreaterThanOrEqual(170)
    proxy.throttle(false)
    await say(client, 'fast again')
  })

  it('refuses new connections while open ones go on, until it heals', async () => {
    const client = await openAndSay('before ')
    proxy.refuse()
    const refused = watch(connect(proxy.port, proxy.host))
    await vi.waitUntil(() => refused.events.includes('close'))
    expect(refused.events).toEqual(['ECONNRESET', 'close'])
    await say(client, 'after')
    expect(accepted).toHaveLength(1)
    proxy.heal()
    await openAndSay('healthy')
  })

  it('leads new connections elsewhere, while open ones go on', async () => {
    const other = createServer((socket) => void socket.end('somebody else'))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const client = await openAndSay('before ')
    proxy.redirect({ host: '127.0.0.1', port: (other.address() as AddressInfo).port })
    const redirected = await open()
    await vi.waitUntil(() => redirected.text === 'somebody else')
    await say(client, 'after')
    expect(accepted).toHaveLength(1)
    other.close()
  })

  it('resets its clients while the server is down', async () => {
    await new Promise((resolve) => echo.close(resolve))
    const client = await open()
    await vi.waitUntil(() => client.events.includes('close'))
    expect(client.events).toEqual(['ECONNRESET', 'close'])
  })

  it('closes with whatever is still open, dead flows too, and twice', async () => {
    const dead = await openAndSay('one')
    proxy.blackhole()
    const live = await openAndSay('two')
    await proxy.close()
    await proxy.close()
    await vi.waitUntil(() => dead.events.includes('close') && live.events.includes('close'))
    const late = watch(connect(proxy.port, proxy.host))
    await vi.waitUntil(() => late.events.includes('close'))
    expect(late.events).toEqual(['ECONNREFUSED', 'close'])
  })
})

function watch(socket: Socket): Witness {
  const witness: Witness = { socket, events: [], text: '' }
  socket.on('data', (bytes) => {
    witness.text += bytes.toString()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => witness.events.push(error.code ?? error.message))
  for (const event of ['end', 'close']) socket.on(event, () => witness.events.push(event))
  return witness
}

async function say(client: Witness, words: string): Promise<void> {
  const expected = client.text + words
  client.socket.write(words)
  await vi.waitUntil(() => client.text === expected)
}
