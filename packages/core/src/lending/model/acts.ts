import type { PoolPolicyOptions } from '../../policy/options.ts'
import type { SimulatedConnection, SimulatedServer } from '../../testing/index.ts'
import type { Mood, UserCode } from './user-code.ts'
import type { World } from './world.ts'

/** What may happen to a pool; numbers choose among what is there at that moment. */
export type Act =
  | { readonly act: 'acquire'; readonly count: number }
  | { readonly act: 'release'; readonly which: number; readonly transaction: 'idle' | 'open' | 'failed' }
  | { readonly act: 'release all' }
  | { readonly act: 'release twice'; readonly which: number }
  | { readonly act: 'release too late'; readonly which: number }
  | { readonly act: 'abort'; readonly which: number }
  | { readonly act: 'query'; readonly which: number }
  | { readonly act: 'kill'; readonly which: number; readonly all: boolean; readonly notice: 'noticed' | 'unnoticed' }
  | { readonly act: 'silence'; readonly which: number; readonly all: boolean }
  | { readonly act: 'suspend'; readonly millis: number }
  | { readonly act: 'set the wall clock back'; readonly millis: number }
  | { readonly act: 'block'; readonly millis: number }
  | { readonly act: 'change the server'; readonly to: ServerChange }
  | { readonly act: 'rotate the password' }
  | { readonly act: 'change the mood'; readonly of: keyof UserCode['moods']; readonly mood: Mood }
  | { readonly act: 'resize'; readonly min: number; readonly max: number }
  | { readonly act: 'reconfigure'; readonly changes: PoolPolicyOptions }
  | { readonly act: 'recycle' }
  | { readonly act: 'evict' }
  | { readonly act: 'pause'; readonly waiters: 'wait' | 'fail' }
  | { readonly act: 'resume' }
  | { readonly act: 'drain'; readonly timeoutMillis: number; readonly waiters: 'reject' | 'finish' }
  | { readonly act: 'heal' }

export type ServerChange = Partial<Pick<SimulatedServer, 'answerMillis' | 'openMillis' | 'closeMillis' | 'connects' | 'limit'>>

type Doing = { readonly [K in Act['act']]: (world: World, act: Extract<Act, { act: K }>) => void | Promise<void> }

function chosen<T>(things: Iterable<T>, which: number): T | undefined {
  const list = [...things]
  return list[which % Math.max(1, list.length)]
}

function victims({ pool }: World, { which, all }: { readonly which: number; readonly all: boolean }): SimulatedConnection[] {
  const { connections } = pool.server
  return all ? [...connections] : [chosen(connections, which)].filter((connection) => connection !== undefined)
}

const DOING: Doing = {
  acquire: (world, { count }) => {
    for (let left = count; left > 0; left--) world.acquire()
  },
  release: (world, { which, transaction }) => {
    const connection = chosen(world.held.keys(), which)
    if (connection === undefined) return
    world.pool.server.setTransaction(connection, transaction)
    world.release(connection)
  },
  'release all': (world) => {
    for (const connection of [...world.held.keys()]) world.release(connection)
  },
  // Of somebody who gave it back already, or never had it.
  'release twice': (world, { which }) => {
    const connection = chosen(world.pool.server.connections.filter((each) => !world.held.has(each)), which)
    if (connection !== undefined && world.pool.release(connection)) world.problems.push('a second release was taken')
  },
  // Of somebody whose connection died, or who was taken for a leak.
  'release too late': (world, { which }) => {
    const connection = chosen(world.taken, which)
    if (connection !== undefined && world.pool.release(connection)) world.problems.push('a late release was taken')
  },
  abort: (world, { which }) => chosen(world.waiting, which)?.leave(),
  query: (world, { which }) => {
    const connection = chosen(world.held.keys(), which)
    if (connection === undefined || world.busy.has(connection)) return
    world.busy.add(connection)
    const done = (): void => void world.busy.delete(connection)
    world.pool.query(connection).then(done, done)
  },
  kill: (world, act) => {
    for (const connection of victims(world, act)) {
      world.killed.add(connection)
      world.pool.server.kill(connection, act.notice)
    }
  },
  silence: (world, act) => world.pool.server.silence(victims(world, act)),
  // The monotonic clock stands still meanwhile.
  suspend: (world, { millis }) => {
    world.lostMillis += millis
    world.pool.clock.wallOffset += millis
  },
  'set the wall clock back': ({ pool }, { millis }) => void (pool.clock.wallOffset -= millis),
  block: async (world, { millis }) => {
    world.lostMillis += millis
    await world.pool.clock.stall(millis)
  },
  'change the server': ({ pool }, { to }) => void Object.assign(pool.server, to),
  'rotate the password': ({ code, pool }) => {
    code.password = `secret ${Number(code.password.slice('secret '.length)) + 1}`
    if (pool.server.password !== undefined) pool.server.password = code.password
  },
  'change the mood': ({ code }, { of, mood }) => void (code.moods[of] = mood),
  resize: (world, { min, max }) => {
    world.ceiling = Math.max(world.ceiling === Infinity ? 0 : world.ceiling, world.limit(), world.limit(Math.max(min, max)))
    world.pool.keeper.resize({ min: Math.min(min, max), max: Math.max(min, max) }).catch((error: unknown) => world.problems.push(String(error)))
  },
  reconfigure: ({ pool, problems }, { changes }) => {
    const { min, max } = pool.keeper.policy
    pool.keeper.reconfigure(changes)
    if (pool.keeper.policy.min !== min || pool.keeper.policy.max !== max) problems.push('sizes were changed')
  },
  recycle: (world) => void world.pool.keeper.recycle(),
  evict: (world) => void world.pool.keeper.evictIdle(),
  pause: (world, { waiters }) => {
    world.isPaused = true
    world.pool.keeper.pause({ waiters })
  },
  resume: (world) => {
    world.isPaused = false
    world.pool.keeper.resume()
  },
  drain: (world, { timeoutMillis, waiters }) => {
    if (world.isDraining) return
    world.isDraining = true
    const { pool } = world
    void pool.keeper.drain({ timeoutMillis, waiters }).then((report) => {
      if (world.pool === pool) world.report = report
    })
  },
  heal: (world) => world.heal(),
}

export async function perform(world: World, act: Act): Promise<void> {
  await (DOING[act.act] as (world: World, act: Act) => void | Promise<void>)(world, act)
}
