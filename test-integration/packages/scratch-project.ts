import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PUBLISHED = ['core', 'drivers', 'pg', 'mysql2', 'postgres-js', 'generic-pool', 'knex', 'drizzle', 'ioredis', 'prometheus', 'opentelemetry', 'dashboard']

/** Versions that a user would install beside ours. */
const BESIDE = ['knex@3.3.0', 'drizzle-orm@0.45.4', 'pg@8.23.1', 'mysql2@3.24.5', 'postgres@3.4.9', 'generic-pool@3.9.0', 'ioredis@6.0.0', 'prom-client@15.1.3', '@opentelemetry/api@1.9.1', '@opentelemetry/sdk-metrics@2.12.1', 'typescript@6.0.3', '@types/node@20', '@types/pg@8.23.1']

const nameOf = (spec: string): string => spec.slice(0, spec.lastIndexOf('@'))

/** A project as a stranger has it: the packed tarballs installed by npm, and nothing of this repository. */
export class ScratchProject {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** `instead` are other versions than the usual ones of what is installed beside. */
  static async create(folder: string, ...instead: string[]): Promise<ScratchProject> {
    const tarballs = join(folder, 'tarballs')
    await mkdir(tarballs, { recursive: true })
    const pnpm = join(ROOT, 'node_modules/.bin/pnpm')
    for (const name of PUBLISHED) {
      await run(pnpm, ['pack', '--pack-destination', tarballs], { cwd: join(ROOT, 'packages', name) })
    }
    const files = (await readdir(tarballs)).map((file) => join(tarballs, file))
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'scratch', private: true }))
    const beside = [...BESIDE.filter((one) => !instead.some((other) => nameOf(one) === nameOf(other))), ...instead]
    await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...files, ...beside], { cwd: folder })
    return new ScratchProject(folder)
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.folder, file), text)
  }

  /** What the program prints; rejects when it fails. */
  async node(variables: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
    const { stdout, stderr } = await run(process.execPath, ['--unhandled-rejections=strict', ...args], {
      cwd: this.folder,
      env: { ...process.env, NODE_OPTIONS: '', ...variables },
    })
    return stdout + stderr
  }

  /** Compiles under the strictest flags; rejects with the compiler's complaints. */
  async tsc(...args: string[]): Promise<void> {
    try {
      await run(join(this.folder, 'node_modules/.bin/tsc'), args, { cwd: this.folder })
    } catch (error) {
      throw new Error((error as { stdout?: string }).stdout ?? String(error), { cause: error })
    }
  }
}
