import { inspect } from 'node:util'
import { LONGEST_TIMER_MILLIS } from '../clock.ts'
import { PoolkeeperError } from '../errors.ts'

/** Checks one value; throws `INVALID_POLICY` that names the option, the bound and the value. */
export type FieldCheck = (option: string, value: unknown) => void

interface Range {
  readonly min: number
  readonly max: number
}

export function integer({ min, max }: Range): FieldCheck {
  return (option, value) => {
    if (!Number.isSafeInteger(value) || !within(value as number, { min, max })) {
      throw invalidPolicy(option, `an integer from ${min} to ${max}`, value)
    }
  }
}

export function millis(min: number): FieldCheck {
  return integer({ min, max: LONGEST_TIMER_MILLIS })
}

export function ratio({ min, max }: Range): FieldCheck {
  return (option, value) => {
    if (!Number.isFinite(value) || !within(value as number, { min, max })) {
      throw invalidPolicy(option, `a number from ${min} to ${max}`, value)
    }
  }
}

export function text(longest: number): FieldCheck {
  return (option, value) => {
    if (typeof value !== 'string' || value.trim() === '' || value.length > longest) {
      throw invalidPolicy(option, `a text of 1 to ${longest} characters`, value)
    }
  }
}

export const callback: FieldCheck = (option, value) => {
  if (typeof value !== 'function') throw invalidPolicy(option, 'a function', value)
}

/** Whoever gives a value in place of the function may have given a secret: it is not repeated. */
export const secretCallback: FieldCheck = (option, value) => {
  if (typeof value !== 'function') throw refusedOption(option, 'a function', `a value of type ${typeof value}`)
}

export function oneOf(...values: readonly unknown[]): FieldCheck {
  return (option, value) => {
    if (!values.includes(value)) throw invalidPolicy(option, values.map((each) => inspect(each)).join(' or '), value)
  }
}

/** An object of options of its own, each of which may be left out. */
export function record(fields: Readonly<Record<string, FieldCheck>>): FieldCheck {
  const known = Object.keys(fields)
  return (option, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalidPolicy(option, `an object with ${known.join(' and ')}`, value)
    }
    for (const [name, given] of Object.entries(value)) {
      const check = Object.hasOwn(fields, name) ? fields[name] : undefined
      if (check === undefined) throw invalidPolicy(`${option}.${name}`, `one of ${known.join(' and ')}`, given)
      if (given !== undefined) check(`${option}.${name}`, given)
    }
  }
}

export function orFalse(check: FieldCheck): FieldCheck {
  return (option, value) => {
    if (value === false) return
    try {
      check(option, value)
    } catch (error) {
      const { bound } = (error as PoolkeeperError).invalid ?? { bound: '' }
      throw invalidPolicy(option, `${bound}, or false`, value)
    }
  }
}

function within(value: number, { min, max }: Range): boolean {
  return value >= min && value <= max
}

export function invalidPolicy(option: string, bound: string, value: unknown): PoolkeeperError {
  return refusedOption(option, bound, inspect(value, { depth: 0, maxStringLength: 80, breakLength: Infinity }), value)
}

export function refusedOption(option: string, bound: string, shown: string, value: unknown = shown): PoolkeeperError {
  return new PoolkeeperError('INVALID_POLICY', `\`${option}\` must be ${bound}, got ${shown}`, {
    invalid: { option, bound, value },
  })
}
