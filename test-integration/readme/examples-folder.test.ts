import { afterAll, beforeAll, expect, test } from 'vitest'
import { codeBlocksOf, type CodeBlock } from './code-blocks.ts'
import { ExamplesFolder } from './examples-folder.ts'

const PAGE = `
\`\`\`ts
import { withPoolPolicy } from '@poolkeeper/knex'
export const config = withPoolPolicy({ client: 'pg' }, { keepAlive: 1 })
\`\`\`
\`\`\`js
import { PoolkeeperError } from '@poolkeeper/core'
throw new PoolkeeperError('DRAINING', process.env.MESSAGE ?? '')
\`\`\`
\`\`\`js-cjs
const { withPoolPolicy } = require('@poolkeeper/knex')
console.log(typeof withPoolPolicy)
\`\`\`
\`\`\`ts
setInterval(() => {}, 1_000)
\`\`\`
`
const blocks = codeBlocksOf('page.md', PAGE)
const [wrong, failing, commonJs, endless] = blocks as [CodeBlock, CodeBlock, CodeBlock, CodeBlock]

let folder: ExamplesFolder

beforeAll(() => {
  folder = new ExamplesFolder(blocks, { timeLimitMillis: 2_000 })
})

afterAll(() => folder.remove())

test('what does not compile is told with the line of the page', () => {
  const complaint = /^page\.md:4: .*'keepAlive' does not exist in type 'PoolPolicyOptions'/
  expect(folder.complaints(wrong)).toEqual([expect.stringMatching(complaint)])
})

test('what compiles is not complained about, CommonJS neither', () => {
  expect([failing, commonJs, endless].flatMap((block) => folder.complaints(block))).toEqual([])
})

test('a program that fails is told with what it said', async () => {
  const run = folder.run(failing, { MESSAGE: 'out of order' })
  await expect(run).rejects.toThrow(/^page\.md:6 failed \(1\): [^]*out of order/)
})

test('a program that ends well gives what it said', async () => {
  expect(await folder.run(commonJs, {})).toBe('function\n')
})

test('a program that does not end by itself is ended', async () => {
  await expect(folder.run(endless, {})).rejects.toThrow('page.md:14 did not end')
})
