// Random documents, indexes and queries against a look at every document: on every engine, within transactions that have written, on
// snapshots and at old commits.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, type OpenOptions, t, TextIndex } from '../../../lib/index.ts'
import { Chance, CITIES, documentOf, indexesOf, orderOf, whereOf } from './chance.ts'
import { at, byOrder, compare, distance, type Document, matches } from './naive.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 4)
const SEED = Number(process.env['SEED'] ?? 1)
// Milliseconds between rounds: above a second, indexes of rows are packed meanwhile.
const PAUSE = Number(process.env['PAUSE'] ?? 0)
const DOCUMENTS = 60
const ROUNDS = 12

const root = mkdtempSync(join(tmpdir(), 'varve-collections-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const declared = (indexes: Record<string, unknown>) =>
  collection('things', {
    key: 'id',
    schema: {
      id: t.int32(),
      code: t.string(),
      name: t.string(),
      age: t.int32().optional(),
      score: t.float64().optional(),
      big: t.int64().optional(),
      city: t.enum(CITIES).nullable(),
      ok: t.boolean(),
      tags: t.array(t.string()),
      at: t.date(),
      place: t.point().optional(),
      bio: t.string().optional(),
      address: t.object({ zip: t.string(), n: t.int32().optional() }),
    },
    indexes: indexes as never,
  })

interface Things {
  aggregate(options: object): unknown
  find(options: object): {
    all(): unknown[]
    allAsync(): Promise<unknown[]>
    page(options: { size: number; after?: string | undefined }): {
      items: readonly unknown[]
      next: string | undefined
    }
    explain(): unknown
  }
  count(options: object): number
  get(key: number): unknown
}

type Model = Map<number, Document>
const byId = (a: unknown, b: unknown) => (a as { id: number }).id - (b as { id: number }).id

// Without an order, the best match first, else the nearest: as an index of all documents there, in memory, has them.
function checkRank(found: Document[], where: Document, model: Model, message: string): void {
  const { match } = (where['bio'] ?? {}) as { match?: string }
  const { near } = (where['place'] ?? {}) as { near?: { lat: number; lng: number } }
  let ranks: number[] = []
  if (match !== undefined) {
    const texts = new TextIndex()
    for (const [id, { bio }] of model) if (bio !== undefined) texts.add(id, bio as string)
    const hits = texts.search(match, { limit: 1000 })
    const scores = new Map(hits.map(({ id, score }) => [id, score]))
    ranks = found.map(({ id }) => -(scores.get(id as number) ?? NaN))
  } else if (near !== undefined) {
    ranks = found.map(({ place }) => distance(near, place as { lat: number; lng: number }))
  }
  ranks.forEach((rank, i) => {
    expect(rank, message).toBeGreaterThanOrEqual((ranks[i - 1] ?? rank) - 1e-6)
  })
}

async function check(things: Things, model: Model, chance: Chance, said: string): Promise<void> {
  const where = whereOf(chance)
  const steps = orderOf(chance)
  const orderBy = steps.map(({ path, descending }) => (descending ? { [path]: 'desc' } : path))
  const options = { where, ...(steps.length > 0 ? { orderBy } : {}) }
  const wanted = [...model.values()].filter((one) => matches(one, where)).sort(byOrder(steps))
  const query = things.find(options)
  const message = `${said} ${JSON.stringify(options, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v))} ${JSON.stringify(query.explain())}`
  const found = query.all() as Document[]
  expect([...found].sort(byId), message).toEqual([...wanted].sort(byId))
  if (steps.length === 0) checkRank(found, where, model, message)
  const keysOf = (all: Document[]) =>
    all.map((one) =>
      steps.map(({ path }) =>
        path.split('.').reduce<unknown>((v, n) => (v as Document)[n] ?? null, one),
      ),
    )
  expect(keysOf(found), message).toEqual(keysOf(wanted))
  expect(things.count({ where }), message).toBe(wanted.length)
  const limit = chance.below(8)
  const offset = chance.below(4)
  const some = things.find({ ...options, limit, offset }).all() as Document[]
  expect(keysOf(some), message).toEqual(keysOf(wanted.slice(offset, offset + limit)))
  if (chance.is(50))
    expect((await query.allAsync()).sort(byId), message).toEqual([...wanted].sort(byId))
  checkFigures(things, where, wanted, chance, message)
  const paged: unknown[] = []
  for (let after: string | undefined, isMore = true; isMore;) {
    const page = query.page({ size: 1 + chance.below(20), after })
    paged.push(...page.items)
    after = page.next
    isMore = after !== undefined
  }
  expect(keysOf(paged as Document[]), message).toEqual(keysOf(wanted))
  expect(paged.sort(byId), message).toEqual([...wanted].sort(byId))
}

const FIGURED = ['age', 'score', 'big', 'name', 'city', 'at', 'id'] as const
const GROUPED = ['city', 'age', 'ok', 'address.zip', 'at', 'score'] as const

function checkFigures(
  things: Things,
  where: Document,
  wanted: readonly Document[],
  chance: Chance,
  message: string,
): void {
  const of = chance.one(FIGURED)
  const groupBy = [...new Set(chance.some(GROUPED, 2))]
  const isAdded = ['age', 'score', 'id'].includes(of)
  const values = {
    all: { count: true },
    some: { count: of },
    kinds: { distinct: of },
    least: { min: of },
    most: { max: of },
    ...(isAdded ? { total: { sum: of }, mean: { avg: of } } : {}),
  }
  const atLeast = chance.below(3)
  const figuresOf = (documents: readonly Document[]): Document => {
    const all = documents.map((one) => one[of] ?? null).filter((one) => one !== null)
    const sorted = [...all].sort(compare)
    const total = (all as number[]).reduce((sum, one) => (isAdded ? sum + one : 0), 0)
    return {
      all: documents.length,
      some: all.length,
      kinds: sorted.filter((one, i) => i === 0 || compare(one, sorted[i - 1]) !== 0).length,
      least: sorted[0] ?? null,
      most: sorted.at(-1) ?? null,
      ...(isAdded ? { total, mean: all.length === 0 ? null : total / all.length } : {}),
    }
  }
  expect(things.aggregate({ where, values }), message).toEqual(figuresOf(wanted))
  if (groupBy.length === 0) return
  const groups = new Map<string, Document[]>()
  for (const one of wanted) {
    const key = JSON.stringify(groupBy.map((path) => at(one, path) ?? null))
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  const rows = [...groups.values()]
    .map((documents): Document => {
      const group = groupBy.map((path) => [path, at(documents[0] as Document, path) ?? null])
      return { ...Object.fromEntries(group), ...figuresOf(documents) }
    })
    .filter((row) => (row['all'] as number) >= atLeast)
    .sort((a, b) => {
      const isLater = (b['all'] as number) - (a['all'] as number)
      const order = groupBy.map((path) => compare(a[path], b[path])).find((one) => one !== 0)
      return isLater !== 0 ? isLater : (order ?? 0)
    })
  const options = { where, groupBy, values, having: { all: { gte: atLeast } } }
  const [offset, limit] = [chance.below(3), chance.below(10)]
  const found = things.aggregate({ ...options, orderBy: { all: 'desc' }, offset, limit })
  expect(found, message).toEqual(rows.slice(offset, offset + limit))
}

type Writes = {
  put(document: never): unknown
  insert(document: never): unknown
  update(key: never, change: never): unknown
  delete(key: never): unknown
}

async function change(things: Writes, model: Model, chance: Chance): Promise<void> {
  const id = chance.below(DOCUMENTS)
  const document = documentOf(chance, id)
  if (chance.is(20)) {
    expect(await things.delete(id as never)).toBe(model.delete(id))
  } else if (model.has(id) && chance.is(50)) {
    const { age, tags, ok, place, bio } = document
    const patch = { age, tags, ok, place, bio }
    await things.update(id as never, patch as never)
    const after = { ...model.get(id), ...patch }
    for (const name of ['age', 'place', 'bio'] as const)
      if (patch[name] === undefined) delete after[name]
    model.set(id, after)
  } else if (!model.has(id)) {
    await things.insert(document as never)
    model.set(id, document)
  } else {
    await things.put(document as never)
    model.set(id, document)
  }
}

const ENGINES: readonly OpenOptions['engine'][] = ['lsm', 'btree', 'bitcask', 'memory']

describe.each(ENGINES)('queries with engine %s', (engine) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => SEED + i)

  it.each(seeds)('answer what a look at every document would (seed %i)', async (seed) => {
    const chance = new Chance(seed)
    const path = join(root, `${engine}-${seed}`)
    const options = {
      engine,
      memory: '8MB',
      durability: 'memory',
      history: { keep: 'forever' },
    } as const
    await using db = await open(path, options)
    const things = db.collection(declared(indexesOf(chance)))
    const model: Model = new Map()
    const past: { commit: number; model: Model }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      if (PAUSE > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE))
      for (let i = 0; i < 15; i++) await change(things as never, model, chance)
      await check(things as never, model, chance, `seed ${seed} round ${round}`)
      past.push({ commit: db.commit, model: new Map(model) })
      if (chance.is(20)) await db.flush()
      using snapshot = db.snapshot()
      const held = new Map(model)
      const inside: Model = new Map()
      await db.transaction(async (tx) => {
        inside.clear() // Of a try before.
        for (const [id, document] of held) inside.set(id, document)
        const within = things.in(tx)
        for (let i = 0; i < 8; i++) await change(within as never, inside, chance)
        await check(within as never, inside, chance, `seed ${seed} round ${round} within`)
        await check(things as never, held, chance, `seed ${seed} round ${round} beside`)
      })
      model.clear()
      for (const [id, document] of inside) model.set(id, document)
      await check(things as never, model, chance, `seed ${seed} round ${round} after`)
      await check(things.in(snapshot) as never, held, chance, `seed ${seed} snapshot`)
      const old = chance.one(past)
      using then = db.at(old.commit)
      await check(things.in(then) as never, old.model, chance, `seed ${seed} at ${old.commit}`)
    }
  })
})
