import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { checkPolicyOptions, isPoolkeeperError, type PoolPolicyOptions } from '@poolkeeper/core'
import { inMemory } from './histories.ts'

/** What is wrong with a file, and with which of its fields. */
export class PolicyFileError extends Error {}

/** @throws PolicyFileError */
export function readPolicy(path: string): PoolPolicyOptions {
  const policy = withHistory(parsed(path), dirname(path))
  try {
    checkPolicyOptions(policy)
    return policy
  } catch (error) {
    if (!isPoolkeeperError(error)) throw error
    throw new PolicyFileError(`${path}: ${error.message}`, { cause: error })
  }
}

/**
 * JSON has no stores: a history is the path of its document there, from the policy's own folder, and what is learnt
 * in a replay is not written to it. Without one, the pool begins cold.
 */
function withHistory(policy: PoolPolicyOptions, folder: string): PoolPolicyOptions {
  const { sizing } = policy
  if (typeof sizing !== 'object' || sizing === null || !('predictive' in sizing)) return policy
  const { history: path, ...rest } = sizing.predictive as { readonly history?: unknown }
  const document = typeof path === 'string' ? read(resolve(folder, path)) : undefined
  return { ...policy, sizing: { predictive: { ...rest, history: inMemory(document) } } }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new PolicyFileError(`${path} cannot be read: ${textOf(error)}`, { cause: error })
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function parsed(path: string): PoolPolicyOptions {
  const text = read(path)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PolicyFileError(`${path} is no JSON: ${textOf(error)}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new PolicyFileError(`${path}: a policy is an object`)
  return value
}

/** The field of a policy that goes by the clock, if any. */
export function clockedField({ sizing }: PoolPolicyOptions): string | undefined {
  if (typeof sizing !== 'object') return undefined
  return (['schedule', 'predictive'] as const).find((name) => name in sizing)
}
