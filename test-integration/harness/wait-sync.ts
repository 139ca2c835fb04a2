/** Blocks this process, without one turn of its event loop. */
export function waitSync(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}
