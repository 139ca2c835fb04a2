// Tries core on its reference model for a million steps, from another seed each time: MODEL_SEED and MODEL_STEPS say
// otherwise. What a failure prints, given back here, shows the same failure again.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { MODEL_SEED = String(Date.now() % 2 ** 31), MODEL_STEPS = '1000000' } = process.env
const env = { ...process.env, MODEL_SEED, MODEL_STEPS }
console.log(`MODEL_SEED=${MODEL_SEED} MODEL_STEPS=${MODEL_STEPS}`)
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const args = ['run', '--project', 'unit', 'packages/core/src/lending/model.test.ts']
process.exitCode = spawnSync(process.execPath, [vitest, ...args], { cwd: root, env, stdio: 'inherit' }).status ?? 1
