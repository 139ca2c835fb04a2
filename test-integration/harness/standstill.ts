const BEAT_MILLIS = 10
/** A timer that is later than so was kept from firing. */
const LATE_MILLIS = 2 * BEAT_MILLIS

/** How long this process stood still while the work was under way: the machine's doing, and not the pool's. */
export async function withStandstill<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly standstill: number }> {
  let standstill = 0
  let beatAt = performance.now()
  const beat = (): void => {
    const now = performance.now()
    if (now - beatAt > LATE_MILLIS) standstill += now - beatAt - BEAT_MILLIS
    beatAt = now
  }
  const heart = setInterval(beat, BEAT_MILLIS)
  const value = await work().finally(() => clearInterval(heart))
  beat()
  return { value, standstill }
}
