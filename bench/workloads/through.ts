// bench/workloads/through.ts — words and places asked through a collection, against the same index by itself (`kernel`): what a collection costs beside it.
//
// By a collection the ten documents come as objects of one field, by the kernel as numbers. The questions are those of text.ts (a word of rank 100 to 300) and of geo.ts
// (the nearest ten), so that figures stand side by side with theirs.
import { join } from 'node:path'
import { deepStrictEqual } from 'node:assert'
import { Random } from '../data.ts'
import { ourPackage } from '../people.ts'
import { alone, type Context, type Outcome, type Workload } from '../shape.ts'
import { Corpus } from './text.ts'

const COUNT = 100_000
const BATCH = 1000
const LIMIT = 10
const QUERIES = 1000
const CHECKED = 20

/** Asks one of the questions, by its number; answers the ids of what was found. */
type Ask = (query: number) => readonly number[]
interface Both {
  readonly collection: Ask
  readonly kernel: Ask
  close(): Promise<void>
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, i) => i)

async function open(context: Context, schema: object, index: object, documents: readonly object[]) {
  const { collection, open: openStore, t } = await ourPackage()
  const path = join(context.path, String(context.round))
  const db = await openStore(path, { durability: 'os', memory: '1GB' })
  const declared = collection('all', {
    key: 'id',
    schema: { id: t.int32(), ...schema },
    indexes: index as never,
  })
  const all = db.collection(declared)
  for (let first = 0; first < documents.length; first += BATCH)
    await all.insertMany(documents.slice(first, first + BATCH) as never)
  return {
    find: (where: object) =>
      all
        .find({ where: where as never, select: ['id'], limit: LIMIT })
        .all()
        .map((one) => (one as { readonly id: number }).id),
    close: () => db.close(),
  }
}

async function texts(context: Context): Promise<Both> {
  const { t, TextIndex } = await ourPackage()
  const corpus = new Corpus(1)
  const given = corpus.texts(context.keyCount)
  const words = Array.from({ length: QUERIES }, () => corpus.word(100, 200))
  const documents = given.map((body, id) => ({ id, body }))
  const stored = await open(context, { body: t.string() }, { body: 'text' }, documents)
  const index = new TextIndex()
  index.addMany(numbersTo(given.length), given)
  return {
    collection: (query) => stored.find({ body: { match: words[query] ?? '' } }),
    kernel: (query) =>
      index.search(words[query] ?? '', { limit: LIMIT }).map(({ id }) => Number(id)),
    close: stored.close,
  }
}

async function places(context: Context): Promise<Both> {
  const { t, GeoIndex } = await ourPackage()
  const random = new Random(1)
  const point = () => ({ lat: random.unit() * 120 - 60, lng: random.unit() * 340 - 170 })
  const given = Array.from({ length: context.keyCount }, point)
  const asked = Array.from({ length: QUERIES }, point)
  const documents = given.map((at, id) => ({ id, at }))
  const stored = await open(context, { at: t.point() }, { at: 'geo' }, documents)
  const index = new GeoIndex()
  index.addMany({
    ids: Uint32Array.from(numbersTo(given.length)),
    lats: Float64Array.from(given, ({ lat }) => lat),
    lngs: Float64Array.from(given, ({ lng }) => lng),
  })
  const from = (query: number) => asked[query] ?? { lat: 0, lng: 0 }
  return {
    collection: (query) => stored.find({ at: { near: from(query) } }),
    kernel: (query) => [...index.near(from(query), { limit: LIMIT }).ids],
    close: stored.close,
  }
}

async function run(context: Context, make: (context: Context) => Promise<Both>): Promise<Outcome> {
  const both = await make(context)
  const sorted = (ids: readonly number[]) => [...ids].sort((a, b) => a - b)
  for (let query = 0; query < CHECKED; query += 1)
    deepStrictEqual(sorted(both.collection(query)), sorted(both.kernel(query)))
  const ask = context.contestant === 'kernel' ? both.kernel : both.collection
  for (let query = 0; query < QUERIES; query += 1) ask(query)
  const operations = context.count(20_000)
  let found = 0
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1) found += ask(i % QUERIES).length
    return Promise.resolve()
  })
  if (found === 0) throw new Error('through a collection: nothing was found')
  await both.close()
  return { operations, lap }
}

function row(name: string, title: string, make: (context: Context) => Promise<Both>): Workload {
  return alone(
    {
      name: `people-${name}`,
      title: `collections: ${title}`,
      per: 'cpu',
      targets: [{ times: 0.7, of: 'kernel' }],
    },
    {
      contest: 'kernels',
      begins: 'none',
      warmUps: 0,
      keyCount: COUNT,
      quickKeyCount: 20_000,
      rivals: ['kernel'],
      run: (context) => run(context, make),
    },
  )
}

export const throughWorkloads: readonly Workload[] = [
  row('words', 'best 10 of a middle word, of 100 k texts', texts),
  row('places', 'nearest 10 of 100 k points', places),
]
