import { asc, cosineDistance, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { integer, pgSchema, real, text, vector } from 'drizzle-orm/pg-core'
import type { Passage } from './corpus.ts'
import { DIMENSIONS, embed } from './embedding.ts'

/** Where passages stand with their embeddings. */
export interface Store {
  readonly kind: string
  /** Makes its table, in place of one that an earlier run may have left. */
  fill(db: NodePgDatabase, passages: readonly Passage[]): Promise<void>
  /** The passages that are nearest to a question. */
  search(db: NodePgDatabase, question: string): Promise<Passage[]>
}

const NEAREST = 3

/** Nothing outside of this schema is touched, so that the example may run on a database of yours. */
const schema = pgSchema('poolkeeper_rag_example')
const columns = { id: integer().primaryKey(), source: text().notNull(), body: text().notNull() }

/** pgvector where the server has it; else plain arrays, which every PostgreSQL has. */
export async function chooseStore(db: NodePgDatabase): Promise<Store> {
  const { rows } = await db.execute(sql`select from pg_extension where extname = 'vector'`)
  return rows.length > 0 ? vectors : arrays
}

export async function dropStore(db: NodePgDatabase): Promise<void> {
  await db.execute(sql`drop schema if exists ${schema} cascade`)
}

async function createSchema(db: NodePgDatabase): Promise<void> {
  await dropStore(db)
  await db.execute(sql`create schema ${schema}`)
}

const withVectors = schema.table('passages', { ...columns, embedding: vector({ dimensions: DIMENSIONS }).notNull() })

const vectors: Store = {
  kind: 'pgvector, with an HNSW index',

  async fill(db, passages) {
    await createSchema(db)
    const embedding = sql.raw(`embedding vector(${DIMENSIONS}) not null`)
    await db.execute(sql`create table ${withVectors} (id integer primary key, source text not null, body text not null, ${embedding})`)
    await db.execute(sql`create index on ${withVectors} using hnsw (embedding vector_cosine_ops)`)
    await db.insert(withVectors).values(rowsOf(passages))
  },

  search: (db, question) =>
    db
      .select({ source: withVectors.source, body: withVectors.body })
      .from(withVectors)
      .orderBy(cosineDistance(withVectors.embedding, embed(question)))
      .limit(NEAREST),
}

const withArrays = schema.table('passages', { ...columns, embedding: real().array().notNull() })
const distance = sql`${schema}.cosine_distance`

const arrays: Store = {
  kind: 'arrays of real and a distance function in SQL, as this server has no pgvector',

  async fill(db, passages) {
    await createSchema(db)
    await db.execute(sql`
      create table ${withArrays} (id integer primary key, source text not null, body text not null, embedding real[] not null)`)
    // Embeddings have the length 1, so that their inner product is the cosine.
    await db.execute(sql`
      create function ${distance}(one real[], other real[]) returns real language sql immutable strict parallel safe
      as 'select 1 - sum(a * b) from unnest(one, other) as pair(a, b)'`)
    await db.insert(withArrays).values(rowsOf(passages))
  },

  search: (db, question) =>
    db
      .select({ source: withArrays.source, body: withArrays.body })
      .from(withArrays)
      .orderBy(sql`${distance}(${withArrays.embedding}, ${sql.param(embed(question), withArrays.embedding)})`, asc(withArrays.id))
      .limit(NEAREST),
}

function rowsOf(passages: readonly Passage[]): (Passage & { id: number; embedding: number[] })[] {
  return passages.map((passage, id) => ({ ...passage, id, embedding: embed(passage.body) }))
}
