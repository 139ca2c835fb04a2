/**
 * The programs that stand in a Markdown page.
 *
 * A block fenced as `ts`, `js` (both ES modules) or `js-cjs` (CommonJS) is a program; marked
 * `no-run` it is only compiled. What a comment `// → text` shows, the program has to say.
 *
 * A program that needs more around it than a reader wants to see has
 * that in a comment right above it, with `...` where the block goes:
 *
 *     <!-- within
 *     import knex from 'knex'
 *     const db = knex({ client: 'pg', connection: process.env.DATABASE_URL })
 *     ...
 *     await db.destroy()
 *     -->
 */
export interface CodeBlock {
  /** The page and the line of the fence, as in `README.md:12`. */
  readonly place: string
  readonly page: string
  /** Its name as a file, in a folder of ES modules. */
  readonly file: string
  readonly text: string
  readonly runs: boolean
  /** What its output has to contain. */
  readonly shows: readonly string[]
  /** The line of the page on which a line of the text stands; the fence's for what surrounds it. */
  pageLine(textLine: number): number
}

const EXTENSIONS: Readonly<Record<string, string>> = { ts: '.ts', js: '.js', 'js-cjs': '.cjs' }
const RELATED = /^(tsx?|typescript|[cm]ts|jsx?|javascript|[cm]js)\b/i

interface Surroundings {
  readonly above: readonly string[]
  readonly below: readonly string[]
}

const NOTHING: Surroundings = { above: [], below: [] }

export function codeBlocksOf(page: string, markdown: string): CodeBlock[] {
  const lines = markdown.split('\n')
  const blocks: CodeBlock[] = []
  let surroundings: Surroundings | undefined
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    const place = `${page}:${index + 1}`
    const [, indent = '', fence, info = ''] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (fence !== undefined) {
      const end = endOf(lines, index, (text) => text.trim() === fence, place)
      const body = lines.slice(index + 1, end).map((text) => text.slice(indent.length))
      const around = surroundings ?? NOTHING
      const block = toBlock({ page, place, fenceLine: index + 1, info: info.trim(), body, around })
      if (block !== undefined) blocks.push(block)
      else if (surroundings !== undefined) throw new Error(`${place}: nothing is compiled within the comment above`)
      surroundings = undefined
      index = end
    } else if (line.trim() === '<!-- within') {
      const end = endOf(lines, index, (text) => text.trim() === '-->', place)
      surroundings = toSurroundings(lines.slice(index + 1, end), place)
      index = end
    } else if (line.trim() !== '' && surroundings !== undefined) {
      throw new Error(`${place}: a block has to follow the comment above`)
    }
  }
  return blocks
}

function endOf(lines: readonly string[], start: number, isEnd: (line: string) => boolean, place: string): number {
  const end = lines.findIndex((line, index) => index > start && isEnd(line))
  if (end === -1) throw new Error(`${place}: does not end`)
  return end
}

function toSurroundings(lines: readonly string[], place: string): Surroundings {
  const gap = lines.indexOf('...')
  if (gap === -1) throw new Error(`${place}: needs a line ... where the block goes`)
  return { above: lines.slice(0, gap), below: lines.slice(gap + 1) }
}

interface Fenced {
  readonly page: string
  readonly place: string
  readonly fenceLine: number
  readonly info: string
  readonly body: readonly string[]
  readonly around: Surroundings
}

function toBlock({ page, place, fenceLine, info, body, around }: Fenced): CodeBlock | undefined {
  const [language = '', ...marks] = info.split(/\s+/)
  const extension = EXTENSIONS[language]
  if (extension === undefined) {
    if (RELATED.test(language)) throw new Error(`${place}: \`${language}\` is written as ts, js or js-cjs here`)
    return undefined
  }
  const unknown = marks.filter((mark) => mark !== 'no-run')
  if (unknown.length > 0) throw new Error(`${place}: there is no mark \`${unknown.join(' ')}\`, only no-run`)
  const { above, below } = around
  return {
    page,
    place,
    file: `${page.replaceAll(/\W+/g, '-')}-${fenceLine}${extension}`,
    text: [...above, ...body, ...below, ''].join('\n'),
    runs: marks.length === 0,
    shows: body.flatMap((line) => /\/\/ → (.+)$/.exec(line)?.[1] ?? []),
    pageLine(textLine) {
      const inBody = textLine - above.length
      return inBody >= 1 && inBody <= body.length ? fenceLine + inBody : fenceLine
    },
  }
}
