import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { CodeBlock } from './code-blocks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/**
 * What an application's own tsconfig would say. Not `exactOptionalPropertyTypes`: hosts' own types
 * refuse `connection: process.env.DATABASE_URL` under it.
 */
const COMPILER_OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
  strict: true,
  noUncheckedIndexedAccess: true,
  allowJs: true,
  checkJs: true,
  // The workspace's packages are their sources, which name each other so.
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
}

/** An application's folder, in which each block is a file, with the packages and the tools of this repository. */
export class ExamplesFolder {
  readonly #home: string
  readonly #path: string
  readonly #program: ts.Program
  readonly #timeLimitMillis: number

  constructor(blocks: readonly CodeBlock[], { timeLimitMillis }: { readonly timeLimitMillis: number }) {
    this.#timeLimitMillis = timeLimitMillis
    this.#home = mkdtempSync(join(tmpdir(), 'poolkeeper-examples-'))
    this.#path = join(this.#home, 'app')
    mkdirSync(this.#path)
    symlinkSync(join(ROOT, 'node_modules'), join(this.#home, 'node_modules'))
    symlinkSync(join(ROOT, 'test-integration/node_modules'), join(this.#path, 'node_modules'))
    writeFileSync(join(this.#path, 'package.json'), JSON.stringify({ name: 'examples', private: true, type: 'module' }))
    for (const { file, text } of blocks) writeFileSync(join(this.#path, file), text)
    this.#program = ts.createProgram(blocks.map(({ file }) => join(this.#path, file)), COMPILER_OPTIONS)
  }

  remove(): void {
    rmSync(this.#home, { recursive: true, force: true })
  }

  /** What the compiler has against a block, with the lines of the page. */
  complaints({ page, file, pageLine }: CodeBlock): string[] {
    const program = this.#program
    const source = program.getSourceFile(join(this.#path, file))
    return [
      ...program.getOptionsDiagnostics(),
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(({ file: where, start = 0, messageText }) => {
      const line = where === undefined ? 0 : where.getLineAndCharacterOfPosition(start).line + 1
      return `${page}:${pageLine(line)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    })
  }

  /** What the program says; rejects when it fails, or has not ended in time. */
  run({ place, file }: CodeBlock, variables: Readonly<Record<string, string>>): Promise<string> {
    const options = {
      cwd: this.#path,
      env: { ...process.env, NODE_OPTIONS: '', ...variables },
      timeout: this.#timeLimitMillis,
      killSignal: 'SIGKILL',
    } as const
    return new Promise((resolve, reject) => {
      execFile(process.execPath, ['--import', TSX, file], options, (error, stdout, stderr) => {
        const output = stdout + stderr
        if (error === null) resolve(output)
        else reject(new Error(`${place} ${error.killed ? 'did not end' : `failed (${error.code})`}: ${output}`))
      })
    })
  }
}
