interface Emitter {
  on(event: string, listener: (error?: unknown) => void): unknown
  removeListener(event: string, listener: (error?: unknown) => void): unknown
}

/**
 * Listens for the death of a connection. An `error` without a listener would end the process, so
 * the listener stays until it is undone, also after the first death notice.
 */
export function watchEmitter(emitter: Emitter, onDeath: (error: unknown) => void): () => void {
  let told = false
  const tell = (error: unknown): void => {
    if (told) return
    told = true
    onDeath(error)
  }
  const onError = (error?: unknown): void => tell(error)
  const onEnd = (): void => tell(new Error('the connection was closed by the other side'))
  emitter.on('error', onError)
  emitter.on('end', onEnd)
  return () => {
    emitter.removeListener('error', onError)
    emitter.removeListener('end', onEnd)
  }
}
