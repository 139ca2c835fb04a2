// The pages of docs/reference, each from the sources alone.
import { CLOSE_REASONS } from '../../packages/core/src/close-reason.ts'
import { channelName, EVENT_TYPES } from '../../packages/core/src/events.ts'
import { NOT_BUILT_YET } from '../../packages/core/src/policy/fields.ts'
import { code, page, prose, table } from './markdown.mjs'
import { boundInCode, optionsTable } from './options.mjs'
import { Disagreement, oneLine } from './sources.mjs'
import { Types } from './types.mjs'

const hasGaps = NOT_BUILT_YET.length > 0

const settled = `A value comes from the policy, else from what was set on the host, else from the default here;
\`keeper.policy\` shows each value, and \`keeper.policy.sources\` where it came from. Contradictions are refused between
values that were given; defaults adapt to them.

An unknown name, a wrong type and a value out of bounds are refused with \`INVALID_POLICY\`, which names the option, the
bound and the value.`

/** Each page by its name. */
export function referencePages(sources, options) {
  const types = new Types(sources, {
    // Where they are described otherwise than by a section of their own.
    CloseReason: 'stats.md#close-reasons',
    PoolEvent: 'events.md',
    PoolEventType: 'events.md#by-type',
    PoolObserver: 'events.md',
    PoolPolicy: 'policy.md',
    PoolPolicyOptions: 'policy.md',
    PoolkeeperError: 'errors.md',
    PoolkeeperErrorCode: 'errors.md#codes',
  })
  return {
    'policy.md': policyPage(sources, types, options),
    'stats.md': statsPage(sources, types),
    'keeper.md': keeperPage(sources, types),
    'events.md': eventsPage(sources, types),
    'errors.md': errorsPage(sources, types),
  }
}

function policyPage(sources, types, options) {
  const sections = options.flatMap(({ node }) => types.sectionsFrom(node, 'policy.md'))
  return page(
    '# Policy options',
    prose(sources.docOf(sources.declaration('PoolPolicyOptions'))),
    settled,
    optionsTable(options),
    ...options.flatMap(({ name, type, doc }) => [
      `## ${code(name)}`,
      types.signature(`${name}?: ${type}`),
      prose(doc),
      `**Checked as:** ${boundInCode(name)}.`,
    ]),
    ...sections,
    hasGaps && '## Not in this version',
    hasGaps && `Refused by name until they exist: ${NOT_BUILT_YET.map(code).join(', ')}.`,
  )
}

function statsPage(sources, types) {
  const list = sources.declaration('CLOSE_REASONS')
  const reasons = sources.words(list)
  requireSame('CLOSE_REASONS', CLOSE_REASONS, reasons)
  return page(
    '# Statistics',
    methodOf(sources, 'stats'),
    ...types.sectionsFrom(sources.member(sources.declaration('PoolKeeper'), 'stats').node, 'stats.md'),
    '## Close reasons',
    prose(sources.docOf(list.parent.parent)),
    hasGaps && 'A reason whose feature is [not in this version](policy.md#not-in-this-version) stays at 0.',
    table(
      ['reason', 'meaning'],
      reasons.map(({ word, meaning }) => [code(word), meaning]),
    ),
  )
}

function keeperPage(sources, types) {
  const keeper = sources.declaration('PoolKeeper')
  const members = sources.members(keeper)
  const sections = types.sectionsFrom(keeper, 'keeper.md')
  return page(
    `# ${code('PoolKeeper')}`,
    prose(sources.docOf(keeper)),
    types.fields(members.filter(({ isMethod }) => !isMethod)),
    ...members
      .filter(({ isMethod }) => isMethod)
      .flatMap(({ name, type, doc }) => [`## ${code(`${name}()`)}`, types.signature(type), prose(doc)]),
    ...sections,
  )
}

function eventsPage(sources, types) {
  const facts = sources.declaration('Facts', 'events.ts')
  const events = sources
    .members(facts)
    .map((event) => ({ ...event, fields: sources.members(event.typeNode, { inherited: true }) }))
  requireSame('EVENT_TYPES', EVENT_TYPES, events)
  const sections = types.sectionsFrom(facts, 'events.md')
  const common = sources.declaration('EventOf').type.types.find((part) => part.members !== undefined)
  const inEvery = sources.members(common).map((field) => (field.name === 'type' ? { ...field, type: 'string' } : field))
  const rows = events.map(({ name, doc, fields }) => [
    code(name),
    oneLine(prose(doc)),
    fields.map((field) => types.link(`${field.name}: ${field.type}`)).join('<br>'),
    code(channelName(name)),
  ])
  return page(
    '# Events',
    prose(sources.docOf(sources.declaration('PoolEvent'))),
    methodOf(sources, 'subscribe'),
    `Each is also published on a ${code('node:diagnostics_channel')} of its own, named in the table below.`,
    '## In every event',
    types.fields(inEvery),
    '## By type',
    table(['type', 'what happened', 'fields', 'channel'], rows),
    ...fieldMeanings(events),
    ...sections,
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

function errorsPage(sources, types) {
  const codes = sources.declaration('PoolkeeperErrorCode')
  const details = sources.declaration('PoolkeeperErrorDetails')
  const sections = types.sectionsFrom(details, 'errors.md')
  return page(
    '# Errors',
    prose(sources.docOf(sources.declaration('PoolkeeperError'))),
    '## Codes',
    prose(sources.docOf(codes)),
    table(
      ['code', 'meaning'],
      sources.words(codes).map(({ word, meaning }) => [code(word), meaning]),
    ),
    '## Details',
    'Besides `code` and `message`, an error has:',
    types.fields(sources.members(details)),
    ...sections,
    ...['isPoolkeeperError', 'findPoolkeeperError'].flatMap((name) => [
      `## ${code(`${name}(error)`)}`,
      prose(sources.docOf(sources.declaration(name))),
    ]),
  )
}

function methodOf(sources, name) {
  const { type, doc } = sources.member(sources.declaration('PoolKeeper'), name)
  const text = prose(doc)
  return `${code(`keeper.${type}`)}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`
}

/** The list that the code works with, against the declarations that were read. */
function requireSame(name, list, declared) {
  const words = declared.map((each) => each.word ?? each.name)
  const difference = [...new Set([...list, ...words])].filter((word) => !list.includes(word) || !words.includes(word))
  if (difference.length > 0) throw new Disagreement(`${name} differs from its declarations in ${difference.join(', ')}`)
}
