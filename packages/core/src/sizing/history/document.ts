import { refusedOption } from '../../policy/bounds.ts'

/** Many times what a history takes. Whatever is larger is something else, and is not read into memory. */
export const LARGEST_DOCUMENT_BYTES = 1_048_576

/** @throws PoolkeeperError `INVALID_POLICY` */
export function refuseLarge(bytes: number): void {
  if (bytes > LARGEST_DOCUMENT_BYTES) {
    throw refusedOption('history', `a document of at most ${LARGEST_DOCUMENT_BYTES} bytes`, `${bytes} bytes`, bytes)
  }
}

/** What a server answered for a document; `undefined` when it has none. */
export function documentOf(answer: unknown): string | undefined {
  if (answer === undefined || answer === null) return undefined
  const text = Buffer.isBuffer(answer) ? answer.toString() : answer
  if (typeof text !== 'string') throw refusedOption('history', 'kept as a text', `an answer of type ${typeof text}`)
  refuseLarge(Buffer.byteLength(text))
  return text
}
