import { setImmediate as turn } from 'node:timers/promises'
import { collectGarbage } from '../hosts/collect-garbage.ts'

export const MEBIBYTE: number = 2 ** 20

/** What is still referred to, after everything that was under way has ended. */
export async function heapInUse(): Promise<number> {
  // What a collection finalises may free more.
  for (let round = 0; round < 5; round++) {
    await turn()
    collectGarbage()
  }
  return process.memoryUsage().heapUsed
}
