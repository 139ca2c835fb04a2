// The options of a policy: what their comments say, held against what the code does.
import { isDeepStrictEqual } from 'node:util'
import { FIELDS } from '../../packages/core/src/policy/fields.ts'
import { DEFAULTS } from '../../packages/core/src/policy/values.ts'
import { code, firstSentence, table, tagOf } from './markdown.mjs'
import { Disagreement, oneLine } from './sources.mjs'

const boundsParagraph = /^An? (integer|text|ratio) /

/** "of at least 10", "from 0 to 0.5", "of 1 to 200 characters", "from 0 to `max`". */
const rangeInWords = /(?:at least|from|of) (\d[\d_.]*\b)(?: to (\d[\d_.]*\b))?/

/** Every option, in the order of the code; throws when its comment lacks something or contradicts the code. */
export function readOptions(sources) {
  const members = sources.members(sources.declaration('PoolPolicyOptions'), { inherited: true })
  const byName = new Map(members.map((member) => [member.name, member]))
  const options = Object.keys(FIELDS).map((name) => toOption(byName.get(name)))
  const problems = options.flatMap((option) => contradictions(option).map((text) => `\`${option.name}\`: ${text}`))
  if (problems.length > 0) throw new Disagreement(problems.join('\n'))
  return options
}

function toOption({ name, type, doc }) {
  const bounds = oneLine(doc.paragraphs.find((paragraph) => boundsParagraph.test(paragraph)) ?? '')
  return { name, type, doc, bounds, byDefault: oneLine(tagOf(doc, 'defaultValue') ?? ''), effect: firstSentence(doc) }
}

/** The bound in the words of the error message, from the code itself. */
export function boundInCode(name) {
  try {
    FIELDS[name](name, Symbol('nothing that any option takes'))
  } catch (error) {
    return error.invalid.bound.replaceAll(/\d+/g, grouped)
  }
  throw new Error(`\`${name}\` takes anything`)
}

function grouped(digits) {
  return digits.replaceAll(/\B(?=(\d{3})+$)/g, '_')
}

function takes(name, value) {
  try {
    FIELDS[name](name, value)
    return true
  } catch {
    return false
  }
}

function contradictions({ name, type, bounds, byDefault, effect }) {
  const isWrongAboutFalse = (text) => /\bfalse\b/.test(text) !== takes(name, false)
  return [
    ...(effect === '' ? ['has no comment'] : []),
    ...[bounds, type].filter(isWrongAboutFalse).map((text) => `says "${text}", but that is not so for false`),
    ...boundContradictions(name, bounds),
    ...defaultContradictions(name, byDefault),
  ]
}

/** Tries the ends of the range, and what lies just outside. */
function boundContradictions(name, bounds) {
  const range = rangeInWords.exec(bounds)
  if (range === null) return [`has no sentence of bounds ("An integer from 0 to 10."): ${bounds}`]
  const least = toNumber(range[1])
  const most = toNumber(range[2] ?? 'no number')
  const isText = bounds.startsWith('A text')
  const step = bounds.startsWith('A ratio') ? 0.001 : 1
  const sample = (size) => (isText ? 'x'.repeat(size) : size)
  const expected = [
    [least, true],
    [least - step, false],
    [most, true],
    [most + step, false],
  ]
  return expected
    .filter(([size]) => !Number.isNaN(size))
    .map(([size, isTaken]) => [sample(size), isTaken])
    .filter(([value, isTaken]) => takes(name, value) !== isTaken)
    .map(([value, isTaken]) => `says "${bounds}", but ${shown(value)} is ${isTaken ? 'refused' : 'taken'}`)
}

function shown(value) {
  return typeof value === 'string' ? `a text of ${value.length}` : String(value)
}

function toNumber(text) {
  return Number(text.replaceAll('_', ''))
}

/** A default of ours begins with its value; one of the host's, or of the wire's, with words. */
function defaultContradictions(name, byDefault) {
  if (byDefault === '') return ['has no @defaultValue']
  const literal = /^`([^`]+)`/.exec(byDefault)?.[1]
  const told = literal === undefined ? undefined : literal === 'false' ? false : toNumber(literal)
  return isDeepStrictEqual(told, DEFAULTS[name]) ? [] : [`says ${byDefault}, but the default is ${DEFAULTS[name]}`]
}

/** One row for each option; `address` is where the page of the policy is. */
export function optionsTable(options, address = '') {
  const rows = options.map(({ name, bounds, byDefault, effect }) => [
    `[${code(name)}](${address}#${name.toLowerCase()})`,
    bounds.replace(boundsParagraph, '$1 ').replace(/[;.](?= |$).*/, ''),
    byDefault.replace(/\.(?= [A-Z]|$).*/, ''),
    effect,
  ])
  return table(['option', 'type and bounds', 'default', 'what it does'], rows)
}
