export const DIMENSIONS = 256

/**
 * A toy in the place of a model: every word points in some directions, always the same, and a text points where its
 * words do. Texts that share words are near each other; synonyms are not. It needs no network, and gives the same
 * vector on every machine.
 */
export function embed(text: string): number[] {
  const vector = new Array<number>(DIMENSIONS).fill(0)
  for (const word of new Set(wordsOf(text))) {
    for (const { dimension, sign } of directionsOf(word)) vector[dimension] = (vector[dimension] ?? 0) + sign
  }
  const length = Math.hypot(...vector) || 1
  return vector.map((value) => value / length)
}

/** Short words say little, and endings less: `connections` and `connected` are one word here. */
function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[a-z]{4,}/g) ?? []
  return words.filter((word) => !FILLERS.has(word)).map((word) => word.slice(0, 6))
}

const FILLERS = new Set('been does from have into that than them then they this what when which with'.split(' '))

const DIRECTIONS_PER_WORD = 4

function* directionsOf(word: string): Generator<{ dimension: number; sign: 1 | -1 }> {
  let hash = 2_166_136_261
  for (let draw = 0; draw < DIRECTIONS_PER_WORD; draw++) {
    for (const letter of word) hash = Math.imul(hash ^ letter.charCodeAt(0), 16_777_619)
    yield { dimension: (hash >>> 8) % DIMENSIONS, sign: (hash >>> 24) % 2 === 0 ? 1 : -1 }
  }
}
