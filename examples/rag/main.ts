import { parseArgs } from 'node:util'
import { startPostgres } from '../../test-integration/harness/postgres.ts'
import { compare } from './compare.ts'
import { tableOf } from './table.ts'

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '16' },
    turns: { type: 'string', default: '20' },
    think: { type: 'string', default: '100' },
  },
})
const load = { agents: Number(values.agents), turns: Number(values.turns), thinkMillis: Number(values.think) }

const url = process.env['DATABASE_URL']
const server = url === undefined ? await startPostgres({ prefer: 'embedded' }) : undefined
try {
  const { kind, passages, found, phases } = await compare(url ?? server!.url, load)
  console.log(`${passages} passages, their embeddings in ${kind}`)
  console.log(`${load.agents} agents, ${load.turns} questions each, and thoughts of up to ${load.thinkMillis} ms in between\n`)
  console.log(tableOf(phases))
  console.log(`\nWhat the first question found, in ${found[0]?.source}:\n${found[0]?.body}`)
} finally {
  await server?.stop()
}
