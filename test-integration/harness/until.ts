import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MILLIS = 20
const LIMIT_MILLIS = 30_000

/** Asks servers until there is an answer, and resolves to it; a question that fails has none. `fact` stands in the error. */
export async function until<T>(fact: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + LIMIT_MILLIS
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${LIMIT_MILLIS} ms in vain: ${fact}`)
    await sleep(POLL_MILLIS)
  }
}
