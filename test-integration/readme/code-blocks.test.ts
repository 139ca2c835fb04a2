import { describe, expect, test } from 'vitest'
import { codeBlocksOf } from './code-blocks.ts'

const pageOf = (...lines: string[]): string => lines.join('\n')

describe('the code blocks of a page', () => {
  test('are those that are fenced as ts, js or js-cjs; others are none', () => {
    const languages = ['ts', 'sh', 'js', '', 'js-cjs']
    const page = pageOf(...languages.flatMap((language) => ['```' + language, `in ${language}`, '```']))
    expect(codeBlocksOf('docs/a.md', page).map(({ place, file, text }) => ({ place, file, text }))).toEqual([
      { place: 'docs/a.md:1', file: 'docs-a-md-1.ts', text: 'in ts\n' },
      { place: 'docs/a.md:7', file: 'docs-a-md-7.js', text: 'in js\n' },
      { place: 'docs/a.md:13', file: 'docs-a-md-13.cjs', text: 'in js-cjs\n' },
    ])
  })

  test('run unless they are marked', () => {
    const page = pageOf('```ts', '```', '```ts no-run', '```')
    expect(codeBlocksOf('a.md', page).map(({ runs }) => runs)).toEqual([true, false])
  })

  test('may show what they say', () => {
    const page = pageOf('```ts', 'console.log(1) // → 1', 'run() // runs', '```')
    expect(codeBlocksOf('a.md', page).map(({ shows }) => shows)).toEqual([['1']])
  })

  test('may hold a fence that is shorter than their own, and stand in a list', () => {
    const page = pageOf('- text', '  ````ts', '  /* ```', '  ``` */', '  ````')
    expect(codeBlocksOf('a.md', page).map(({ text }) => text)).toEqual(['/* ```\n``` */\n'])
  })

  test('are put into what the comment above them says, and keep their lines', () => {
    const page = pageOf('<!-- within', 'above', '...', 'below', '-->', '', '```ts', 'one', 'two', '```')
    const [block] = codeBlocksOf('a.md', page)
    expect(block?.text).toBe('above\none\ntwo\nbelow\n')
    expect([1, 2, 3, 4].map((line) => block?.pageLine(line))).toEqual([7, 8, 9, 7])
  })

  test.for([
    { name: 'a language under another name', lines: ['```typescript', '```'], error: 'a.md:1: `typescript`' },
    { name: 'a mark that does not exist', lines: ['```ts norun', '```'], error: 'a.md:1: there is no mark `norun`' },
    { name: 'a fence that is left open', lines: ['', '```ts'], error: 'a.md:2: does not end' },
    { name: 'a comment without a gap', lines: ['<!-- within', '-->', '```ts', '```'], error: 'a.md:1: needs a line' },
    { name: 'a comment without a block', lines: ['<!-- within', '...', '-->', 'text'], error: 'a.md:4: a block has' },
    { name: 'a comment around text', lines: ['<!-- within', '...', '-->', '```sh', '```'], error: 'a.md:4: nothing' },
  ])('do not let $name pass', ({ lines, error }) => {
    expect(() => codeBlocksOf('a.md', pageOf(...lines))).toThrow(error)
  })
})
