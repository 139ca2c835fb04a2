import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Passage {
  readonly source: string
  readonly body: string
}

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url))
const [SHORTEST, LONGEST] = [80, 1_000]

/** What the agents know: the paragraphs of this project's own guide and reference. */
export function readCorpus(): Passage[] {
  const pages = ['guide.md', ...readdirSync(join(DOCS, 'reference')).map((page) => `reference/${page}`)]
  return pages.flatMap((page) => passagesOf(`docs/${page}`, readFileSync(join(DOCS, page), 'utf8')))
}

/** Paragraphs, each under its heading; without code and tables. */
function passagesOf(source: string, markdown: string): Passage[] {
  const passages: Passage[] = []
  let heading = ''
  for (const block of markdown.replaceAll(/```[^]*?```/g, '').split(/\n\s*\n/)) {
    const text = block.trim().replaceAll(/\s+/g, ' ')
    if (text.startsWith('#')) heading = text.replace(/^#+ /, '')
    else if (text.length >= SHORTEST && text.length <= LONGEST && !/^[|<]/.test(text)) {
      passages.push({ source, body: `${heading}: ${text}` })
    }
  }
  return passages
}

export const QUESTIONS: readonly string[] = [
  'What do I set against a firewall that forgets silent flows?',
  'The database fails over: how is a connection to a demoted primary noticed?',
  'Who holds the connections of my pool, and since when?',
  'How do passwords that expire reach new connections?',
  'What happens to a connection that comes back in an open transaction?',
  'How do I keep connections open and warm for short queries?',
  'How do I drain the pool when I deploy?',
  'Does a slow database cost connections?',
]
