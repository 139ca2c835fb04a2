// Writes docs/reference, and the marked parts of packages' READMEs, from the comments in packages/core/src.
// With --check it writes nothing, and fails when a file is not what it would write.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { optionsTable, readOptions } from './docs/options.mjs'
import { referencePages } from './docs/pages.mjs'
import { Disagreement, Sources } from './docs/sources.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const onlyCheck = process.argv.includes('--check')
/** Packages whose README shows all options. */
const ADAPTERS = ['knex', 'pg', 'mysql2', 'generic-pool']
/** A README is read on npm as well, where a relative link leads nowhere. */
const published = 'https://github.com/poolkeeper/poolkeeper/blob/main/'

try {
  for (const [file, write] of Object.entries(filesFrom(new Sources(root)))) bringUpToDate(file, write)
} catch (error) {
  if (!(error instanceof Disagreement)) throw error
  console.error(error.message)
  process.exitCode = 1
}

/** What each file should be, as a function of what it is now. */
function filesFrom(sources) {
  const options = readOptions(sources)
  const withOptions = (text, file) =>
    withPart(text, file, 'options', optionsTable(options, `${published}docs/reference/policy.md`))
  const reference = Object.entries(referencePages(sources, options))
  return {
    ...Object.fromEntries(reference.map(([name, page]) => [`docs/reference/${name}`, () => page])),
    ...Object.fromEntries(ADAPTERS.map((name) => [`packages/${name}/README.md`, withOptions])),
  }
}

function bringUpToDate(file, write) {
  const path = join(root, file)
  const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const after = write(before, file)
  if (after === before) return
  if (onlyCheck) {
    console.error(`${file} is not current: npm run docs`)
    process.exitCode = 1
  } else {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, after)
    console.log(`${file} written`)
  }
}

/** Replaces what stands between <!-- name --> and <!-- /name -->. */
function withPart(text, file, name, part) {
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest, ...more] = text.split(start)
  const [old, after] = rest?.split(end) ?? []
  if (old === undefined || after === undefined || more.length > 0) {
    throw new Disagreement(`${file} needs one pair of ${start} and ${end}`)
  }
  return `${before}${start}\n\n${part}\n\n${end}${after}`
}
