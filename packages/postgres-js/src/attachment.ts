import {
  appliedKeeper,
  forgetKeeper,
  type PoolKeeper,
  type PoolPolicyOptions,
  registerKeeper,
  resolvePolicy,
  SharedKeeper,
} from '@poolkeeper/core'
import { refuseWhatHostCannot } from './capabilities.ts'
import { Gate } from './gate.ts'
import { hostSettings } from './host-settings.ts'
import { type PostgresOptions, type PostgresSql, type SocketFactory, unsupported } from './postgres-host.ts'
import { PostgresPort } from './postgres-port.ts'
import { isOff, type Target, type TlsWish } from './raw-socket.ts'
import { type Declaration, registry } from './registry.ts'

export function declarationOf({ options }: PostgresSql): Declaration | undefined {
  return options.socket === undefined ? undefined : registry().declarations.get(options.socket)
}

/** The factory that goes into the options of an instance that is to be made. */
export function declaredSocket(declaration: Declaration): SocketFactory {
  const next = hostsInTurn()
  let isTold = false
  const factory: SocketFactory = (options) => {
    if (!isTold && !registry().attended.has(options.shared)) warnUnattended(options)
    isTold = true
    return gateOf(options, next(options, declaration))
  }
  registry().declarations.set(factory, declaration)
  return factory
}

function warnUnattended({ database }: PostgresOptions): void {
  process.emitWarning(
    `postgres.js connects to "${database}" with a pool policy that nobody attends: call keeperOf(sql) once, when the instance is made`,
    { type: 'PoolkeeperWarning', code: 'POOLKEEPER_NOT_ATTENDED' },
  )
}

function gateOf(options: PostgresOptions, target: Target): Gate {
  const entry = registry().attended.get(options.shared)
  // The instance that listens is beside the pool.
  return new Gate(target, entry?.options === options ? entry.events : undefined)
}

/** One host after the other, where several are named, as postgres.js does. */
function hostsInTurn(): (options: PostgresOptions, tls: Pick<Declaration, 'ssl' | 'isDirect'>) => Target {
  let turn = 0
  return ({ host, path, port }, { ssl, isDirect }) => {
    const index = turn++ % host.length
    const isPath = typeof path === 'string' && path !== ''
    return { host: host[index] ?? 'localhost', port: port[index] ?? port[0] ?? 5432, path: isPath ? path : undefined, ssl, isDirect }
  }
}

const PLAIN = { ssl: false, isDirect: false } as const

/** Attends an instance that exists, or finds the keeper that does. */
export function attend(sql: PostgresSql, policy: PoolPolicyOptions): PoolKeeper {
  const applied = appliedKeeper(sql.options, policy)
  if (applied !== undefined) return applied
  const declaration = declarationOf(sql)
  refuseWhatHostCannot(policy, declaration === undefined)
  if (declaration === undefined) refuseSettledSocket(sql.options)
  else refuseUnseenTls(sql.options)
  const settings = hostSettings(sql.options, declaration?.settled ?? {})
  const resolve = (changes: PoolPolicyOptions): ReturnType<typeof resolvePolicy> => resolvePolicy({ ...policy, ...changes }, settings)
  const resolved = resolve({})

  const next = hostsInTurn()
  const targetOf = (): Target => next(sql.options, declaration ?? PLAIN)
  const port = new PostgresPort(sql, targetOf)
  const keeper = new SharedKeeper(port, resolved, {
    resolve: (changes) => {
      refuseWhatHostCannot(changes, true)
      return resolve(changes)
    },
  })
  const { attended, seen } = registry()
  attended.set(sql.options.shared, { options: sql.options, events: port })
  const { socket } = sql.options
  port.attach(keeper, resolved, {
    socket: declaration === undefined || socket === undefined ? (options) => gateOf(options, targetOf()) : socket,
    onDetach() {
      attended.delete(sql.options.shared)
      forgetKeeper(sql.options)
    },
  })
  registerKeeper(sql.options, keeper, policy)
  seen.add(sql.options)
  keeper.start()
  return keeper
}

/** Whether it was once: a declared policy is taken up by itself only the first time. */
export function wasAttended({ options }: PostgresSql): boolean {
  return registry().seen.has(options)
}

function refuseSettledSocket({ socket, ssl }: PostgresOptions): void {
  if (socket !== undefined) throw unsupported('this instance has a `socket` of its own already')
  if (isOff(ssl as TlsWish)) return
  throw unsupported('this instance talks TLS, which was settled when it was made: give its options to withPoolPolicy()')
}

/** `postgres.js` would negotiate it through our socket, below which it cannot be: it would end up within itself. */
function refuseUnseenTls({ ssl }: PostgresOptions): void {
  if (isOff(ssl as TlsWish)) return
  const wish = typeof ssl === 'string' ? `'${ssl}'` : 'a wish for TLS'
  throw unsupported(
    `\`ssl\` is ${wish} by the URL (\`sslmode\`) or the environment (\`PGSSL\`) alone: put \`ssl\` into the options that withPoolPolicy() is given`,
  )
}
