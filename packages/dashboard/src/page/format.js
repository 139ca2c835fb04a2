const NUMBERS = new Intl.NumberFormat('en')

/**
 * @param {number} count
 * @returns {string}
 */
export function countText(count) {
  return NUMBERS.format(count)
}

/**
 * Two digits that say something, and a unit that a person thinks in.
 *
 * @param {number} millis
 * @returns {string}
 */
export function durationText(millis) {
  if (millis === 0) return '0 ms'
  if (millis < 0.1) return '< 0.1 ms'
  if (millis < 9.95) return `${millis.toFixed(1)} ms`
  if (millis < 999.5) return `${Math.round(millis)} ms`
  const seconds = millis / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  if (seconds < 119.5) return `${Math.round(seconds)} s`
  const minutes = seconds / 60
  if (minutes < 119.5) return `${Math.round(minutes)} min`
  const hours = minutes / 60
  return hours < 47.5 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}

/**
 * @param {number} at milliseconds since the epoch
 * @returns {string}
 */
export function timeText(at) {
  return new Date(at).toLocaleTimeString()
}

/**
 * `maxLifetime` is what the code says; a person reads `max lifetime`.
 *
 * @param {string} word
 * @returns {string}
 */
export function wordsOf(word) {
  return word.replaceAll(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)
}
