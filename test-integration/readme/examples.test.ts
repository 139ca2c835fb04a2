import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requireServer } from '../harness/require-server.ts'
import { type CodeBlock, codeBlocksOf } from './code-blocks.ts'
import { ExamplesFolder } from './examples-folder.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function pages(): string[] {
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`)
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`)
  const examples = readdirSync(join(ROOT, 'examples')).map((name) => `examples/${name}/README.md`)
  return ['README.md', 'simulator/README.md', ...packages, ...examples, ...docs].filter((page) => existsSync(join(ROOT, page)))
}

const blocks = pages().flatMap((page) => codeBlocksOf(page, readFileSync(join(ROOT, page), 'utf8')))
const postgres = requireServer('postgres')
const mariadb = requireServer('mariadb')
const redis = requireServer('redis')

let folder: ExamplesFolder

beforeAll(() => {
  folder = new ExamplesFolder(blocks, { timeLimitMillis: 20_000 })
})

afterAll(() => folder.remove())

describe('every example', () => {
  test.for(blocks)('of $place compiles under strict TypeScript', (block) => {
    expect(folder.complaints(block)).toEqual([])
  })
})

/** What an example finds as `DATABASE_URL`, or as `REDIS_URL`: what its page is about. */
const isAboutMysql = ({ page }: CodeBlock): boolean => page.startsWith('packages/mysql2/')
const isAboutRedis = ({ page }: CodeBlock): boolean => page.startsWith('packages/ioredis/') || page.startsWith('examples/redis-jobs/')
const isAboutPostgres = (block: CodeBlock): boolean => !isAboutMysql(block) && !isAboutRedis(block)
const [onMariadb, onRedis, onPostgres] = [isAboutMysql, isAboutRedis, isAboutPostgres].map((belongs) =>
  blocks.filter((block) => block.runs && belongs(block)),
)

async function runs(block: CodeBlock, url: string): Promise<void> {
  const output = await folder.run(block, isAboutRedis(block) ? { REDIS_URL: url } : { DATABASE_URL: url })
  for (const text of block.shows) expect(output).toContain(text)
}

postgres.describe('every example that is not marked no-run', () => {
  test.for(onPostgres ?? [])('of $place says what it shows, and ends by itself', (block) => runs(block, postgres.url))
})

mariadb.describe('every example of a MySQL host that is not marked no-run', () => {
  test.for(onMariadb ?? [])('of $place says what it shows, and ends by itself', (block) => runs(block, mariadb.url))
})

redis.describe('every example of a Redis host that is not marked no-run', () => {
  test.for(onRedis ?? [])('of $place says what it shows, and ends by itself', (block) => runs(block, redis.url))
})
