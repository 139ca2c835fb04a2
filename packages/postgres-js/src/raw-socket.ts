import net from 'node:net'
import tls from 'node:tls'
import { SSL_REQUEST } from './messages.ts'

/** As postgres.js takes it. */
export type TlsWish = boolean | 'require' | 'allow' | 'prefer' | 'verify-full' | object | undefined

/** Where a server is, and how it is talked to. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly path: string | undefined
  readonly ssl: TlsWish
  /** TLS from the first byte on. */
  readonly isDirect: boolean
}

const YES = 'S'.charCodeAt(0)

/** Connects, and negotiates TLS where it is wished for. `onDone` is called once. */
export function connectRaw(target: Target, onDone: (error: Error | undefined, socket: net.Socket) => void): net.Socket {
  const socket = dial(target)
  let isDone = false
  const done = (error: Error | undefined, connected: net.Socket = socket): void => {
    if (isDone) return
    isDone = true
    onDone(error, connected)
  }
  socket.on('error', done)
  socket.once('close', () => done(new Error('the server closed the connection before it was ready')))
  socket.once('connect', () => {
    if (isOff(target.ssl)) done(undefined)
    else if (target.isDirect) secure(socket, target, done)
    else negotiate(socket, target, done)
  })
  return socket
}

/** Whether the server answers anybody at all: it is asked whether it talks TLS, and then left alone. */
export function knock(target: Target): { readonly answer: Promise<void>; abandon(): void } {
  const socket = dial(target)
  const answer = new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('no answer')))
    socket.once('connect', () => socket.write(SSL_REQUEST))
    socket.once('data', () => {
      resolve()
      socket.destroy()
    })
  })
  return { answer, abandon: () => void socket.destroy() }
}

function dial({ host, path, port }: Target): net.Socket {
  return path === undefined ? net.connect({ host, port }) : net.connect({ path })
}

export function isOff(ssl: TlsWish): boolean {
  return ssl === undefined || ssl === false
}

function negotiate(socket: net.Socket, target: Target, done: (error?: Error, socket?: net.Socket) => void): void {
  socket.write(SSL_REQUEST)
  socket.once('data', (answer: Buffer) => {
    // More than the one byte would be text that somebody put in front of the encryption: CVE-2021-23222.
    if (answer.length !== 1) {
      socket.destroy(new Error('the server said more than it was asked before TLS'))
    } else if (answer[0] === YES) secure(socket, target, done)
    else if (target.ssl === 'prefer') done(undefined, socket)
    else socket.destroy(new Error('the server does not talk TLS'))
  })
}

/** The same settings as postgres.js makes of its `ssl` option. */
function secure(socket: net.Socket, { host, isDirect, ssl }: Target, done: (error?: Error, socket?: net.Socket) => void): void {
  const isUnverified = ssl === 'require' || ssl === 'allow' || ssl === 'prefer'
  const secured = tls.connect({
    socket,
    ...(net.isIP(host) === 0 && { servername: host }),
    ...(isDirect && { ALPNProtocols: ['postgresql'] }),
    ...(isUnverified && { rejectUnauthorized: false }),
    ...(typeof ssl === 'object' && ssl),
  })
  secured.on('error', done)
  secured.once('secureConnect', () => done(undefined, secured))
}
