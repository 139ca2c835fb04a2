import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const source = 'packages/*/src/**/*.ts'
const tests = '**/*.{test,test-d}.ts'
const programs = ['test-integration/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'demo/**/*.ts', 'report/**/*.ts', 'simulator/**/*.ts']
const unsafe = Object.keys(tseslint.plugin.rules).filter((name) => name.startsWith('no-unsafe-'))

export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', '**/coverage/', '**/generated/'] },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        URL: 'readonly',
        clearInterval: 'readonly',
        clearTimeout: 'readonly',
        console: 'readonly',
        fetch: 'readonly',
        module: 'writable',
        performance: 'readonly',
        process: 'readonly',
        require: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        setTimeout: 'readonly',
        structuredClone: 'readonly',
      },
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './packages/dashboard/src/page/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // A function may promise without awaiting: ports and fakes keep one shape, whatever they do inside.
      '@typescript-eslint/require-await': 'off',
      // Adapters keep a host's own methods to call them later and to put them back; that is their trade.
      '@typescript-eslint/unbound-method': 'off',
      // The compiler knows the names of types and globals better.
      'no-undef': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // What a browser runs: the compiler checks it, by its comments, and knows a browser's globals.
    files: ['packages/*/src/page/*.js'],
    rules: { 'no-undef': 'off' },
  },
  {
    files: [source],
    linterOptions: { noInlineConfig: true },
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export by name: one name for one thing, everywhere.' },
        {
          selector: 'ExportSpecifier[exported.name="default"]',
          message: 'Export by name: one name for one thing, everywhere.',
        },
      ],
    },
  },
  {
    files: [source],
    ignores: [tests],
    rules: {
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
    },
  },
  {
    // Tests, benchmarks and demos read rows and internals of hosts that are typed `any`.
    files: [tests, ...programs],
    rules: Object.fromEntries(unsafe.map((name) => [`@typescript-eslint/${name}`, 'off'])),
  },
)
