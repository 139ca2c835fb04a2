import { Duplex } from 'node:stream'
import { applyPoolPolicy } from '@poolkeeper/mysql2'
import { createPool, type PoolOptions } from 'mysql2'
import { POOL_SIZE, type Caller, type Variant } from './stub-variants.ts'

/** A server that greets, lets everybody in, and is never asked for anything. */
class StubSocket extends Duplex {
  constructor() {
    super()
    process.nextTick(() => this.push(GREETING))
  }

  override _read(): void {}

  override _write(_login: Buffer, _encoding: string, done: () => void): void {
    process.nextTick(() => this.push(WELCOME))
    done()
  }

  setNoDelay(): void {}
}

const LOGIN_PLUGIN = 'mysql_native_password'

const GREETING = packet(0, [
  Buffer.from([10]),
  Buffer.from('8.0.0-stub\0'),
  // Connection, salt, filler; PROTOCOL_41 and SECURE_CONNECTION; utf8mb4, autocommit; PLUGIN_AUTH; length of the salt.
  Buffer.from([1, 0, 0, 0, ...salt(8), 0, 0x00, 0x82, 45, 2, 0, 0x08, 0x00, 21]),
  Buffer.alloc(10),
  Buffer.from([...salt(12), 0]),
  Buffer.from(`${LOGIN_PLUGIN}\0`),
])
const WELCOME = packet(2, [Buffer.from([0, 0, 0, 2, 0, 0, 0])])

function salt(bytes: number): number[] {
  return Array.from({ length: bytes }, () => 0x61)
}

function packet(sequence: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([body.length & 0xff, body.length >> 8, 0, sequence]), body])
}

/** mysql2's own pool and its own connections, but that these lead nowhere. */
export function mysql2Stub(variant: Variant): Caller {
  const options: PoolOptions = { stream: () => new StubSocket(), connectionLimit: POOL_SIZE.max }
  const pool = createPool(options)
  if (variant !== 'bare') {
    const keeper = applyPoolPolicy(pool)
    if (variant === 'kept with a subscriber') keeper.subscribe(() => {})
  }
  const promising = pool.promise()
  return async (times) => {
    for (let time = 0; time < times; time++) (await promising.getConnection()).release()
  }
}
