import { context, SpanKind, SpanStatusCode, trace, type Attributes, type Tracer, type TracerProvider } from '@opentelemetry/api'
import { findPoolkeeperError, PoolkeeperError, type PoolEvent } from '@poolkeeper/core'
import { hrTimeOf } from './hr-time.ts'
import { ERROR_TYPE, SCOPE, WAIT_SPAN } from './names.ts'
import { poolAttributes } from './pool-attributes.ts'
import { subscribeToPools } from './subscribe-to-pools.ts'

export interface TraceWaitsOptions {
  /** @defaultValue the global one, also when it is set up later */
  readonly tracerProvider?: TracerProvider
  /**
   * Who waited for fewer milliseconds than that, and got a connection, has no span. Who left without one always has.
   *
   * @defaultValue `1`
   */
  readonly fromMillis?: number
}

const FROM_MILLIS = 1

/**
 * Gives a span to every caller of any pool of this process who had to wait for a connection, a child of the span in
 * which he asked: from the moment from which he waited until he got a connection, or an error. Checkouts at once have
 * none.
 *
 * A span is made when its wait is over, with the times that it had.
 *
 * @returns a function that ends it
 * @throws PoolkeeperError `INVALID_POLICY` when an option makes no sense
 */
export function traceWaits(options: TraceWaitsOptions = {}): () => void {
  const { tracerProvider = trace, fromMillis = FROM_MILLIS } = options
  if (!(fromMillis >= 0 && fromMillis < Infinity)) throw refused(fromMillis)
  const tracer = tracerProvider.getTracer(SCOPE)
  return subscribeToPools(
    (pool) => {
      const attributes = poolAttributes(pool)
      return (event) => {
        if (event.type === 'acquireFailed') end(tracer, event, attributes)
        else if (event.type === 'acquired' && event.waitMillis > 0 && event.waitMillis >= fromMillis) end(tracer, event, attributes)
      }
    },
    { withinCaller: true },
  )
}

type End = Extract<PoolEvent, { readonly type: 'acquired' | 'acquireFailed' }>

function end(tracer: Tracer, event: End, attributes: Attributes): void {
  const { at, waitMillis } = event
  // Told within the context in which the caller asked.
  const span = tracer.startSpan(WAIT_SPAN, { kind: SpanKind.INTERNAL, startTime: hrTimeOf(at - waitMillis), attributes }, context.active())
  if (event.type === 'acquireFailed') {
    const { error } = event
    span.setAttribute(ERROR_TYPE, typeOf(error))
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
  }
  span.end(hrTimeOf(at))
}

/** Our code, where the error is ours or has ours as its cause; else what the error calls itself. */
function typeOf(error: unknown): string {
  const code: unknown = findPoolkeeperError(error)?.code ?? (error as { readonly code?: unknown } | undefined)?.code
  if (typeof code === 'string') return code
  return error instanceof Error ? error.name : '_OTHER'
}

function refused(value: unknown): PoolkeeperError {
  const [option, bound] = ['fromMillis', 'a number from 0']
  return new PoolkeeperError('INVALID_POLICY', `${option} must be ${bound}; it is ${String(value)}`, { invalid: { option, bound, value } })
}
