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
    expect(
      all
        .in(past)
        .find({ where: { kind: 'a', level: 0 } })
        .explain().index,
    ).toBe('level')
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
    const { estimate } = again
      .collection(Things)
      .find({ where: { note: 'often' } })
      .explain()
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

const Grid = collection('grid', {
  key: 'id',
  schema: {
    id: t.int32(),
    a: t.int32(),
    b: t.int32(),
    c: t.int32(),
    tags: t.array(t.int32()),
  },
  indexes: {
    a: 'ordered',
    b: 'ordered',
    byC: { on: ['c', 'a'], descending: ['a'] },
    tags: 'ordered',
  },
})
type Cell = { id: number; a: number; b: number; c: number; tags: number[] }
const cell = (id: number): Cell => ({
  id,
  a: id % 8,
  b: Math.floor(id / 8) % 8,
  c: Math.floor(id / 64) % 3,
  tags: [id % 5, 5 + (Math.floor(id / 64) % 7)],
})

async function grid() {
  const db = await open(':memory:', { history: { keep: 'forever' } })
  const all = Array.from({ length: COUNT }, (_, id) => cell(id))
  await db.collection(Grid).insertMany(all)
  return { db, all, cells: db.collection(Grid) }
}

const ASKED: readonly [object, (one: Cell) => boolean][] = [
  [{ a: 3, b: 5 }, ({ a, b }) => a === 3 && b === 5],
  [{ a: { in: [1, 2] }, b: { gte: 6 } }, ({ a, b }) => (a === 1 || a === 2) && b >= 6],
  [{ a: 3, b: { lt: 2 }, c: 1 }, ({ a, b, c }) => a === 3 && b < 2 && c === 1],
  [{ b: 1, tags: { has: 6 } }, ({ b, tags }) => b === 1 && tags.includes(6)],
  [
    { a: 0, tags: { hasAny: [1, 7] } },
    ({ a, tags }) => a === 0 && (tags[0] === 1 || tags[1] === 7),
  ],
  [{ a: 7, b: 7, id: { gt: 3000 } }, ({ a, b, id }) => a === 7 && b === 7 && id > 3000],
]

describe('two ordered indexes', () => {
  it('are intersected where few documents are in both, and not where one says nearly all', async () => {
    const { db, cells } = await grid()
    await using _ = db
    const few = cells.find({ where: { a: 3, b: 5 } }).explain({ run: true })
    expect([few.index, few.narrowedBy].flat().sort()).toEqual(['a', 'b'])
    expect(few).toMatchObject({ filters: false, read: { entries: 1502, documents: 94 } })
    const one = cells.find({ where: { a: 3, b: { gte: 1 } } }).explain({ run: true })
    expect(one).toMatchObject({ index: 'a', filters: true, read: { entries: 750 } })
    expect(one.narrowedBy).toBeUndefined()
    const none = cells.find({ where: { a: 3, b: 9 } }).explain({ run: true })
    expect(none).toMatchObject({ index: 'b', read: { entries: 0, documents: 0 } })
    expect(none.narrowedBy).toBeUndefined()
  })

  it('answer what a look at every document would, whatever is asked of them', async () => {
    const { db, all, cells } = await grid()
    await using _ = db
    let narrowed = 0
    const check = async (of: typeof cells, among: readonly Cell[]) => {
      for (const [where, meets] of ASKED) {
        const wanted = among.filter(meets).map(({ id }) => id)
        const by = (options: object) => of.find({ where, ...options } as never)
        const rising = (found: readonly unknown[]) =>
          (found as Cell[]).map(({ id }) => id).sort((x, y) => x - y)
        narrowed += by({}).explain().narrowedBy === undefined ? 0 : 1
        expect(rising(by({}).all())).toEqual(wanted)
        expect(rising(await by({}).allAsync())).toEqual(wanted)
        expect(by({}).count()).toBe(wanted.length)
        expect(rising(by({ limit: 20 }).all()).length).toBe(Math.min(20, wanted.length))
        const sorted = (by({ orderBy: [{ b: 'desc' }, 'id'] }).all() as Cell[]).map(({ b }) => b)
        expect(sorted).toEqual([...sorted].sort((x, y) => y - x))
        const pages: unknown[] = []
        for (let after: string | undefined, more = true; more; more = after !== undefined) {
          const page = by({}).page({ size: 37, after })
          pages.push(...page.items)
          after = page.next
        }
        expect(rising(pages)).toEqual(wanted)
      }
    }
    const then = db.commit
    await check(cells, all)
    await db.transaction(async (tx) => {
      const within = cells.in(tx)
      within.deleteWhere({ where: { id: { lt: 1000 } } })
      const more = Array.from({ length: 500 }, (_, i) => ({ ...cell(i), id: COUNT + i }))
      within.insertMany(more)
      await check(within as never, [...all.slice(1000), ...more])
    })
    using past = db.at(then)
    await check(cells.in(past) as never, all)
    expect(narrowed).toBeGreaterThan(8)
  })

  it('are conditions of a transaction that has walked them, both', async () => {
    const { db, cells } = await grid()
    await using _ = db
    const racing = async (other: Partial<Cell>) => {
      const tx = db.begin()
      const found = cells.in(tx).find({ where: { a: 3, b: 5 } })
      expect(found.explain().narrowedBy).toHaveLength(1)
      const count = found.all().length
      await cells.insert({ ...cell(0), id: COUNT + count, ...other })
      cells.in(tx).update(0, { c: count })
      return tx.commit()
    }
    await expect(racing({ a: 3, b: 5 })).rejects.toMatchObject({ code: 'CONFLICT' })
    await cells.delete(COUNT + 94)
    await racing({ a: 4, b: 4 })
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

  it('goes by an index in order after all where what it would have sorted is too much', async () => {
    const Many = collection('many', {
      key: 'id',
      schema: { id: t.int32(), kind: t.string(), n: t.int32(), bare: t.int32() },
      indexes: { kind: 'ordered', n: 'ordered' },
    })
    const count = 100_000
    const options = { memory: '8MB', durability: 'memory' } as const
    await using db = await open(join(root, 'sorted'), options)
    const all = db.collection(Many)
    for (let from = 0; from < count; from += 1000)
      await all.insertMany(
        Array.from({ length: 1000 }, (_, i) => {
          const n = ((from + i) * 7919) % count
          return { id: from + i, kind: i % 10 < 3 ? 'b' : 'a', n, bare: n }
        }),
      )
    const where = { kind: 'b' } as const
    const query = all.find({ where, orderBy: { n: 'desc' } })
    expect(query.explain().sorts).toBe(true)
    const found = query.all().map(({ n }) => n)
    expect(found).toHaveLength(count * 0.3)
    expect(found).toEqual([...found].sort((a, b) => b - a))
    expect((await query.allAsync()).map(({ n }) => n)).toEqual(found)
    const bare = all.find({ where, orderBy: 'bare' })
    expect(() => bare.all()).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
    expect(all.find({ where, orderBy: 'bare', limit: 3 }).all()).toHaveLength(3)
  })
})
