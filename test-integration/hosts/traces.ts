/** What has listeners, as every pool and most connections have. */
export interface Emitter {
  eventNames(): (string | symbol)[]
  listenerCount(event: string | symbol): number
}

export function ownKeys(target: object): string[] {
  return Reflect.ownKeys(target).map(String).sort()
}

export function listenersOf(emitter: Emitter): object {
  const events = emitter.eventNames().filter((event) => emitter.listenerCount(event) > 0)
  return Object.fromEntries(events.map((event) => [String(event), emitter.listenerCount(event)]))
}

export function pick(target: object, keys: readonly string[]): object {
  return Object.fromEntries(keys.map((key) => [key, (target as Record<string, unknown>)[key]]))
}

/** Resolves when the server has refused the statement. */
export async function refusedByServer(query: Promise<unknown>): Promise<void> {
  const answered = await query.then(
    () => true,
    () => false,
  )
  if (answered) throw new Error('the server took a statement that it should have refused')
}
