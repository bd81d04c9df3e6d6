// What comes along with documents: the one that a reference names, those that refer to it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, type OpenOptions, t } from '../../../lib/index.ts'

const Authors = collection('authors', {
  key: 'id',
  schema: { id: t.int32(), name: t.string() },
})
const Books = collection('books', {
  key: 'id',
  schema: {
    id: t.int32(),
    author: t.int32().nullable().references(Authors),
    year: t.int32(),
    title: t.string(),
  },
})
const Writers = Authors.relate({ books: { from: Books, by: 'author' } })

const AUTHORS = 40
const BOOKS = 700
const author = (id: number) => ({ id, name: `a${id}` })
const book = (id: number) => ({
  id,
  author: id % 7 === 0 ? null : (id * id) % AUTHORS,
  year: 1900 + ((id * 31) % 100),
  title: id % 5 === 0 ? `日本 ${id}` : `book ${id}`,
})
const books = Array.from({ length: BOOKS }, (_, id) => book(id))
const booksOf = (id: number) => books.filter((one) => one.author === id)

const root = mkdtempSync(join(tmpdir(), 'varve-including-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const ENGINES: readonly OpenOptions['engine'][] = ['lsm', 'btree', 'bitcask', 'memory']

async function filled(engine: OpenOptions['engine'], name = engine) {
  const db = await open(join(root, String(name)), { engine, durability: 'memory' })
  await db.collection(Authors).insertMany(Array.from({ length: AUTHORS }, (_, id) => author(id)))
  await db.collection(Books).insertMany(books)
  return db
}

describe.each(ENGINES)('include with engine %s', (engine) => {
  it('brings the document that a reference names, and those that refer to one', async () => {
    await using db = await filled(engine)
    const forward = books.map((one) => ({
      ...one,
      author: one.author === null ? null : author(one.author),
    }))
    const query = db.collection(Books).find({ include: { author: true }, orderBy: 'id' })
    expect(query.all()).toEqual(forward)
    expect(await query.allAsync()).toEqual(forward)
    expect(query.first()).toEqual(forward[0])
    const backward = db.collection(Writers).find({ include: { books: true } })
    const wanted = Array.from({ length: AUTHORS }, (_, id) => ({
      ...author(id),
      books: booksOf(id),
    }))
    expect(backward.all()).toEqual(wanted)
    const some = []
    for await (const one of backward) some.push(one)
    expect(some).toEqual(wanted)
  })

  it('takes where, orderBy and limit for each document', async () => {
    await using db = await filled(engine, `${engine}-limited` as never)
    const found = db.collection(Writers).find({
      where: { id: { lt: 9 } },
      include: {
        books: { where: { year: { gte: 1950 } }, orderBy: [{ year: 'desc' }, 'id'], limit: 3 },
      },
      select: ['name'],
    })
    const wanted = Array.from({ length: 9 }, (_, id) => ({
      name: `a${id}`,
      books: booksOf(id)
        .filter(({ year }) => year >= 1950)
        .sort((a, b) => b.year - a.year || a.id - b.id)
        .slice(0, 3),
    }))
    expect(found.all()).toEqual(wanted)
  })

  it('reads what a transaction has written, a snapshot holds, and the past had', async () => {
    const path = join(root, `${engine}-times`)
    await using db = await open(path, {
      engine,
      durability: 'memory',
      history: { keep: 'forever' },
    })
    const before = db.commit
    const authors = db.collection(Writers)
    const all = db.collection(Books)
    await authors.insert(author(1))
    await all.insert({ ...book(1), author: 1 })
    const { commit } = db
    using snapshot = db.snapshot()
    const idsOf = (found: readonly { readonly books: readonly { readonly id: number }[] }[]) =>
      found.map((one) => one.books.map(({ id }) => id))
    const include = { books: true } as const
    await db.transaction(async (tx) => {
      all.in(tx).insert({ ...book(2), author: 1 })
      const within = authors.in(tx).find({ include })
      expect(idsOf(within.all())).toEqual([[1, 2]])
      expect(idsOf(await within.allAsync())).toEqual([[1, 2]])
      expect(idsOf(authors.find({ include }).all())).toEqual([[1]])
    })
    expect(idsOf(authors.find({ include }).all())).toEqual([[1, 2]])
    expect(idsOf(authors.in(snapshot).find({ include }).all())).toEqual([[1]])
    using past = db.at(commit)
    expect(idsOf(await authors.in(past).find({ include }).allAsync())).toEqual([[1]])
    using nothing = db.at(before)
    expect(authors.in(nothing).find({ include }).all()).toEqual([])
  })
})

describe('include', () => {
  it('comes with pages, whose documents have all of theirs', async () => {
    await using db = await filled('memory', 'pages' as never)
    const query = db.collection(Writers).find({ include: { books: true }, orderBy: 'id' })
    const found = []
    let after: string | undefined
    do {
      const page = query.page({ size: 7, after })
      found.push(...page.items)
      after = page.next
    } while (after !== undefined)
    expect(found.map((one) => one.books)).toEqual(
      Array.from({ length: AUTHORS }, (_, id) => booksOf(id)),
    )
  })

  it('brings more along than passes at once', async () => {
    await using db = await open(':memory:', { memory: '256MB' })
    const authors = db.collection(Writers)
    await authors.insert(author(1))
    const many = Array.from({ length: 5000 }, (_, id) => ({
      ...book(id),
      author: 1,
      title: 'x'.repeat(300),
    }))
    await db.collection(Books).insertMany(many)
    expect(authors.find({ include: { books: true } }).first()?.books).toEqual(many)
    expect((await authors.find({ include: { books: true } }).allAsync())[0]?.books).toEqual(many)
  })

  it.each<[string, object, RegExp]>([
    [
      'what is neither',
      { pages: true },
      /include\.pages: no reference or relation 'pages'; known are books/,
    ],
    ['undefined', { books: undefined }, /include\.books is undefined/],
    ['an unknown option', { books: { select: ['id'] } }, /include\.books: unknown option 'select'/],
    [
      'an unknown field',
      { books: { where: { pages: 1 } } },
      /include\.books\.where\.pages: no field/,
    ],
    [
      'words',
      { books: { where: { title: { match: 'x' } } } },
      /include\.books\.where: match cannot be asked of what is included/,
    ],
    ['an unknown order', { books: { orderBy: 'pages' } }, /include\.books\.orderBy: no field/],
    ['a limit that is none', { books: { limit: -1 } }, /include\.books\.limit must be an integer/],
    ['no object', [], /include must be an object/],
  ])('refuses %s', async (_, include, message) => {
    await using db = await open(':memory:')
    expect(() => db.collection(Writers).find({ include } as never)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
    )
  })
})
