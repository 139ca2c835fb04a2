import type { Harm } from '../harm.ts'
import type { ConnectRefusal, TransactionStatus } from '../port.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A connection of a simulated pool: an identity, and nothing else. */
export interface SimulatedConnection {
  readonly id: number
}

export interface SimulatedServerOptions {
  /** Milliseconds that a connect takes. @defaultValue `20` */
  readonly openMillis?: number
  /** Milliseconds until a question is answered. @defaultValue `1` */
  readonly answerMillis?: number
  /** Milliseconds that a farewell takes. @defaultValue `1` */
  readonly closeMillis?: number
}

/** An attempt to connect. */
export interface SimulatedConnect {
  readonly connection: Promise<SimulatedConnection>
  /** Gives it up: nothing arrives any more. */
  abort(): void
}

interface Socket {
  state: 'answers' | 'silent' | 'dead'
  transaction: TransactionStatus
  /** Questions that are under way, to be failed when the connection dies. */
  readonly asked: Set<(error: Error) => void>
  onDeath: (error: Error) => void
}

/** A farewell that is not answered by then is given up. */
const FAREWELL_MILLIS = 1_000

/** What the pool connects to, seen from the other side: the second door to look through. */
export class SimulatedServer {
  openMillis: number
  answerMillis: number
  closeMillis: number
  /** What becomes of attempts to connect from now on; swallowed ones are never answered. */
  connects: 'accepted' | 'refused' | 'unknownUser' | 'swallowed' = 'accepted'
  /** What a connect has to bring; `undefined`: nothing. */
  password: string | undefined
  /** The server follows another one now: it answers, but takes no writes. */
  isReadOnly = false
  /** Connections that the server has room for. */
  limit: number = Infinity
  /** Connections accepted so far. */
  accepted = 0
  /** Questions that reached a connection so far: checks and queries. */
  questions = 0
  /** The most sockets that existed at one moment, those being opened and closed included. */
  most = 0
  readonly #clock: VirtualClock
  readonly #sockets = new Map<SimulatedConnection, Socket>()
  /** Connects on their way that nobody gave up. */
  readonly #connecting = new Set<object>()

  constructor(clock: VirtualClock, { openMillis = 20, answerMillis = 1, closeMillis = 1 }: SimulatedServerOptions) {
    this.#clock = clock
    this.openMillis = openMillis
    this.answerMillis = answerMillis
    this.closeMillis = closeMillis
  }

  /** The connections that live, those being closed included; the oldest first. */
  get connections(): readonly SimulatedConnection[] {
    return [...this.#sockets].filter(([, { state }]) => state !== 'dead').map(([connection]) => connection)
  }

  get alive(): number {
    return this.connections.length
  }

  /** The same, with those whose death the pool has not cleared away yet. */
  get sockets(): number {
    return this.#sockets.size
  }

  connect(password?: string): SimulatedConnect {
    const refusal = this.#refusal(password)
    const connect = {}
    if (refusal === undefined && this.connects !== 'swallowed') this.#connecting.add(connect)
    this.most = Math.max(this.most, this.sockets + this.#connecting.size)
    const connection = new Promise<SimulatedConnection>((resolve, reject) => {
      this.#clock.arrival(this.openMillis, () => {
        if (refusal !== undefined) reject(refusal)
        else if (this.#connecting.delete(connect)) resolve(this.#accept())
      })
    })
    return { connection, abort: () => void this.#connecting.delete(connect) }
  }

  #accept(): SimulatedConnection {
    const connection = { id: ++this.accepted }
    this.#sockets.set(connection, { state: 'answers', transaction: 'idle', asked: new Set(), onDeath: () => {} })
    return connection
  }

  #refusal(password: string | undefined): Error | undefined {
    if (this.connects === 'refused') return failure('ECONNREFUSED')
    const isWrong = this.password !== undefined && password !== this.password
    if (this.connects === 'unknownUser' || isWrong) return failure('WRONG_PASSWORD')
    return this.alive + this.#connecting.size < this.limit ? undefined : failure('TOO_MANY_CONNECTIONS')
  }

  /** One round trip. */
  ask(connection: SimulatedConnection): Promise<void> {
    this.questions++
    return new Promise((resolve, reject) => {
      const socket = this.#sockets.get(connection)
      socket?.asked.add(reject)
      this.#clock.arrival(this.answerMillis, () => {
        if (socket?.state === 'silent') return
        socket?.asked.delete(reject)
        if (socket?.state === 'answers') resolve()
        else reject(failure('ECONNRESET'))
      })
    })
  }

  /** From now on nothing comes back on these connections, and nobody says so: a firewall forgot them. */
  silence(connections: Iterable<SimulatedConnection>): void {
    for (const connection of connections) this.#setState(connection, 'silent')
  }

  /** Ends connections from the server's side. `'unnoticed'`: the pool learns of it when it asks. */
  kill(connection: SimulatedConnection, notice: 'noticed' | 'unnoticed' = 'noticed'): void {
    const socket = this.#sockets.get(connection)
    this.#setState(connection, 'dead')
    if (notice === 'noticed') socket?.onDeath(failure('ECONNRESET'))
    this.#rejectAsked(socket)
  }

  /** A question is under way on it. */
  isAsked(connection: SimulatedConnection): boolean {
    return (this.#sockets.get(connection)?.asked.size ?? 0) > 0
  }

  transactionOf(connection: SimulatedConnection): TransactionStatus | undefined {
    return this.#sockets.get(connection)?.transaction
  }

  /** What the session of a connection is in: its holder began a transaction, or ended it. */
  setTransaction(connection: SimulatedConnection, transaction: TransactionStatus): void {
    const socket = this.#sockets.get(connection)
    if (socket !== undefined) socket.transaction = transaction
  }

  /** Tells of the death of a connection, when it is noticed. */
  watch(connection: SimulatedConnection, onDeath: (error: Error) => void): void {
    const socket = this.#sockets.get(connection)
    if (socket !== undefined) socket.onDeath = onDeath
  }

  /** `hard`: the socket is gone at once. Otherwise a farewell that the other side has to answer. */
  close(connection: SimulatedConnection, hard: boolean): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        const socket = this.#sockets.get(connection)
        this.#sockets.delete(connection)
        this.#rejectAsked(socket)
        resolve()
      }
      if (hard) return end()
      const { state } = this.#sockets.get(connection) ?? { state: 'dead' }
      this.#clock.arrival(state === 'answers' ? this.closeMillis : state === 'dead' ? 0 : FAREWELL_MILLIS, end)
    })
  }

  #setState(connection: SimulatedConnection, state: Socket['state']): void {
    const socket = this.#sockets.get(connection)
    if (socket !== undefined) socket.state = state
  }

  #rejectAsked(socket: Socket | undefined): void {
    for (const reject of socket?.asked ?? []) reject(failure('ECONNRESET'))
    socket?.asked.clear()
  }
}

/** What the server meant by refusing a connect. */
export function refusalOf(error: unknown): ConnectRefusal | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.message === 'TOO_MANY_CONNECTIONS') return 'full'
  return error.message === 'WRONG_PASSWORD' ? 'credentials' : undefined
}

/** How much an error says about its connection. */
export function harmOf(error: unknown): Harm {
  return error instanceof Error && error.message === 'ECONNRESET' ? 'connection' : 'statement'
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}
