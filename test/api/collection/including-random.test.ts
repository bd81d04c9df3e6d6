// Random documents that refer to one another, and random inclusions against a look at every document: on every engine, with and without an
// index on the reference, within transactions that have written, on snapshots and at old commits, while references are set to null or cascade.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, type OpenOptions, t } from '../../../lib/index.ts'
import { Chance } from './chance.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 4)
const SEED = Number(process.env['SEED'] ?? 1)
const AUTHORS = 8
const BOOKS = 40
const ROUNDS = 10

const root = mkdtempSync(join(tmpdir(), 'varve-including-random-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const declared = (chance: Chance) => {
  const Authors = collection('authors', {
    key: 'id',
    schema: { id: t.int32(), name: t.string() },
    indexes: { name: 'ordered' },
  })
  const onDelete = chance.one(['set null', 'cascade'] as const)
  const indexes = chance.one([
    {},
    { author: 'ordered' },
    { both: { on: ['author', 'year'] }, kind: 'bitmap' },
    { kind: 'bitmap', year: 'ordered' },
  ])
  const Books = collection('books', {
    key: 'id',
    schema: {
      id: t.int32(),
      author: t.int32().nullable().references(Authors, { onDelete }),
      year: t.int32(),
      kind: t.enum(['novel', 'essay']),
    },
    indexes: indexes as never,
  })
  return { Books, onDelete, Writers: Authors.relate({ books: { from: Books, by: 'author' } }) }
}

interface Author {
  readonly id: number
  readonly name: string
}
interface Book {
  readonly id: number
  readonly author: number | null
  readonly year: number
  readonly kind: 'novel' | 'essay'
}
interface Model {
  readonly authors: Map<number, Author>
  readonly books: Map<number, Book>
}
const copyOf = ({ authors, books }: Model): Model => ({
  authors: new Map(authors),
  books: new Map(books),
})

interface Found {
  all(): unknown[]
  allAsync(): Promise<unknown[]>
}
interface Reads {
  find(options: object): Found
}
interface Writes extends Reads {
  put(document: never): unknown
  delete(key: never): unknown
}

const byId = <T extends { readonly id: number }>(all: Iterable<T>): T[] =>
  [...all].sort((a, b) => a.id - b.id)

interface Asked {
  readonly kind?: Book['kind']
  readonly year?: { readonly gte?: number; readonly lt?: number }
}

// Authors with some of their books, books with their author.
async function check(
  authors: Reads,
  books: Reads,
  model: Model,
  chance: Chance,
  said: string,
): Promise<void> {
  const year = chance.below(10)
  const kind = chance.one(['novel', 'essay'] as const)
  const where: Asked | undefined = chance.one([
    undefined,
    { year: { gte: year } },
    { kind },
    { kind, year: { lt: year } },
  ])
  const isFalling = chance.is(50)
  const limit = chance.is(50) ? chance.below(4) : undefined
  const options = {
    ...(where === undefined ? {} : { where }),
    orderBy: [isFalling ? { year: 'desc' } : 'year', 'id'],
    ...(limit === undefined ? {} : { limit }),
  }
  const meets = (one: Book): boolean => {
    if (where === undefined) return true
    if (where.kind !== undefined && one.kind !== where.kind) return false
    const { gte = -Infinity, lt = Infinity } = where.year ?? {}
    return one.year >= gte && one.year < lt
  }
  const booksOf = (id: number): Book[] =>
    byId(model.books.values())
      .filter((one) => one.author === id && meets(one))
      .sort((a, b) => (a.year - b.year) * (isFalling ? -1 : 1) || a.id - b.id)
      .slice(0, limit)
  const message = `${said} ${JSON.stringify(options)}`
  const least = chance.below(AUTHORS)
  const found = authors.find({
    where: { id: { gte: least } },
    orderBy: 'id',
    include: { books: options },
  })
  const wanted = byId(model.authors.values())
    .filter(({ id }) => id >= least)
    .map((one) => ({ ...one, books: booksOf(one.id) }))
  expect(found.all(), message).toEqual(wanted)
  if (chance.is(30)) expect(await found.allAsync(), message).toEqual(wanted)
  const forward = books.find({ include: { author: true }, orderBy: 'id', ...(where && { where }) })
  const named = byId(model.books.values())
    .filter(meets)
    .map((one) => ({
      ...one,
      author: one.author === null ? null : (model.authors.get(one.author) ?? null),
    }))
  expect(forward.all(), message).toEqual(named)
}

async function change(
  authors: Writes,
  books: Writes,
  model: Model,
  chance: Chance,
  onDelete: 'set null' | 'cascade',
): Promise<void> {
  const author = chance.below(AUTHORS)
  if (chance.is(15)) {
    expect(await authors.delete(author as never)).toBe(model.authors.delete(author))
    for (const one of [...model.books.values()]) {
      if (one.author !== author) continue
      if (onDelete === 'cascade') model.books.delete(one.id)
      else model.books.set(one.id, { ...one, author: null })
    }
  } else if (chance.is(30)) {
    const document = { id: author, name: `n${chance.below(5)}` }
    await authors.put(document as never)
    model.authors.set(author, document)
  } else if (chance.is(15)) {
    const id = chance.below(BOOKS)
    expect(await books.delete(id as never)).toBe(model.books.delete(id))
  } else {
    const book: Book = {
      id: chance.below(BOOKS),
      author: model.authors.has(author) ? author : null,
      year: chance.below(10),
      kind: chance.one(['novel', 'essay'] as const),
    }
    await books.put(book as never)
    model.books.set(book.id, book)
  }
}

const ENGINES: readonly OpenOptions['engine'][] = ['lsm', 'btree', 'bitcask', 'memory']

describe.each(ENGINES)('what is included with engine %s', (engine) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => SEED + i)

  it.each(seeds)('is what a look at every document would find (seed %i)', async (seed) => {
    const chance = new Chance(seed)
    const { Books, onDelete, Writers } = declared(chance)
    await using db = await open(join(root, `${engine}-${seed}`), {
      engine,
      memory: '8MB',
      durability: 'memory',
      history: { keep: 'forever' },
    })
    const authors = db.collection(Writers)
    const books = db.collection(Books)
    const model: Model = { authors: new Map(), books: new Map() }
    const past: { readonly commit: number; readonly model: Model }[] = []
    const write = (a: unknown, b: unknown, to: Model) =>
      change(a as Writes, b as Writes, to, chance, onDelete)
    const look = (a: unknown, b: unknown, as: Model, said: string) =>
      check(a as Reads, b as Reads, as, chance, `seed ${seed} ${said}`)
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < 15; i++) await write(authors, books, model)
      await look(authors, books, model, `round ${round}`)
      past.push({ commit: db.commit, model: copyOf(model) })
      if (chance.is(20)) await db.flush()
      using snapshot = db.snapshot()
      const held = copyOf(model)
      const inside = copyOf(model)
      const tx = db.begin()
      for (let i = 0; i < 8; i++) await write(authors.in(tx), books.in(tx), inside)
      await look(authors.in(tx), books.in(tx), inside, `round ${round} within`)
      await look(authors, books, held, `round ${round} beside`)
      if (chance.is(50)) {
        await tx.commit()
        model.authors.clear()
        model.books.clear()
        for (const [id, one] of inside.authors) model.authors.set(id, one)
        for (const [id, one] of inside.books) model.books.set(id, one)
      } else tx.rollback()
      await look(authors, books, model, `round ${round} after`)
      await look(authors.in(snapshot), books.in(snapshot), held, 'on a snapshot')
      const old = chance.one(past)
      using then = db.at(old.commit)
      await look(authors.in(then), books.in(then), old.model, `at ${old.commit}`)
    }
  })
})
