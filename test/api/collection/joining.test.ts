// Joins against a naive one: random sides, conditions, orders and limits, on every engine, within transactions that have written, on snapshots
// and at old commits.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, type OpenOptions, t } from '../../../lib/index.ts'
import { Chance, CITIES } from './chance.ts'
import { compare, type Document, matches } from './naive.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 2)
const SEED = Number(process.env['SEED'] ?? 1)
const ROUNDS = 8

const Teams = collection('teams', {
  key: 'id',
  schema: { id: t.int32(), name: t.string(), size: t.int32().optional() },
})
const Authors = collection('authors', {
  key: 'id',
  schema: {
    id: t.int32(),
    city: t.string(),
    bio: t.string(),
    team: t.int32().nullable().references(Teams, { onDelete: 'set null' }),
  },
  indexes: { city: 'bitmap', bio: 'text' },
})
const Books = collection('books', {
  key: 'id',
  schema: {
    id: t.int32(),
    author: t.int32().nullable().references(Authors, { onDelete: 'cascade' }),
    editor: t.int32().optional().references(Authors, { onDelete: 'set null' }),
    year: t.int32(),
    title: t.string(),
  },
  indexes: { year: 'ordered', byAuthor: { on: ['author', 'year'] } },
})
const Writers = Authors.relate({
  books: { from: Books, by: 'author' },
  edited: { from: Books, by: 'editor' },
})
const Groups = Teams.relate({ members: { from: Writers, by: 'team' } })

const root = mkdtempSync(join(tmpdir(), 'varve-joining-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const ENGINES: readonly OpenOptions['engine'][] = ['lsm', 'btree', 'bitcask', 'memory']

// ---- the naive join

const KINDS = ['teams', 'authors', 'books'] as const
type Kind = (typeof KINDS)[number]
type Model = Readonly<Record<Kind, Map<number, Document>>>

interface Edge {
  readonly to: Kind
  /** Of the document that has the reference. */
  readonly field: string
  readonly isForward: boolean
}
const EDGES: Readonly<Record<Kind, Readonly<Record<string, Edge>>>> = {
  teams: { members: { to: 'authors', field: 'team', isForward: false } },
  authors: {
    team: { to: 'teams', field: 'team', isForward: true },
    books: { to: 'books', field: 'author', isForward: false },
    edited: { to: 'books', field: 'editor', isForward: false },
  },
  books: {
    author: { to: 'authors', field: 'author', isForward: true },
    editor: { to: 'authors', field: 'editor', isForward: true },
  },
}

interface Side {
  kind?: 'inner' | 'left'
  as?: string
  where?: Document
  along?: Along
}
type Along = { [name: string]: Side }
type Row = { [name: string]: Document | null }

function partners(model: Model, { to, field, isForward }: Edge, from: Document): Document[] {
  const id = from[isForward ? field : 'id'] ?? null
  if (id === null) return []
  if (isForward) return [model[to].get(id as number)].filter((one) => one !== undefined)
  return [...model[to].values()].filter((one) => one[field] === id)
}

const namesOf = (along: Along): string[] =>
  Object.entries(along).flatMap(([name, side]) => [side.as ?? name, ...namesOf(side.along ?? {})])

function rowsOf(model: Model, kind: Kind, document: Document, name: string, along: Along): Row[] {
  let rows: Row[] = [{ [name]: document }]
  for (const [edgeName, side] of Object.entries(along)) {
    const edge = EDGES[kind][edgeName] as Edge
    const as = side.as ?? edgeName
    const found = partners(model, edge, document)
      .filter((one) => matches(one, side.where ?? {}))
      .flatMap((one) => rowsOf(model, edge.to, one, as, side.along ?? {}))
    const missing = [as, ...namesOf(side.along ?? {})].map((one) => [one, null])
    if (found.length === 0 && side.kind === 'left') found.push(Object.fromEntries(missing) as Row)
    rows = rows.flatMap((row) => found.map((one) => ({ ...row, ...one })))
  }
  return rows
}

// ---- chance

const documentOf = (chance: Chance, kind: Kind, id: number): Document => {
  if (kind === 'teams')
    return { id, name: chance.one(['a', 'b']), ...(chance.is(70) ? { size: chance.below(5) } : {}) }
  if (kind === 'authors')
    return {
      id,
      city: chance.one(CITIES),
      bio: chance.some(['red', 'green', 'blue'], 3).join(' '),
      team: null,
    }
  return { id, author: null, year: 1990 + chance.below(12), title: chance.one(['x', 'y', '日本']) }
}

const whereOf = (chance: Chance, kind: Kind): Document => {
  if (kind === 'teams') return chance.one([{ name: 'a' }, { size: { gte: 2 } }, { id: { lt: 3 } }])
  if (kind === 'authors')
    return chance.one([
      { city: chance.one(CITIES) },
      { bio: { match: 'red' } },
      { id: { in: [1, 5, 7, 9] } },
      { or: [{ city: 'Oslo' }, { id: { gt: 14 } }] },
    ])
  return chance.one([
    { year: { gte: 1996 } },
    { year: 1990 + chance.below(12) },
    { title: { ne: 'x' } },
    { id: 7 },
    { year: { lt: 1998 }, title: 'y' },
  ])
}

// A reference leads to a collection as it was declared first, which knows no relations.
function alongOf(
  chance: Chance,
  kind: Kind,
  depth: number,
  taken: Set<string>,
  knows: 'all' | 'references' = 'all',
): Along {
  const along: Along = {}
  const names = Object.entries(EDGES[kind])
    .filter(([, { isForward }]) => knows === 'all' || isForward)
    .map(([name]) => name)
  if (names.length === 0) return along
  for (const name of chance.some(names, depth === 0 ? 3 : 2)) {
    if (along[name] !== undefined || taken.size > 5) continue
    const side: Side = {}
    const as = taken.has(name) ? `${name}${taken.size}` : name
    if (as !== name) side.as = as
    taken.add(as)
    if (chance.is(40)) side.kind = 'left'
    const { to, isForward } = EDGES[kind][name] as Edge
    if (chance.is(40)) side.where = whereOf(chance, to)
    if (depth < 2 && chance.is(40)) {
      const known = isForward ? 'references' : 'all'
      const deeper = alongOf(chance, to, depth + 1, taken, known)
      if (Object.keys(deeper).length > 0) side.along = deeper
    }
    along[name] = side
  }
  return along
}

const FIELDS: Readonly<Record<Kind, readonly string[]>> = {
  teams: ['id', 'name', 'size'],
  authors: ['id', 'city', 'team'],
  books: ['id', 'year', 'title', 'author', 'editor'],
}
function pathsOf(kind: Kind, name: string, along: Along): string[] {
  const own = FIELDS[kind].map((field) => `${name}.${field}`)
  const others = Object.entries(along).flatMap(([edge, side]) =>
    pathsOf((EDGES[kind][edge] as Edge).to, side.as ?? edge, side.along ?? {}),
  )
  return [...own, ...others]
}

// ---- checking

interface Joining {
  join(
    along: object,
    options: object,
  ): {
    all(): Row[]
    allAsync(): Promise<Row[]>
    first(): Row | undefined
    count(): number
    explain(): unknown
  }
}
type Joined = Readonly<Record<Kind, Joining>>

const textOf = (row: Row): string =>
  JSON.stringify(
    Object.keys(row)
      .sort()
      .map((name) => [name, row[name]?.['id'] ?? null]),
  )
const byText = (a: Row, b: Row): number => (textOf(a) < textOf(b) ? -1 : 1)

async function check(joined: Joined, model: Model, chance: Chance, said: string): Promise<void> {
  const kind = chance.one(KINDS)
  const along = alongOf(chance, kind, 0, new Set([kind]))
  if (Object.keys(along).length === 0) return
  const where = chance.is(40) ? whereOf(chance, kind) : undefined
  const paths = [...new Set(chance.some(pathsOf(kind, kind, along), 2))]
  const steps = paths.map((path) => ({ path, sign: chance.is(50) ? -1 : 1 }))
  const orderBy = steps.map(({ path, sign }) => (sign < 0 ? { [path]: 'desc' } : path))
  const options = {
    ...(where === undefined ? {} : { where }),
    ...(steps.length > 0 ? { orderBy } : {}),
  }
  const valuesOf = (row: Row): unknown[] =>
    steps.map(({ path }) => {
      const [name = '', field = ''] = path.split('.')
      return row[name]?.[field] ?? null
    })
  const byOrder = (a: Row, b: Row): number => {
    const [x, y] = [valuesOf(a), valuesOf(b)]
    return steps.map(({ sign }, i) => sign * compare(x[i], y[i])).find((one) => one !== 0) ?? 0
  }
  const wanted = [...model[kind].values()]
    .filter((one) => matches(one, where ?? {}))
    .flatMap((one) => rowsOf(model, kind, one, kind, along))
    .sort(byOrder)
  const query = joined[kind].join(along, options)
  const message = `${said} ${kind} ${JSON.stringify(along)} ${JSON.stringify(options)} ${JSON.stringify(query.explain())}`
  const found = query.all()
  expect([...found].sort(byText), message).toEqual([...wanted].sort(byText))
  expect(found.map(valuesOf), message).toEqual(wanted.map(valuesOf))
  expect(query.count(), message).toBe(wanted.length)
  const first = query.first()
  expect(first && valuesOf(first), message).toEqual(wanted[0] && valuesOf(wanted[0]))
  const sliced = await query.allAsync()
  expect(sliced.map(valuesOf), message).toEqual(wanted.map(valuesOf))
  expect(sliced.sort(byText), message).toEqual([...wanted].sort(byText))
  const [offset, limit] = [chance.below(5), chance.below(12)]
  const some = joined[kind].join(along, { ...options, limit, offset }).all()
  expect(some.map(valuesOf), message).toEqual(wanted.slice(offset, offset + limit).map(valuesOf))
  const all = new Set(wanted.map(textOf))
  expect(new Set(some.map(textOf)).size, message).toBe(some.length)
  for (const row of some) expect(all.has(textOf(row)), message).toBe(true)
}

interface Writing {
  put(document: never): unknown
  delete(key: never): unknown
}
const SIZES: Readonly<Record<Kind, number>> = { teams: 5, authors: 18, books: 60 }

async function change(
  to: Readonly<Record<Kind, Writing>>,
  model: Model,
  chance: Chance,
): Promise<void> {
  const kind = chance.one([...KINDS, 'books', 'books'] as const)
  const id = chance.below(SIZES[kind])
  const document = documentOf(chance, kind, id)
  const pick = (from: Kind): number | null =>
    chance.is(15) || model[from].size === 0 ? null : chance.one([...model[from].keys()])
  if (kind === 'authors') document['team'] = pick('teams')
  if (kind === 'books') {
    document['author'] = pick('authors')
    const editor = pick('authors')
    if (editor !== null && chance.is(50)) document['editor'] = editor
  }
  if (!model[kind].has(id) || chance.is(90)) {
    await to[kind].put(document as never)
    model[kind].set(id, document)
    return
  }
  await to[kind].delete(id as never)
  model[kind].delete(id)
  if (kind === 'teams')
    for (const one of model.authors.values()) if (one['team'] === id) one['team'] = null
  if (kind !== 'authors') return
  for (const [key, one] of model.books) {
    if (one['author'] === id) model.books.delete(key)
    if (one['editor'] === id) delete one['editor']
  }
}

const copyOf = (model: Model): Model => {
  const copy = (all: Map<number, Document>) =>
    new Map([...all].map(([id, document]) => [id, { ...document }]))
  return { teams: copy(model.teams), authors: copy(model.authors), books: copy(model.books) }
}

describe.each(ENGINES)('joins with engine %s', (engine) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => SEED + i)

  it.each(seeds)('answer what a naive join would (seed %i)', async (seed) => {
    const chance = new Chance(seed)
    const options = { engine, durability: 'memory', history: { keep: 'forever' } } as const
    await using db = await open(join(root, `${engine}-${seed}`), options)
    const before = db.commit
    const teams = db.collection(Groups)
    const authors = db.collection(Writers)
    const books = db.collection(Books)
    const open_ = { teams, authors, books }
    const model: Model = { teams: new Map(), authors: new Map(), books: new Map() }
    type Where = Parameters<typeof teams.in>[0]
    const at = (where: Where): Joined =>
      ({ teams: teams.in(where), authors: authors.in(where), books: books.in(where) }) as never
    const past: { commit: number; model: Model }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < 30; i++) await change(open_ as never, model, chance)
      const said = `seed ${seed} round ${round}`
      for (let i = 0; i < 4; i++) await check(open_ as never, model, chance, said)
      past.push({ commit: db.commit, model: copyOf(model) })
      if (chance.is(30)) await db.flush()
      using snapshot = db.snapshot()
      const held = copyOf(model)
      let inside = copyOf(model)
      await db.transaction(async (tx) => {
        inside = copyOf(held)
        const within = { teams: teams.in(tx), authors: authors.in(tx), books: books.in(tx) }
        for (let i = 0; i < 10; i++) await change(within as never, inside, chance)
        for (let i = 0; i < 3; i++) await check(within as never, inside, chance, `${said} within`)
        await check(open_ as never, held, chance, `${said} beside`)
      })
      for (const kind of KINDS) {
        model[kind].clear()
        for (const [id, document] of inside[kind]) model[kind].set(id, document)
      }
      await check(at(snapshot as never), held, chance, `${said} snapshot`)
      const old = chance.one(past)
      using then = db.at(old.commit)
      await check(at(then as never), old.model, chance, `${said} at ${old.commit}`)
    }
    using nothing = db.at(before)
    expect(books.in(nothing).join({ author: true }).all()).toEqual([])
    expect(await books.in(nothing).join({ author: true }).allAsync()).toEqual([])
    expect(books.in(nothing).join({ author: true }).count()).toBe(0)
  })
})

async function filled() {
  const db = await open(':memory:', { memory: '256MB' })
  await db.collection(Teams).insertMany([{ id: 1, name: 'a' }])
  const authors = Array.from({ length: 200 }, (_, id) => ({
    id,
    city: id % 50 === 0 ? 'Rome' : 'Oslo',
    bio: id % 2 === 0 ? 'red' : 'green',
    team: id % 3 === 0 ? 1 : null,
  }))
  await db.collection(Authors).insertMany(authors)
  const books = Array.from({ length: 4000 }, (_, id) => ({
    id,
    author: id % 200,
    year: 1800 + (id % 200),
    title: 'x'.repeat(40),
  }))
  await db.collection(Books).insertMany(books)
  return db
}

describe('join', () => {
  it('begins with the side of which the fewest are asked for, and says so', async () => {
    await using db = await filled()
    const books = db.collection(Books)
    const few = books.join({ author: { where: { city: 'Rome' } } })
    expect(few.explain().steps.map(({ name, by }) => [name, by])).toEqual([
      ['author', 'walk'],
      ['books', 'reference'],
    ])
    expect(few.explain().steps[1]?.plan?.index).toBe('byAuthor')
    expect(few.count()).toBe(80)
    const one = books.join({ author: { where: { city: 'Oslo' } } }, { where: { id: 7 } })
    expect(one.explain().steps.map(({ name, by }) => [name, by])).toEqual([
      ['books', 'walk'],
      ['author', 'key'],
    ])
    const left = books.join({ author: { kind: 'left', where: { city: 'Rome' } } })
    expect(left.explain().steps[0]?.name).toBe('books')
    expect(left.explain().leaders).toHaveLength(1)
    expect(left.count()).toBe(4000)
  })

  it('needs no sorting where the leader is walked in the order that is asked for', async () => {
    await using db = await filled()
    const query = db
      .collection(Books)
      .join({ author: true }, { orderBy: { 'books.year': 'desc' }, limit: 5 })
    expect(query.explain()).toMatchObject({
      sorts: false,
      steps: [{ name: 'books' }, { by: 'key' }],
    })
    expect(query.all().map(({ books }) => books.year)).toEqual([1999, 1999, 1999, 1999, 1999])
    const other = db
      .collection(Books)
      .join({ author: true }, { orderBy: ['author.city', 'books.id'] })
    expect(other.explain().sorts).toBe(true)
    expect(other.first()).toMatchObject({ books: { id: 1 }, author: { city: 'Oslo' } })
  })

  it('selects fields of each side, under the names that are asked for', async () => {
    await using db = await filled()
    const query = db.collection(Books).join(
      {
        author: {
          as: 'writer',
          select: ['city'],
          along: { team: { kind: 'left', select: ['name'] } },
        },
      },
      { as: 'book', where: { id: { lt: 3 } }, select: ['year'], orderBy: 'book.id' },
    )
    const rows = [
      { book: { year: 1800 }, writer: { city: 'Rome' }, team: { name: 'a' } },
      { book: { year: 1801 }, writer: { city: 'Oslo' }, team: null },
      { book: { year: 1802 }, writer: { city: 'Oslo' }, team: null },
    ]
    expect(query.all()).toEqual(rows)
    const some = []
    for await (const row of query) some.push(row)
    expect(some).toEqual(rows)
    expect([...query]).toEqual(rows)
  })

  it('brings more rows of one document than pass at once', async () => {
    await using db = await filled()
    const authors = db.collection(Writers)
    const query = authors.join({ books: true }, { where: { id: { lt: 100 } }, orderBy: 'books.id' })
    expect(query.all()).toHaveLength(2000)
    const two = authors.join({ books: true, team: true }, { where: { team: 1 } })
    expect(await two.allAsync()).toHaveLength(67 * 20)
  })

  it('stops with TOO_LARGE where more has to be sorted than memory allows, and not with a limit', async () => {
    await using db = await open(join(root, 'large'), { memory: '8MB', durability: 'memory' })
    await db.collection(Authors).insert({ id: 1, city: 'Rome', bio: '', team: null })
    for (let from = 0; from < 20_000; from += 1000)
      await db.collection(Books).insertMany(
        Array.from({ length: 1000 }, (_, i) => ({
          id: from + i,
          author: 1,
          year: i,
          title: 'x',
        })),
      )
    const orderBy = ['author.city', { 'books.title': 'desc' }, 'books.year'] as const
    expect(() => db.collection(Books).join({ author: true }, { orderBy }).all()).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
    const some = db.collection(Books).join({ author: true }, { orderBy, limit: 3 })
    expect(some.all().map(({ books }) => books.year)).toEqual([0, 0, 0])
  })

  it.each<[string, object, object, RegExp]>([
    [
      'what is neither',
      { pages: true },
      {},
      /join\.pages: no reference or relation 'pages'; known are author, editor/,
    ],
    ['nothing', {}, {}, /names nothing to be joined/],
    ['undefined', { author: undefined }, {}, /join\.author is undefined/],
    [
      'an undefined option',
      { author: { where: undefined } },
      {},
      /join\.author\.where is undefined/,
    ],
    ['an unknown option', { author: { limit: 1 } }, {}, /join\.author: unknown option 'limit'/],
    [
      'an unknown kind',
      { author: { kind: 'outer' } },
      {},
      /join\.author\.kind must be 'inner' or 'left'/,
    ],
    [
      'an unknown field',
      { author: { where: { age: 1 } } },
      {},
      /join\.author\.where\.age: no field/,
    ],
    [
      'a deeper one',
      { author: { along: { team: { where: { age: 1 } } } } },
      {},
      /join\.author\.along\.team\.where\.age: no field/,
    ],
    [
      'a selection of none',
      { author: { select: ['age'] } },
      {},
      /join\.author\.select\[0\]: no field 'age'/,
    ],
    ['a name that is taken', { author: { as: 'books' } }, {}, /a row would have 'books' twice/],
    [
      'an unknown field of its own',
      { author: true },
      { where: { age: 1 } },
      /where\.age: no field/,
    ],
    [
      'an order by no side',
      { author: true },
      { orderBy: 'year' },
      /orderBy: 'year' begins with no side; known are books, author/,
    ],
    [
      'an order by no field',
      { author: true },
      { orderBy: [{ 'author.age': 'asc' }] },
      /orderBy\[0\]: author: no field 'age'/,
    ],
    ['a limit that is none', { author: true }, { limit: 0.5 }, /limit must be an integer/],
    ['an unknown option beside', { author: true }, { after: 'x' }, /join: unknown option 'after'/],
    ['no object', [], {}, /join must be an object/],
  ])('refuses %s', async (_, along, options, message) => {
    await using db = await open(':memory:')
    const books = db.collection(Books)
    expect(() => books.join(along as never, options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
    )
  })
})
