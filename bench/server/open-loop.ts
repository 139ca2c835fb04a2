import { performance } from 'node:perf_hooks'

/**
 * Requests at their appointed times, whether or not the earlier ones were answered; returns how
 * long after its appointed time each was answered, in milliseconds. A client that stood still
 * while connecting cannot hide it by asking later.
 */
export function openLoop(request: () => Promise<unknown>, perSecond: number, millis: number): Promise<number[]> {
  const latencies: number[] = []
  const count = Math.round((perSecond * millis) / 1_000)
  const start = performance.now()
  const dueAt = (index: number): number => start + (index * 1_000) / perSecond
  return new Promise((resolve, reject) => {
    let sent = 0
    const send = (): void => {
      for (; sent < count && dueAt(sent) <= performance.now(); sent++) {
        const appointed = dueAt(sent)
        request().then(() => {
          latencies.push(performance.now() - appointed)
          if (latencies.length === count) resolve(latencies)
        }, reject)
      }
      if (sent < count) setTimeout(send, Math.max(0, dueAt(sent) - performance.now()))
    }
    send()
  })
}
