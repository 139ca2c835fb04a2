// The pages of docs/reference, each from the sources alone.
import { CLOSE_REASONS } from '../../packages/core/src/close-reason.ts'
import { channelName, EVENT_TYPES } from '../../packages/core/src/events.ts'
import { NOT_BUILT_YET } from '../../packages/core/src/policy/fields.ts'
import { code, fieldTable, page, prose, table, typeLink } from './markdown.mjs'
import { boundInCode, optionsTable } from './options.mjs'
import { Disagreement, oneLine } from './sources.mjs'

const closeReasonsAt = 'stats.md#close-reasons'
const countsAt = 'stats.md#poolcounts'
const hasGaps = NOT_BUILT_YET.length > 0

const settled = `A value comes from the policy, else from what was set on the host, else from the default here;
\`keeper.policy\` shows each value, and \`keeper.policy.sources\` where it came from. Contradictions are refused between
values that were given; defaults adapt to them.

An unknown name, a wrong type and a value out of bounds are refused with \`INVALID_POLICY\`, which names the option, the
bound and the value.`

export function policyPage(sources, options) {
  return page(
    '# Policy options',
    prose(sources.docOf(sources.declaration('PoolPolicyOptions'))),
    settled,
    optionsTable(options),
    ...options.flatMap(({ name, type, doc }) => [
      `## ${code(name)}`,
      `${code(`${name}?: ${type}`)}`,
      prose(doc),
      `**Checked as:** ${boundInCode(name)}.`,
    ]),
    hasGaps && '## Not in this version',
    hasGaps && `Refused by name until they exist: ${NOT_BUILT_YET.map(code).join(', ')}.`,
  )
}

export function eventsPage(sources) {
  const targets = { CloseReason: closeReasonsAt, DrainReport: 'keeper.md#drainreport' }
  const events = sources.members(sources.declaration('Facts', 'events.ts')).map((member) => ({
    ...member,
    fields: sources.members(member.typeNode),
  }))
  requireSame('EVENT_TYPES', EVENT_TYPES, events)
  const common = sources.declaration('EventOf').type.types.find((part) => part.members !== undefined)
  const rows = events.map(({ name, doc, fields }) => [
    code(name),
    oneLine(prose(doc)),
    fields.map((field) => typeLink(`${field.name}: ${field.type}`, targets)).join('<br>'),
    code(channelName(name)),
  ])
  return page(
    '# Events',
    prose(sources.docOf(sources.declaration('PoolEvent'))),
    methodOf(sources, 'subscribe'),
    `Each is also published on a ${code('node:diagnostics_channel')} of its own, named in the table below.`,
    '## In every event',
    fieldTable(sources.members(common).map((field) => (field.name === 'type' ? { ...field, type: 'string' } : field))),
    '## By type',
    table(['type', 'what happened', 'fields', 'channel'], rows),
    ...fieldMeanings(events),
  )
}

/** What a field means is said once, at the first event that has it. */
function fieldMeanings(events) {
  const meanings = new Map()
  for (const { name, doc } of events.flatMap(({ fields }) => fields)) {
    if (doc.paragraphs.length > 0 && !meanings.has(name)) meanings.set(name, oneLine(prose(doc)))
  }
  if (meanings.size === 0) return []
  const rows = [...meanings].map(([name, text]) => [code(name), text])
  return ['## Fields', table(['field', 'meaning'], rows)]
}

export function statsPage(sources) {
  const parts = ['PoolCounts', 'AcquireCounters', 'ValidationCounters', 'DurationSummary']
  const targets = { ...ownHeadings(parts), CloseReason: '#close-reasons' }
  const reasons = sources.words(sources.declaration('CLOSE_REASONS'))
  requireSame('CLOSE_REASONS', CLOSE_REASONS, reasons)
  return page(
    '# Statistics',
    methodOf(sources, 'stats'),
    `## ${code('PoolStats')}`,
    prose(sources.docOf(sources.declaration('PoolStats'))),
    `It has the fields of ${typeLink('PoolCounts', targets)}, and:`,
    fieldTable(sources.members(sources.declaration('PoolStats')), targets),
    ...interfaces(sources, parts.map((name) => sources.declaration(name)), targets),
    '## Close reasons',
    prose(sources.docOf(sources.declaration('CLOSE_REASONS').parent.parent)),
    hasGaps && 'A reason whose feature is [not in this version](policy.md#not-in-this-version) stays at 0.',
    table(['reason', 'meaning'], reasons.map(({ word, meaning }) => [code(word), meaning])),
  )
}

export function keeperPage(sources) {
  const keeper = sources.declaration('PoolKeeper')
  const members = sources.members(keeper)
  const parts = ['ReadyOptions', 'ResizeOptions', 'DrainOptions', 'DrainReport']
  const targets = { ...ownHeadings(parts), PoolStats: 'stats.md', PoolObserver: 'events.md', PoolPolicy: 'policy.md' }
  return page(
    `# ${code('PoolKeeper')}`,
    prose(sources.docOf(keeper)),
    fieldTable(members.filter(({ isMethod }) => !isMethod), targets),
    ...members
      .filter(({ isMethod }) => isMethod)
      .flatMap(({ name, signature, doc }) => [`## ${code(`${name}()`)}`, typeLink(signature, targets), prose(doc)]),
    ...interfaces(sources, parts.map((name) => sources.declaration(name, 'keeper.ts')), targets),
  )
}

export function errorsPage(sources) {
  const codes = sources.declaration('PoolkeeperErrorCode')
  const parts = ['InvalidOption']
  const targets = { ...ownHeadings(parts), PoolCounts: countsAt }
  return page(
    '# Errors',
    prose(sources.docOf(sources.declaration('PoolkeeperError'))),
    '## Codes',
    prose(sources.docOf(codes)),
    table(['code', 'meaning'], sources.words(codes).map(({ word, meaning }) => [code(word), meaning])),
    '## Details',
    'Besides `code` and `message`, an error has:',
    fieldTable(sources.members(sources.declaration('PoolkeeperErrorDetails')), targets),
    ...interfaces(sources, parts.map((name) => sources.declaration(name)), targets),
    ...['isPoolkeeperError', 'findPoolkeeperError'].flatMap((name) => [
      `## ${code(`${name}(error)`)}`,
      prose(sources.docOf(sources.declaration(name))),
    ]),
  )
}

function methodOf(sources, name) {
  const { signature, doc } = sources.members(sources.declaration('PoolKeeper')).find((member) => member.name === name)
  return `${code(`keeper.${signature}`)}: ${lowerFirst(prose(doc))}`
}

function lowerFirst(text) {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function interfaces(sources, declarations, targets) {
  return declarations.flatMap((declaration) => [
    `## ${code(declaration.name.text)}`,
    prose(sources.docOf(declaration)),
    fieldTable(sources.members(declaration), targets),
  ])
}

function ownHeadings(names) {
  return Object.fromEntries(names.map((name) => [name, `#${name.toLowerCase()}`]))
}

/** The list that the code works with, against the declarations that were read. */
function requireSame(name, list, declared) {
  const words = declared.map((each) => each.word ?? each.name)
  const difference = [...new Set([...list, ...words])].filter((word) => !list.includes(word) || !words.includes(word))
  if (difference.length > 0) throw new Disagreement(`${name} differs from its declarations in ${difference.join(', ')}`)
}
