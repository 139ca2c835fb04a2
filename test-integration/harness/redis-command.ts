import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** The name of the harness's own connections: they are never counted or killed. */
export const HARNESS_NAME = 'poolkeeper-harness'

const TIMEOUT_MILLIS = 2_000

/**
 * One command on a connection of its own, by hand: what looks after the server shares nothing with
 * the clients under test. Answers that are arrays are not understood.
 */
export async function redisCommand(url: string, ...command: readonly string[]): Promise<string> {
  const { hostname, port, username, password } = new URL(url)
  const login = password === '' ? [] : [['AUTH', ...(username === '' ? [] : [username]), password]]
  const commands = [...login, ['CLIENT', 'SETNAME', HARNESS_NAME], command]
  const socket = connect(Number(port || 6379), hostname)
  const timeout = AbortSignal.timeout(TIMEOUT_MILLIS)
  try {
    await once(socket, 'connect', { signal: timeout })
    socket.write(commands.map(encode).join(''))
    const replies = await readReplies(socket, commands.length, timeout)
    return replies.at(-1) ?? ''
  } finally {
    socket.destroy()
  }
}

function encode(command: readonly string[]): string {
  const words = command.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return `*${command.length}\r\n${words.join('')}`
}

async function readReplies(socket: Socket, count: number, signal: AbortSignal): Promise<string[]> {
  let received = Buffer.alloc(0)
  for (;;) {
    const [bytes] = (await once(socket, 'data', { signal })) as [Buffer]
    received = Buffer.concat([received, bytes])
    const replies = parse(received)
    if (replies.length >= count) return replies
  }
}

function parse(received: Buffer): string[] {
  const replies: string[] = []
  let rest = received
  for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
    const line = rest.toString('utf8', 1, end)
    const kind = rest.toString('utf8', 0, 1)
    if (kind === '-') throw new Error(`Redis: ${line}`)
    const isBulk = kind === '$' && line !== '-1'
    const size = isBulk ? Number(line) : 0
    if (isBulk && rest.length < end + size + 4) break
    replies.push(isBulk ? rest.toString('utf8', end + 2, end + 2 + size) : line)
    rest = rest.subarray(end + 2 + (isBulk ? size + 2 : 0))
  }
  return replies
}
