import { isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scope } from './scope.ts'

/** A function on the stack; frames above it, and its own, are of no interest. */
export type FrameOwner = (...args: never[]) => unknown

/** Between a user's line and a pool lie a dozen frames of the host's own. */
const FRAMES = 25

/**
 * The stack of a moment. Taking it costs a microsecond or two; it becomes text when somebody looks.
 */
export class Trace {
  /** V8's own record of the frames, which keeps alive what their functions worked on. */
  #frames: { stack?: unknown } | undefined = {}
  #stack = ''
  #site: string | undefined

  constructor(above: FrameOwner) {
    const { stackTraceLimit } = Error
    // Not an assignment: where the intrinsics are frozen it would throw.
    Reflect.set(Error, 'stackTraceLimit', FRAMES)
    Error.captureStackTrace(this.#frames as object, above)
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }

  /** One frame a line, the innermost first. */
  get stack(): string {
    this.settle()
    return this.#stack
  }

  /** The first frame of the user's own: `src/orders.ts:41`. */
  get site(): string | undefined {
    this.settle()
    return this.#site
  }

  /** Makes it text now, and lets go of all that the frames hold. */
  settle(): void {
    if (this.#frames === undefined) return
    const { stack } = this.#frames
    this.#frames = undefined
    // Whatever a user's own Error.prepareStackTrace makes of it.
    if (typeof stack === 'string') this.#stack = linesOf(stack).join('\n')
    this.#site = siteOf(this.#stack)
  }
}

/** Who asks for a connection, from where, and within what. */
export class Origin {
  /** The label that `ownedBy` gave to the work. */
  readonly owner: string | undefined
  /** The leases within which it was asked, the innermost last. */
  readonly within: readonly Scope[]
  /** The lease that begins with it, when others may be asked for within that one. */
  readonly opens: Scope | undefined
  readonly #trace: Trace | undefined

  constructor(trace: Trace | undefined, owner: string | undefined, within: readonly Scope[], opens?: Scope) {
    this.#trace = trace
    this.owner = owner
    this.within = within
    this.opens = opens
  }

  get stack(): string | undefined {
    return this.#trace?.stack
  }

  get site(): string | undefined {
    return this.#trace?.site
  }

  settle(): void {
    this.#trace?.settle()
  }
}

const FRAME = /^\s+at /
/** `at f (file:///a/b.ts:1:2)`, `at async f (/a/b.js:1:2)`, `at /a/b.js:1:2`. */
const PLACE = /(?:\(|at (?:async )?)([^()]+):(\d+):\d+\)?$/

function linesOf(stack: string): string[] {
  return stack.split('\n').filter((line) => FRAME.test(line)).map((line) => line.trim())
}

/**
 * The first frame that is neither Node's nor in a package: hosts, drivers and this very project
 * are packages to their user. A program that is a package itself gets the first that is not Node's.
 */
export function siteOf(stack: string): string | undefined {
  const places = stack.split('\n').flatMap((line) => {
    const [, file, row] = PLACE.exec(line) ?? []
    return file === undefined || file.startsWith('node:') ? [] : [{ file, row }]
  })
  const place = places.find(({ file }) => !file.includes('node_modules')) ?? places[0]
  return place && `${readable(place.file)}:${place.row}`
}

function readable(file: string): string {
  if (!file.startsWith('file:') && !isAbsolute(file)) return file
  try {
    const path = file.startsWith('file:') ? fileURLToPath(file) : file
    const fromHere = relative(process.cwd(), path)
    return fromHere.startsWith('..') ? path : fromHere
  } catch {
    // No working directory any more, or a URL that is no path.
    return file
  }
}
