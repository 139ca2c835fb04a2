/**
 * Where the history of `sizing.predictive` is kept: one text, written whole, of some kilobytes.
 *
 * Both are called in the background, one at a time; nobody waits for them, and an error of theirs is reported, and
 * changes nothing in the pool. What was read is checked before it is believed, so a text that was torn costs what
 * was learnt, and no more.
 */
export interface SizingHistory {
  /** What was saved last; `undefined`: nothing yet. */
  load(): Promise<string | undefined>
  /** Takes the place of what was saved before, as a whole or not at all. */
  save(document: string): Promise<void>
}
