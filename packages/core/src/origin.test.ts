import { afterEach, describe, expect, test } from 'vitest'
import { siteOf, Trace } from './origin.ts'

/** The line of whoever calls it. */
function here(): string {
  const [, row] = /origin\.test\.ts:(\d+)/.exec(new Error().stack?.split('\n')[2] ?? '') ?? []
  return `packages/core/src/origin.test.ts:${row}`
}

function takeTrace(): Trace {
  return new Trace(takeTrace)
}

const { prepareStackTrace, stackTraceLimit } = Error

afterEach(() => {
  Error.prepareStackTrace = prepareStackTrace
  Error.stackTraceLimit = stackTraceLimit
})

describe('a trace', () => {
  test('names the line that called, and not who took it', () => {
    const [trace, line] = [takeTrace(), here()]
    expect(trace.site).toBe(line)
    expect(trace.stack).not.toContain('takeTrace')
  })

  test('is as deep as it has to be, and leaves the limit as it was', () => {
    Error.stackTraceLimit = 0
    const deep = (left: number): Trace => (left === 0 ? takeTrace() : deep(left - 1))
    expect(deep(15).stack.split('\n').length).toBeGreaterThan(15)
    expect(Error.stackTraceLimit).toBe(0)
  })

  test('has no place where an application makes something else of its stacks', () => {
    Error.prepareStackTrace = (_, frames) => frames
    const trace = takeTrace()
    trace.settle()
    expect(trace.stack).toBe('')
    expect(trace.site).toBeUndefined()
  })
})

describe('the site of a stack', () => {
  const cwd = process.cwd()
  const lines = (...places: string[]): string => places.map((place) => `at ${place}`).join('\n')

  test.each([
    ['a named function', `f (${cwd}/src/orders.ts:41:7)`, 'src/orders.ts:41'],
    ['a module', `file://${cwd}/src/orders.ts:41:7`, 'src/orders.ts:41'],
    ['what awaits', `async Orders.load (file://${cwd}/src/a%20b/orders.js:4:7)`, 'src/a b/orders.js:4'],
    ['what awaits, without a name', `async ${cwd}/orders.js:4:7`, 'orders.js:4'],
    ['a constructor', `new Orders (${cwd}/orders.js:4:7)`, 'orders.js:4'],
    ['elsewhere', 'f (/elsewhere/orders.js:4:7)', '/elsewhere/orders.js:4'],
    ['another scheme', 'f (webpack-internal:///./src/orders.ts:4:7)', 'webpack-internal:///./src/orders.ts:4'],
    ['evaluated code', 'eval (evalmachine.<anonymous>:4:7)', 'evalmachine.<anonymous>:4'],
  ])('is found in a frame of %s', (_, frame, site) => {
    expect(siteOf(lines(frame))).toBe(site)
  })

  test('is neither Node’s nor a package’s', () => {
    const stack = lines(
      'Client.acquireConnection (/app/node_modules/knex/lib/client.js:1:1)',
      'process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
      'async Promise.all (index 0)',
      'run (/app/src/orders.ts:41:7)',
      'later (/app/src/main.ts:1:1)',
    )
    expect(siteOf(stack)).toBe('/app/src/orders.ts:41')
  })

  test('is a package’s for a program that is a package itself', () => {
    const stack = lines('next (node:internal/timers:1:1)', 'run (/usr/lib/node_modules/tool/cli.js:3:1)')
    expect(siteOf(stack)).toBe('/usr/lib/node_modules/tool/cli.js:3')
  })

  test('is unknown when there is no frame of anybody', () => {
    expect(siteOf(lines('process.processTicksAndRejections (node:internal/process/task_queues:105:5)'))).toBeUndefined()
    expect(siteOf('')).toBeUndefined()
  })
})
