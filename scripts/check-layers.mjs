// The direction of dependency, checked in the sources and in each package.json, and a few promises that every
// published package keeps. A new package needs one row in the table.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const scope = '@poolkeeper/'

const ports = ['pg', 'mysql2', 'postgres-js', 'generic-pool']
const belowPorts = ['core', 'drivers']
const belowAdapters = [...belowPorts, ...ports]

/**
 * `uses`: the packages that its sources may import. `tests`: those that its tests may import as well.
 * `bare`: it has no third-party dependency, not even a peer, but those that are `spared`.
 */
const layers = {
  core: { uses: [], tests: [], bare: true, spared: ['croner'] },
  drivers: { uses: ['core'], tests: ['conformance'], bare: true },
  ...rows(ports, { uses: belowPorts, tests: ['conformance'] }),
  ...rows(['knex', 'drizzle', 'ioredis'], { uses: belowAdapters, tests: ['conformance'] }),
  ...rows(['opentelemetry', 'prometheus', 'dashboard', 'conformance'], { uses: ['core'], tests: [] }),
}

function rows(names, row) {
  return Object.fromEntries(names.map((name) => [name, row]))
}

const suppression = /eslint-disable|@ts-(ignore|nocheck|expect-error)/
const problems = []

for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name)
  if (!existsSync(join(folder, 'package.json'))) continue
  const layer = layers[name]
  if (layer === undefined) {
    problems.push(`packages/${name}: has no row in scripts/check-layers.mjs`)
    continue
  }
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  checkManifest({ name, folder, layer, manifest })
  for (const file of sourcesOf(join(folder, 'src'))) checkSource({ name, folder, layer, manifest, file })
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

function checkManifest({ name, folder, layer, manifest }) {
  const report = (text) => problems.push(`packages/${name}/package.json: ${text}`)
  const { dependencies = {}, peerDependencies = {}, optionalDependencies = {}, devDependencies = {} } = manifest
  const shipped = { ...dependencies, ...peerDependencies, ...optionalDependencies }

  if (manifest.name !== scope + name) report(`is named ${manifest.name}, not ${scope}${name}`)
  for (const dependency of Object.keys(shipped)) {
    if (dependency.startsWith(scope)) {
      if (!layer.uses.includes(dependency.slice(scope.length))) report(`may not depend on ${dependency}`)
      // As a peer, every minor of core would be a major of its dependents.
      if (dependencies[dependency] !== 'workspace:^') report(`${dependency} must be a plain dependency, workspace:^`)
    } else if (layer.bare && !layer.spared?.includes(dependency)) {
      report(`${name} has no third-party dependencies, but names ${dependency}`)
    }
  }
  for (const dependency of Object.keys(devDependencies)) {
    if (!dependency.startsWith(scope)) continue
    if (![...layer.uses, ...layer.tests].includes(dependency.slice(scope.length))) report(`may not use ${dependency}`)
  }
  if (manifest.private !== true) checkPublished(folder, manifest, report)
}

function checkPublished(folder, manifest, report) {
  const published = manifest.publishConfig ?? {}
  const inWorkspace = Object.keys(manifest.exports ?? {})
    .sort()
    .join(' ')
  const onRegistry = Object.keys(published.exports ?? {})
    .sort()
    .join(' ')
  if (inWorkspace !== onRegistry) report(`exports (${inWorkspace}) differ from publishConfig.exports (${onRegistry})`)
  if (published.access !== 'public' || published.provenance !== true)
    report('publishConfig: access public, provenance true')
  if (manifest.sideEffects !== false) report('sideEffects must be false')
  if (manifest.license !== 'MIT' || !existsSync(join(folder, 'LICENSE'))) report('needs license MIT and a LICENSE file')
  if (manifest.engines?.node !== '>=20.19') report('engines.node must be >=20.19')
  if (manifest.repository?.directory !== relative(root, folder)) report('repository.directory must be its own folder')
}

function sourcesOf(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?tsx?$/.test(path))
    .map((path) => join(folder, path))
}

function checkSource({ name, folder, layer, manifest, file }) {
  const text = readFileSync(file, 'utf8')
  const isTypeTest = /\.test-d\.ts$/.test(file)
  const isTest = isTypeTest || /\.test\.ts$/.test(file)
  const report = (position, message) => {
    const line = text.slice(0, position).split('\n').length
    problems.push(`${relative(root, file)}:${line}: ${message}`)
  }

  const suppressed = suppression.exec(text)
  if (suppressed && !(isTypeTest && suppressed[0] === '@ts-expect-error')) {
    report(suppressed.index, `${suppressed[0]}: repair the cause; suppressions belong to type tests alone`)
  }

  for (const { fileName: imported, pos } of ts.preProcessFile(text, true, true).importedFiles) {
    const objection = imported.startsWith('.')
      ? objectToRelative(imported, file, folder)
      : objectToPackage(imported, { name, layer, manifest, isTest })
    if (objection) report(pos, objection)
  }
}

function objectToRelative(imported, file, folder) {
  const target = relative(join(folder, 'src'), resolve(dirname(file), imported))
  return target.startsWith('..') ? `${imported} leaves the package's src` : undefined
}

function objectToPackage(imported, { name, layer, manifest, isTest }) {
  if (imported.startsWith('node:')) return undefined
  const [first, second, ...path] = imported.split('/')
  const dependency = first.startsWith('@') ? `${first}/${second}` : first
  const subpath = first.startsWith('@') ? path.join('/') : [second, ...path].join('/')

  if (first === scope.slice(0, -1)) {
    const allowed = isTest ? [...layer.uses, ...layer.tests] : layer.uses
    if (!allowed.includes(second)) return `${name} may not import ${dependency}`
    if (subpath === 'testing' && !isTest && name !== 'conformance') return `${imported} is for tests`
  } else if (layer.bare && !isTest && !layer.spared?.includes(dependency)) return `${name} imports nothing but node: and its own layers, not ${dependency}`

  const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  const known = isTest ? { ...rootTools(), ...manifest.devDependencies, ...declared } : declared
  return dependency in known ? undefined : `${dependency} is not declared in package.json`
}

function rootTools() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies
}
