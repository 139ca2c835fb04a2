// The few shapes that the reference pages are made of.
import { oneLine } from './sources.mjs'

const note = '<!-- Made by `npm run docs` from the comments in packages/core/src: change those, and run it again. -->'

/** A page: whatever is not there leaves no trace. */
export function page(...blocks) {
  return `${[note, ...blocks].filter(Boolean).join('\n\n')}\n`
}

/** A column that is empty in every row is left out. */
export function table(head, rows) {
  const columns = head.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ''))
  const line = (cells) => `| ${columns.map((index) => cells[index].replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${columns.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

export const code = (text) => `\`${text}\``

export function firstSentence({ paragraphs: [first = ''] }) {
  return /^.*?[.!?](?= [A-Z`]|$)/.exec(oneLine(first))?.[0] ?? oneLine(first)
}

export function tagOf(doc, name) {
  return doc.tags.find((tag) => tag.name === name)?.text
}

/** All that a comment says, as text: its paragraphs, its default, what is thrown. */
export function prose(doc) {
  const lines = doc.tags.map(({ name, text }) => {
    if (name === 'defaultValue') return `**Default:** ${text}`
    if (name === 'throws') return `**Throws** ${text.replace(/^(\w+) /, '`$1` ')}`
    return undefined
  })
  return [...doc.paragraphs, ...lines].filter(Boolean).join('\n\n')
}
