import type { Socket } from 'node:net'

/** How fast a lane delivers. Shared by all the lanes of a proxy, and changed while they run. */
export interface Pace {
  delayMillis: number
  bytesPerSecond: number | false
}

interface Parcel {
  /** `undefined` stands for the FIN: it keeps its place behind the data. */
  readonly bytes: Buffer | undefined
  readonly arrivedAt: number
}

// Enough for any result of a test; beyond it the sender is held back, as a full TCP window does.
const HIGH_WATER_BYTES = 1024 * 1024
// A throttled lane hands over what fits in a slice of this length, so that bytes trickle.
const SLICE_MILLIS = 20

/** One direction of one flow: what is read from `source` is written to `sink`, in order, at a pace. */
export class Lane {
  readonly #source: Socket
  readonly #sink: Socket
  readonly #pace: Readonly<Pace>
  readonly #parcels: Parcel[] = []
  #waitingBytes = 0
  #freeAt = 0
  #timer: NodeJS.Timeout | undefined
  #dead = false

  constructor(source: Socket, sink: Socket, pace: Readonly<Pace>) {
    this.#source = source
    this.#sink = sink
    this.#pace = pace
    source.on('data', (bytes: Buffer) => this.#take(bytes))
    source.on('end', () => this.#take(undefined))
    sink.on('drain', () => this.#settleFlow())
  }

  /** From now on everything is read and thrown away, so that the sender never notices. */
  kill(): void {
    this.#dead = true
    this.discard()
    this.#source.resume()
  }

  /** Forgets what has not been delivered. */
  discard(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#parcels.length = 0
    this.#waitingBytes = 0
  }

  /** Delivers whatever is due; called again whenever the pace changes. */
  pump(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (let head = this.#parcels[0]; head !== undefined; head = this.#parcels[0]) {
      const wait = this.#millisUntilDue(head)
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), Math.ceil(wait)).unref()
        break
      }
      this.#deliver(head)
    }
    this.#settleFlow()
  }

  #take(bytes: Buffer | undefined): void {
    if (this.#dead) return
    this.#parcels.push({ bytes, arrivedAt: performance.now() })
    this.#waitingBytes += bytes?.length ?? 0
    if (this.#timer === undefined) this.pump()
    else this.#settleFlow()
  }

  #millisUntilDue(parcel: Parcel): number {
    const dueAt = parcel.arrivedAt + this.#pace.delayMillis
    const freeAt = this.#pace.bytesPerSecond === false ? 0 : this.#freeAt
    return Math.max(dueAt, freeAt) - performance.now()
  }

  #deliver(parcel: Parcel): void {
    this.#parcels.shift()
    if (this.#sink.destroyed || this.#sink.writableEnded) return
    if (parcel.bytes === undefined) {
      this.#sink.end()
      return
    }
    const now = this.#slice(parcel.bytes)
    if (now.length < parcel.bytes.length) {
      const later = parcel.bytes.subarray(now.length)
      this.#parcels.unshift({ bytes: later, arrivedAt: parcel.arrivedAt })
    }
    this.#waitingBytes -= now.length
    this.#sink.write(now)
  }

  #slice(bytes: Buffer): Buffer {
    const rate = this.#pace.bytesPerSecond
    if (rate === false) return bytes
    const slice = bytes.subarray(0, Math.max(1, Math.floor((rate * SLICE_MILLIS) / 1_000)))
    this.#freeAt = Math.max(performance.now(), this.#freeAt) + (slice.length / rate) * 1_000
    return slice
  }

  #settleFlow(): void {
    const full = this.#waitingBytes > HIGH_WATER_BYTES || this.#sink.writableNeedDrain
    if (full && !this.#dead) this.#source.pause()
    else this.#source.resume()
  }
}
