import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';
import type { ServerProcess } from './process.ts';

const START_TIMEOUT_MILLIS = 30_000;
const POLL_MILLIS = 20;
const PORT_ATTEMPTS = 3;

/** Waits until `ping` resolves; a server that exits instead is an error with what it printed. */
export async function untilReady(
  name: string,
  server: ServerProcess,
  ping: () => Promise<unknown>,
): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MILLIS;
  for (;;) {
    const failure = await ping().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!server.running) throw new Error(`${name} exited at once:\n${server.logTail}`);
    if (failure === undefined) return;
    if (performance.now() > deadline) {
      throw new Error(`${name} did not get ready:\n${server.logTail}`, { cause: failure });
    }
    await sleep(POLL_MILLIS);
  }
}

/** Between the choice of a port and its use another process may take it: then with another one. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const taken = error instanceof Error && /address already in use/i.test(error.message);
      if (!taken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
