import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { HARNESS_NAME } from './redis-command.ts'
import type { RedisServer } from './redis.ts'

/** How long a client has been silent, by its address; `undefined`: it has said nothing since the monitor began. */
export type Silences = (address: string) => number | undefined

/** What a server hears from its clients, in its own words: `CLIENT LIST` tells silence in whole seconds. */
export interface RedisMonitor {
  /** Of this moment. */
  silences(): Promise<Silences>
  /** The address of whoever sends ECHO with this text; to be asked before it is sent. */
  whoEchoes(text: string): Promise<string>
  stop(): void
}

// +1339518083.107412 [0 127.0.0.1:60866] "keys" "*"
const HEARD = /^\+(\d+\.\d+) \[\d+ (\S+)\] (.*)$/
const ANSWERS = 2
const TIMEOUT_MILLIS = 2_000

export async function monitorRedis(server: RedisServer): Promise<RedisMonitor> {
  const socket = connect(server.port, server.host)
  const monitor = new Monitor(server, socket)
  await once(socket, 'connect', { signal: AbortSignal.timeout(TIMEOUT_MILLIS) })
  socket.write(`CLIENT SETNAME ${HARNESS_NAME}\r\nMONITOR\r\n`)
  await monitor.answered(ANSWERS)
  return monitor
}

interface Echo {
  readonly address: string
  /** Milliseconds, on the server's clock. */
  readonly at: number
}

class Monitor implements RedisMonitor {
  readonly #server: RedisServer
  readonly #socket: Socket
  readonly #heardAt = new Map<string, number>()
  readonly #echoes = new Map<string, (echo: Echo) => void>()
  #answers = 0
  #whenAnswered = (): void => {}
  #rest = ''
  #asked = 0

  constructor(server: RedisServer, socket: Socket) {
    this.#server = server
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', () => {})
  }

  async answered(count: number): Promise<void> {
    if (this.#answers < count) await new Promise<void>((resolve) => (this.#whenAnswered = resolve))
  }

  async silences(): Promise<Silences> {
    // What was said before the mark has arrived before it.
    const mark = `mark-${++this.#asked}`
    const arrived = this.#echo(mark)
    await this.#server.command('ECHO', mark)
    const { at: now } = await arrived
    const heardAt = new Map(this.#heardAt)
    return (address) => {
      const at = heardAt.get(address)
      return at === undefined ? undefined : now - at
    }
  }

  async whoEchoes(text: string): Promise<string> {
    return (await this.#echo(text)).address
  }

  stop(): void {
    this.#socket.destroy()
  }

  #echo(text: string): Promise<Echo> {
    return new Promise((resolve) => this.#echoes.set(`"${text}"`, resolve))
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\r\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#note(line)
  }

  #note(line: string): void {
    const [, seconds = '', address = '', words = ''] = HEARD.exec(line) ?? []
    if (address === '') {
      this.#answers += 1
      if (this.#answers === ANSWERS) this.#whenAnswered()
      return
    }
    const at = Number(seconds) * 1_000
    this.#heardAt.set(address, at)
    const [command, argument = ''] = words.split(' ')
    if (command?.toLowerCase() !== '"echo"') return
    this.#echoes.get(argument)?.({ address, at })
    this.#echoes.delete(argument)
  }
}
