import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { defineConfig, type UserConfig } from 'tsdown'

interface Manifest {
  private?: boolean
  exports?: Record<string, string>
}

/** The entries are the source files that the package exports in the workspace: `./testing` is `testing/index`. */
function entriesOf(manifest: Manifest): Record<string, string> {
  const sources = Object.values(manifest.exports ?? {}).filter((path) => path.startsWith('./src/'))
  return Object.fromEntries(sources.map((path) => [path.slice('./src/'.length, -'.ts'.length), path]))
}

/** What a browser gets lies beside what is built, as it lies beside the sources. */
function pageOf(cwd: string): { from: string; to: string }[] {
  return existsSync(`${cwd}/src/page`) ? [{ from: 'src/page/*.{html,css,js}', to: 'dist/page' }] : []
}

const published: UserConfig[] = readdirSync('packages')
  .map((name) => `packages/${name}`)
  .map((cwd) => ({ cwd, manifest: JSON.parse(readFileSync(`${cwd}/package.json`, 'utf8')) as Manifest }))
  .filter(({ manifest }) => manifest.private !== true)
  .map(({ cwd, manifest }) => ({
    cwd,
    entry: entriesOf(manifest),
    format: ['esm', 'cjs'],
    platform: 'node',
    target: 'node20.19',
    fixedExtension: false, // .js and .cjs, as publishConfig.exports says
    dts: true,
    copy: pageOf(cwd),
    checks: { legacyCjs: false }, // knexfiles and Jest still require()
    publint: { strict: true, level: 'suggestion' },
    attw: { profile: 'node16', level: 'error' },
    failOnWarn: true,
    logLevel: 'info',
  }))

const config: UserConfig[] = defineConfig(published)

export default config
