// The options of a policy: what their comments say, held against what the code does.
import { isDeepStrictEqual } from 'node:util'
import { FIELDS } from '../../packages/core/src/policy/fields.ts'
import { DEFAULTS } from '../../packages/core/src/policy/values.ts'
import { code, firstSentence, table, tagOf } from './markdown.mjs'
import { Disagreement, oneLine } from './sources.mjs'

/** The paragraph of a comment that says what is taken: "An integer from 1 to 10.", "`'this'`, or `false`." */
const boundsParagraph = /^An? (?=integer|text|ratio)|^(?=(`[^`]+`,? ?(or )?)+\.)/

/** "of at least 10", "from 0 to 0.5", "of 1 to 200 characters", "from 0 to `max`". */
const rangeInWords = /(?:at least|from|of) (\d[\d_.]*\b)(?: to (\d[\d_.]*\b))?/

/** Every option, in the order of the code; throws when its comment lacks something or contradicts the code. */
export function readOptions(sources) {
  const members = sources.members(sources.declaration('PoolPolicyOptions'), { inherited: true })
  const byName = new Map(members.map((member) => [member.name, member]))
  const options = Object.keys(FIELDS).map((name) => toOption(byName.get(name)))
  const parts = options.flatMap((option) => partsOf(sources, option))
  const problems = [
    ...options.flatMap((option) => contradictions(option).map((text) => `\`${option.name}\`: ${text}`)),
    ...parts.flatMap(({ path, bounds, check }) => boundContradictions(check, bounds).map((text) => `\`${path}\`: ${text}`)),
  ]
  if (problems.length > 0) throw new Disagreement(problems.join('\n'))
  return options
}

function toOption({ name, node, type, doc }) {
  // What is no range may go without: its type says it, and the code's own words are good enough.
  const bounds = oneLine(doc.paragraphs.find((paragraph) => boundsParagraph.test(paragraph)) ?? boundInCode(name))
  const byDefault = oneLine(tagOf(doc, 'defaultValue') ?? '')
  return { name, node, type, doc, bounds, byDefault, effect: firstSentence(doc) }
}

/** Of an option that is an object: what its parts say, each with its own check. */
function partsOf(sources, { name, type }) {
  if (!boundInCode(name).startsWith('an object')) return []
  return sources.members(sources.declaration(type)).map((part) => ({
    path: `${name}.${part.name}`,
    bounds: oneLine(part.doc.paragraphs.find((paragraph) => boundsParagraph.test(paragraph)) ?? ''),
    check: (value) => FIELDS[name](name, { [part.name]: value }),
  }))
}

/** The bound in the words of the error message, from the code itself. */
export function boundInCode(name) {
  return boundOf(checkOf(name))
}

function checkOf(name) {
  return (value) => FIELDS[name](name, value)
}

function boundOf(check) {
  try {
    check(Symbol('nothing that any option takes'))
  } catch (error) {
    return error.invalid.bound.replaceAll(/\B(?=(\d{3})+(?!\d))/g, '_')
  }
  throw new Error('an option takes anything')
}

function takes(check, value) {
  try {
    check(value)
    return true
  } catch {
    return false
  }
}

function contradictions({ name, type, bounds, byDefault, effect }) {
  const isWrongAboutFalse = (text) => /\b(?:false|boolean)\b/.test(text) !== takes(checkOf(name), false)
  return [
    ...(effect === '' ? ['has no comment'] : []),
    ...[bounds, type].filter(isWrongAboutFalse).map((text) => `says "${text}", but that is not so for false`),
    ...wordsOf(boundInCode(name))
      .filter((word) => !bounds.includes(word))
      .map((word) => `does not say that it takes ${word}`),
    ...boundContradictions(checkOf(name), bounds),
    ...defaultContradictions(name, byDefault),
  ]
}

function wordsOf(bound) {
  return bound.match(/'[^']+'/g) ?? []
}

/** Tries the ends of the range, and what lies just outside. */
function boundContradictions(check, bounds) {
  if (!rangeInWords.test(boundOf(check))) return []
  const range = boundsParagraph.test(bounds) ? rangeInWords.exec(bounds) : null
  if (range === null) return [`has no sentence of bounds ("An integer from 0 to 10."): ${bounds}`]
  const least = toNumber(range[1])
  const most = range[2] === undefined ? Number.NaN : toNumber(range[2])
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
    .filter(([value, isTaken]) => takes(check, value) !== isTaken)
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
  const isTrue = isDeepStrictEqual(valueOf(literal), DEFAULTS[name])
  return isTrue ? [] : [`says ${byDefault}, but the default is ${DEFAULTS[name]}`]
}

function valueOf(literal) {
  if (literal === undefined) return undefined
  if (literal === 'false') return false
  if (literal.startsWith('{')) return JSON.parse(literal.replaceAll(/(\w+):/g, '"$1":').replaceAll(/(?<=\d)_(?=\d)/g, ''))
  return literal.startsWith("'") ? literal.slice(1, -1) : toNumber(literal)
}

/** One row for each option; `address` is where the page of the policy is. */
export function optionsTable(options, address = '') {
  const rows = options.map(({ name, bounds, byDefault, effect }) => [
    `[${code(name)}](${address}#${name.toLowerCase()})`,
    bounds.replace(boundsParagraph, '').replace(/[;.](?= |$).*/, ''),
    // The value with its remarks, or the first words.
    byDefault.replace(/\.(?= [A-Z]|$).*/, '').replace(/^([^`(]+?):.*/, '$1'),
    effect,
  ])
  return table(['option', 'type and bounds', 'default', 'what it does'], rows)
}
