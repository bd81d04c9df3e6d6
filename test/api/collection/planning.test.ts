// How plans are chosen where many entries lie in every way: by a sample of the documents. Skewed data, so that whoever goes by fixed guesses
// chooses one of two ways for both questions, and is wrong with one of them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, openSync, t } from '../../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-planning-'))
afterAll(() => {
  rmSync(root, { recursive: true, force: true })
})

const COUNT = 6000
// Of kind 'a' nineteen of twenty, of level 0 one in ten; 'b' and level 9 lie the other way round.
const Things = collection('things', {
  key: 'id',
  schema: {
    id: t.int32(),
    kind: t.string(),
    level: t.int32(),
    n: t.int32(),
    note: t.string(),
  },
  indexes: { kind: 'ordered', level: 'ordered', n: 'ordered' },
})
const thing = (id: number) => ({
  id,
  kind: id % 20 === 0 ? 'b' : 'a',
  level: id % 10 === 1 ? 0 : 9,
  n: (id * 7919) % COUNT,
  note: id % 50 === 3 ? 'seldom' : 'often',
})
const things = (count = COUNT) => Array.from({ length: count }, (_, id) => thing(id))

async function filled(path = ':memory:') {
  const db = await open(path, { durability: 'memory', history: { keep: 'forever' } })
  await db.collection(Things).insertMany(things())
  return db
}

const SKEWED = [
  [{ kind: 'a', level: 0 }, 'level'],
  [{ kind: 'b', level: 9 }, 'kind'],
  [{ kind: 'a', n: { lt: 400 } }, 'n'],
  [{ kind: 'b', n: { gte: 400 } }, 'kind'],
  [{ level: 9, n: { between: [1000, 1200] } }, 'n'],
  [{ level: 0, n: { gt: 1000 } }, 'level'],
] as const

describe('a plan', () => {
  it('walks the index that leaves least, however many entries each has', async () => {
    await using db = await filled()
    const all = db.collection(Things)
    const chosen = SKEWED.map(([where]) => all.find({ where }).explain().index)
    expect(chosen).toEqual(SKEWED.map(([, index]) => index))
    for (const [where] of SKEWED) {
      const found = all.find({ where }).explain({ run: true })
      expect(found.read?.entries).toBeLessThan(1000)
      expect(found.estimate / (found.read?.entries ?? 0)).toBeGreaterThan(0.5)
      expect(found.estimate / (found.read?.entries ?? 0)).toBeLessThan(2)
    }
  })

  it('knows it right after the store was opened again', async () => {
    const path = join(root, 'again')
    await (await filled(path)).close()
    await using db = await open(path)
    const all = db.collection(Things)
    const chosen = SKEWED.map(([where]) => all.find({ where }).explain().index)
    expect(chosen).toEqual(SKEWED.map(([, index]) => index))
  })

  it('knows it within a transaction, on a snapshot and at an old commit', async () => {
    await using db = await filled()
    const all = db.collection(Things)
    const then = db.commit
    await all.deleteWhere({ where: { level: 0 } })
    using past = db.at(then)
    using now = db.snapshot()
    const where = { kind: 'b', level: 9 } as const
    expect(all.in(past).find({ where }).explain().index).toBe('kind')
    expect(all.in(past).find({ where: { kind: 'a', level: 0 } }).explain().index).toBe('level')
    expect(all.in(now).find({ where }).explain().index).toBe('kind')
    await db.transaction((tx) => {
      all.in(tx).insertMany(things(500).map((one) => ({ ...one, id: one.id + COUNT })))
      expect(all.in(tx).find({ where }).explain().index).toBe('kind')
      expect(all.in(tx).count({ where })).toBe(325)
    })
  })

  it('walks an order to its limit where many meet the rest, and sorts where few do', async () => {
    await using db = await filled()
    const all = db.collection(Things)
    const plan = (kind: string) =>
      all.find({ where: { kind }, orderBy: 'n', limit: 100 }).explain({ run: true })
    expect(plan('a')).toMatchObject({ index: 'n', sorts: false, read: { matches: 100 } })
    expect(plan('a').read?.entries).toBeLessThan(200)
    expect(plan('b')).toMatchObject({ index: 'kind', sorts: true, read: { entries: 300 } })
  })

  it('expects as many matches as a field without an index says', async () => {
    await using db = await filled()
    const found = db.collection(Things).find({ where: { note: 'seldom' } })
    const { estimate, matches, read } = found.explain({ run: true })
    expect(read).toEqual({ entries: COUNT, documents: COUNT, matches: COUNT / 50 })
    expect(estimate / COUNT).toBeGreaterThan(0.7)
    expect(estimate / COUNT).toBeLessThan(1.4)
    expect(matches).toBeLessThan((COUNT / 50) * 4)
  })

  it('learns of a collection that has grown since it was asked', async () => {
    await using db = await open(':memory:')
    const all = db.collection(Things)
    await all.insertMany(things(300))
    const where = { kind: 'b', level: 9 } as const
    expect(all.find({ where: { kind: 'a', level: 9 } }).explain().estimate).toBeGreaterThan(200)
    await all.insertMany(things().slice(300))
    expect(all.find({ where }).explain().index).toBe('kind')
    const { estimate } = all.find({ where: { level: 9, kind: 'a' } }).explain()
    expect(estimate).toBeGreaterThan(COUNT / 2)
  })

  it('takes deleted documents out of its sample', async () => {
    const path = join(root, 'less')
    const db = await filled(path)
    await db.collection(Things).deleteWhere({ where: { level: 9 } })
    await db.close()
    using again = openSync(path)
    const { estimate } = again.collection(Things).find({ where: { note: 'often' } }).explain()
    expect(estimate).toBe(COUNT / 10)
  })

  it('tells what was read of a query that ends early, and of one that nothing answers', async () => {
    await using db = await filled()
    const all = db.collection(Things)
    const some = all.find({ where: { level: 0 }, limit: 5 }).explain({ run: true })
    expect(some.read).toEqual({ entries: 5, documents: 5, matches: 5 })
    const none = all.find({ where: { n: -1 } }).explain({ run: true })
    expect(none).toMatchObject({ estimate: 0, read: { entries: 0, documents: 0, matches: 0 } })
    expect(all.find().explain().read).toBeUndefined()
    expect(() => all.find().explain({ runs: true } as never)).toThrow(/did you mean 'run'/)
    expect(() => all.find().explain({ run: 1 } as never)).toThrow(/run must be a boolean, not 1/)
  })
})

const Authors = collection('authors', {
  key: 'id',
  schema: { id: t.int32(), city: t.string(), vip: t.boolean() },
  indexes: { city: 'ordered' },
})
const Books = collection('books', {
  key: 'id',
  schema: {
    id: t.int32(),
    kind: t.string(),
    year: t.int32(),
    author: t.int32().references(Authors),
  },
  indexes: { author: 'ordered', kind: 'ordered', year: 'ordered' },
})

async function library(authorCount: number) {
  const db = await open(':memory:')
  await db.collection(Authors).insertMany(
    Array.from({ length: authorCount }, (_, id) => ({
      id,
      city: id % 10 === 0 ? 'Rome' : id % 100 === 7 ? 'Bonn' : 'Oslo',
      vip: id % 100 === 7,
    })),
  )
  await db.collection(Books).insertMany(
    Array.from({ length: 6000 }, (_, id) => ({
      id,
      kind: id % 20 === 0 ? 'b' : 'a',
      year: id % 60,
      author: (id * 31) % authorCount,
    })),
  )
  return db
}

describe('a join', () => {
  it('begins with the side of which least are left, however many there are', async () => {
    await using db = await library(3000)
    const first = (kind: string, city: string) =>
      db
        .collection(Books)
        .join({ author: { where: { city } } }, { where: { kind } })
        .explain().steps[0]?.name
    expect([first('a', 'Rome'), first('b', 'Oslo')]).toEqual(['author', 'books'])
  })

  it('knows how many documents refer to the same one', async () => {
    const first = async (authorCount: number) => {
      await using db = await library(authorCount)
      const query = db
        .collection(Books)
        .join({ author: { where: { city: 'Bonn' } } }, { where: { year: 3 } })
      const { steps, rows } = query.explain({ run: true })
      return [steps[0]?.name, rows]
    }
    expect([await first(20), await first(1000)]).toEqual([
      ['books', expect.any(Number)],
      ['author', expect.any(Number)],
    ])
  })

  it('tells what each step has found', async () => {
    await using db = await library(1000)
    const query = db.collection(Books).join({ author: { where: { vip: true } } }, { limit: 20 })
    const { steps, rows } = query.explain({ run: true })
    expect(rows).toBe(20)
    expect(steps.map(({ name }) => name)).toEqual(['author', 'books'])
    expect(steps.every(({ found = 0 }) => found > 0)).toBe(true)
    expect(query.explain().rows).toBeUndefined()
  })
})
