// bench/people.ts — collections of people behind one shape: ours, better-sqlite3 by a table with the same indexes, and lmdb by msgpackr with shared
// structures.
//
// Each in its quickest way: statements are prepared once, a batch is one transaction, a rival makes the same objects that ours does. What lmdb has no index for
// it has no method for, and is no rival in that row. Nothing is synced (`os` in README.md); memory is 1 GB each, so that everything fits.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Lib from '../lib/index.ts'
import { textOf } from './data.ts'
import { repositoryRoot } from './place.ts'
import type { Maybe } from './shape.ts'

export interface Person {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly age: number
  readonly city: string
  readonly country: string
  readonly role: string
  readonly score: number
  readonly balance: number
  readonly active: boolean
  readonly notes: string
}
export interface Group {
  readonly city: string
  readonly people: number
  readonly mean: number
}

export interface People {
  insertMany(people: readonly Person[]): Maybe<unknown>
  get(id: number): Person | undefined
  age(id: number): number | undefined
  // By an index on `score`.
  byScore?(from: number, limit: number): readonly Person[]
  // By none.
  countAbove?(balance: number): number
  sumAbove?(balance: number): number
  cities?(): readonly Group[]
  // By an index on each.
  countOf?(country: string, role: string, active: boolean): number
  settle(): Maybe<unknown>
  close(): Maybe<unknown>
}

// ---- the people

export const COUNTRIES = 50
export const CITIES = 1000
export const ROLES = ['guest', 'member', 'editor', 'admin'] as const
export const countryOf = (number: number) => `country-${number % COUNTRIES}`
const POOL = 4096
const pool: string[] = []

function pooled(number: number): string {
  if (pool.length === 0) for (let i = 0; i < POOL; i += 1) pool.push(textOf(i, 60))
  return pool[number % POOL] ?? ''
}
// Spread over all 32 bits, each number once.
const spread = (index: number) => Math.imul(index + 1, 0x9e3779b1) >>> 0

export const scoreOf = (index: number): number => spread(index) / 16
export const balanceOf = (index: number): number => (spread(index * 7 + 3) % 100_000) / 4

export function personOf(index: number): Person {
  const bits = spread(index * 3 + 1) >>> 4
  const text = pooled(bits)
  return {
    id: index,
    name: text.slice(0, 20),
    email: `${index}${text.slice(20, 28)}@example.org`,
    age: bits % 90,
    city: `city-${bits % CITIES}`,
    country: countryOf(bits >>> 3),
    role: ROLES[(bits >>> 9) % 4] ?? 'guest',
    score: scoreOf(index),
    balance: balanceOf(index),
    active: (bits >>> 11) % 2 === 0,
    notes: pooled(bits >>> 5),
  }
}

// ---- indexes: fields by name, and which of them ours keeps as bitmaps

export type IndexSet = 0 | 2 | 5 | 'read'
interface Index {
  readonly on: readonly (keyof Person)[]
  readonly unique?: boolean
  readonly isBitmap?: boolean
}
const AGE: Index = { on: ['age'] }
const CITY: Index = { on: ['city'] }
const SCORE: Index = { on: ['score'] }
const MORE: readonly Index[] = [{ on: ['email'], unique: true }, SCORE, { on: ['country', 'age'] }]
const BITMAPS: readonly Index[] = [
  { on: ['country'], isBitmap: true },
  { on: ['role'], isBitmap: true },
  { on: ['active'], isBitmap: true },
]
const SETS: Readonly<Record<IndexSet, readonly Index[]>> = {
  0: [],
  2: [AGE, CITY],
  5: [AGE, CITY, ...MORE],
  read: [SCORE, ...BITMAPS],
}
const MEMORY_BYTES = 1 << 30

// ---- ours, as a user has it: the bundle of dist/ over the addon of build/Release

export const ourPackage = () =>
  import(pathToFileURL(join(repositoryRoot, 'dist', 'index.js')).href) as Promise<typeof Lib>

function declared({ collection, t }: typeof Lib, set: IndexSet) {
  const indexes = SETS[set].map(({ on, unique = false, isBitmap = false }) => [
    `by_${on.join('_')}`,
    isBitmap ? { on: on[0] ?? '', kind: 'bitmap' as const } : { on, unique },
  ])
  return collection('people', {
    key: 'id',
    schema: {
      id: t.int32(),
      name: t.string(),
      email: t.string(),
      age: t.int32({ min: 0, max: 150 }),
      city: t.string(),
      country: t.string(),
      role: t.string(),
      score: t.float64(),
      balance: t.float64(),
      active: t.boolean(),
      notes: t.string(),
    },
    indexes: Object.fromEntries(indexes) as Record<never, never>,
  })
}

/** The store and the collection themselves. */
export async function openPeople(path: string, set: IndexSet) {
  const lib = await ourPackage()
  const db = await lib.open(path, { durability: 'os', memory: MEMORY_BYTES })
  return { db, people: db.collection(declared(lib, set)) }
}

async function ours(path: string, set: IndexSet): Promise<People> {
  const { db, people } = await openPeople(path, set)
  return {
    insertMany: (all) => people.insertMany(all),
    get: (id) => people.get(id),
    age: (id) => people.get(id, { select: ['age'] })?.age,
    byScore: (from, limit) =>
      people.find({ where: { score: { gte: from } }, orderBy: 'score', limit }).all(),
    countAbove: (balance) => people.count({ where: { balance: { gte: balance } } }),
    sumAbove: (balance) =>
      people.aggregate({
        where: { balance: { gte: balance } },
        values: { sum: { sum: 'balance' } },
      }).sum,
    cities: () =>
      people.aggregate({
        groupBy: 'city',
        values: { people: { count: true }, mean: { avg: 'balance' } },
      }) as readonly Group[],
    countOf: (country, role, active) => people.count({ where: { country, role, active } }),
    async settle() {
      await people.ready()
      await db.flush()
      await db.compact()
    },
    close: () => db.close(),
  }
}

// ---- rivals

const FIELDS = Object.keys(personOf(0)) as readonly (keyof Person)[]
const CREATE = `CREATE TABLE IF NOT EXISTS people (
  id INTEGER PRIMARY KEY, name TEXT, email TEXT, age INTEGER, city TEXT, country TEXT,
  role TEXT, score REAL, balance REAL, active INTEGER, notes TEXT)`
type Row = Omit<Person, 'active'> & { readonly active: number }

async function sqlite(path: string, set: IndexSet): Promise<People> {
  const { default: Sqlite } = await import('better-sqlite3')
  mkdirSync(path, { recursive: true })
  const db = new Sqlite(join(path, 'data.db'))
  for (const pragma of ['journal_mode = WAL', 'synchronous = OFF', 'temp_store = MEMORY'])
    db.exec(`PRAGMA ${pragma}`)
  db.exec(`PRAGMA cache_size = -${MEMORY_BYTES / 1024}`)
  db.exec(CREATE)
  for (const { on, unique = false } of SETS[set]) {
    const what = unique ? 'UNIQUE INDEX' : 'INDEX'
    db.exec(`CREATE ${what} IF NOT EXISTS by_${on.join('_')} ON people (${on.join()})`)
  }
  const insert = db.prepare(`INSERT INTO people VALUES (${FIELDS.map(() => '?').join()})`)
  const get = db.prepare('SELECT * FROM people WHERE id = ?')
  const age = db.prepare('SELECT age FROM people WHERE id = ?').pluck()
  const range = db.prepare('SELECT * FROM people WHERE score >= ? ORDER BY score LIMIT ?')
  const count = db.prepare('SELECT count(*) FROM people WHERE balance >= ?').pluck()
  const sum = db.prepare('SELECT sum(balance) FROM people WHERE balance >= ?').pluck()
  const cities = db.prepare(
    'SELECT city, count(*) AS people, avg(balance) AS mean FROM people GROUP BY city ORDER BY city',
  )
  const among = db
    .prepare('SELECT count(*) FROM people WHERE country = ? AND role = ? AND active = ?')
    .pluck()
  // A boolean is one again, as ours is.
  const asPerson = (row: unknown) => ({ ...(row as Row), active: (row as Row).active === 1 })
  return {
    insertMany: db.transaction((all: readonly Person[]) => {
      for (const one of all)
        insert.run(...FIELDS.map((name) => (name === 'active' ? Number(one.active) : one[name])))
    }),
    get(id) {
      const row = get.get(id)
      return row === undefined ? undefined : asPerson(row)
    },
    age: (id) => age.get(id) as number | undefined,
    byScore: (from, limit) => range.all(from, limit) as unknown as readonly Person[],
    countAbove: (balance) => count.get(balance) as number,
    sumAbove: (balance) => sum.get(balance) as number,
    cities: () => cities.all() as readonly Group[],
    countOf: (country, role, active) => among.get(country, role, Number(active)) as number,
    settle: () => db.exec('PRAGMA wal_checkpoint(TRUNCATE); ANALYZE'),
    close: () => db.close(),
  }
}

async function lmdb(path: string): Promise<People> {
  const { open } = await import('lmdb')
  mkdirSync(path, { recursive: true })
  const db = open<Person, number>({
    path,
    encoding: 'msgpack',
    noSync: true,
    sharedStructuresKey: Symbol.for('structures'),
    mapSize: 2 ** 36,
  })
  return {
    insertMany: (all) => db.batch(() => all.forEach((one) => void db.put(one.id, one))),
    get: (id) => db.get(id),
    age: (id) => db.get(id)?.age,
    settle: () => db.flushed,
    close: () => db.close(),
  }
}

export async function peopleOf(contestant: string, path: string, set: IndexSet): Promise<People> {
  if (contestant === 'better-sqlite3') return sqlite(path, set)
  return contestant === 'lmdb' ? lmdb(path) : ours(path, set)
}
