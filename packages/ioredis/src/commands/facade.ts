import { Overrides } from '@poolkeeper/core'
import type { Redis } from 'ioredis'
import type { HostClient, SentCommand, SentPipeline } from '../host/redis-client.ts'
import type { Dispatch } from '../lanes/dispatch.ts'
import { CommandJob, PipelineJob, refusing } from './jobs.ts'
import type { Leases } from '../leases/leases.ts'
import { BLOCKING_COMMANDS, blockingMillis, blockingRefusal, CONNECTION_COMMANDS, kindInPipeline, kindOf, noLeases, refusal } from './names.ts'

/** What a pool does in the place of one client. */
export interface PoolSide {
  readonly dispatch: Dispatch
  /** Missing where `max` leaves none. */
  readonly leases: Leases | undefined
  status(): Redis['status']
  connect(): Promise<void>
  disconnect(): void
  quit(): Promise<'OK'>
  duplicate(override?: object): unknown
}

/** A client that connects to nothing, as far as it is changed here. */
type Facade = HostClient & {
  pipeline(commands?: unknown): SentPipeline
  multi(commands?: unknown, options?: unknown): SentPipeline
  end(): void
  quit(callback?: (error: unknown, reply?: string) => void): Promise<string>
  duplicate(override?: object): unknown
  readonly options: { autoPipeliningIgnoredCommands?: string[] }
}

/**
 * Makes a client of ioredis that never connects the face of a pool: its methods build commands as they always did, with
 * their types, encodings, prefixes, scripts and callbacks, and each of them goes out on a lane.
 */
export function faceOf(client: HostClient, pool: PoolSide): void {
  const facade = client as Facade
  const overrides = new Overrides(facade)
  overrides.set('sendCommand', (command, stream) => send(pool, command, stream))
  overridePipelines(facade, overrides, pool.dispatch)
  overrides.getter('status', () => pool.status())
  overrides.set('connect', () => pool.connect())
  overrides.set('disconnect', () => pool.disconnect())
  overrides.set('end', () => pool.disconnect())
  overrides.set('quit', (callback) => answered(pool.quit(), callback))
  overrides.set('duplicate', (override) => pool.duplicate(override))
  const { leases } = pool
  const own = {
    use: (work: (client: Redis) => unknown) => (leases === undefined ? Promise.reject(noLeases()) : leases.use(work)),
    lease: () => (leases === undefined ? Promise.reject(noLeases()) : leases.lease()),
  }
  for (const [key, value] of Object.entries(own)) Object.defineProperty(facade, key, { value, configurable: true })
  refuseConnectionCommands(client)
  // Together with others in one pipeline, they would keep those waiting.
  const ignored = facade.options.autoPipeliningIgnoredCommands ?? []
  facade.options.autoPipeliningIgnoredCommands = quickList([...ignored, ...BLOCKING_COMMANDS, ...CONNECTION_COMMANDS])
}

function send({ dispatch, leases }: PoolSide, command: SentCommand, stream: object | undefined): unknown {
  const kind = kindOf(command)
  if (kind === 'ordinary') return sendOnLane(dispatch, command, stream)
  if (kind === 'connection') command.reject(refusal(command.name))
  else if (leases === undefined) command.reject(noLeases())
  else void leases.block(command, blockingMillis(command))
  return command.promise
}

function sendOnLane(dispatch: Dispatch, command: SentCommand, stream: object | undefined): unknown {
  const lane = dispatch.take(1)
  if (lane !== undefined) return lane.client.sendCommand(command, stream)
  dispatch.wait(new CommandJob(command, stream))
  return command.promise
}

function overridePipelines(facade: Facade, overrides: Overrides<Facade>, dispatch: Dispatch): void {
  const { multi, pipeline } = facade
  overrides.set('pipeline', (commands) => {
    const made = pipeline.call(facade, commands)
    const { exec } = made
    // While a `multi` is open in it, `exec` is its closing bracket, and sends nothing.
    made.exec = (callback) => (made._transactions > 0 ? exec.call(made, callback) : execute(dispatch, made, () => exec.call(made, callback)))
    return made
  })
  overrides.set('multi', (commands, options) => {
    if (isUnpipelined(commands) || isUnpipelined(options)) throw refusal('multi')
    const made = multi.call(facade, commands, options)
    const { exec } = made
    made.exec = (callback) => execute(dispatch, made, () => exec.call(made, callback))
    return made
  })
}

function isUnpipelined(options: unknown): boolean {
  return typeof options === 'object' && options !== null && (options as { pipeline?: unknown }).pipeline === false
}

/** Sends all of a pipeline on one lane, in one piece. */
function execute(dispatch: Dispatch, pipeline: SentPipeline, exec: () => unknown): unknown {
  const commands = pipeline._queue
  const sendTo = (redis: object): unknown => {
    pipeline.redis = redis
    return exec()
  }
  const refused = refusedOf(commands)
  if (refused !== undefined) return sendTo(refusing(refused))
  const lane = dispatch.take(commands.length)
  if (lane !== undefined) return sendTo(lane.client)
  return new Promise((resolve, reject) => {
    const settle = (redis: object): void => {
      // ioredis answers every command of it, and the whole; what is thrown here was thrown to its caller.
      Promise.resolve(sendTo(redis)).then(resolve, reject)
    }
    dispatch.wait(new PipelineJob(commands, settle))
  })
}

function refusedOf(commands: readonly SentCommand[]): Error | undefined {
  for (const command of commands) {
    const kind = kindInPipeline(command)
    if (kind !== 'ordinary') return kind === 'blocking' ? blockingRefusal(command.name) : refusal(command.name)
  }
  return undefined
}

/** ioredis looks into its list for each command: a set is as quick with many names as with none. */
function quickList(names: readonly string[]): string[] {
  const all = new Set([...names, ...names.map((name) => name.toUpperCase())])
  return Object.defineProperty([...all], 'includes', { value: (name: string) => all.has(name) })
}

function refuseConnectionCommands(client: HostClient): void {
  for (const name of CONNECTION_COMMANDS) {
    for (const method of [name, `${name}Buffer`]) {
      Object.defineProperty(client, method, {
        configurable: true,
        value: () => {
          throw refusal(name)
        },
      })
    }
  }
}

function answered(promise: Promise<string>, callback: ((error: unknown, reply?: string) => void) | undefined): Promise<string> {
  if (callback !== undefined) {
    promise.then(
      (reply) => callback(null, reply),
      (error: unknown) => callback(error),
    )
  }
  return promise
}
