// bench/workloads/people.ts — collections: documents inserted with their indexes, got by key, and asked for by indexes and without.
//
// What is read is filled once per contestant, by batches of 1,000, settled and closed; each round opens it anew and warms up by asking.
import { deepStrictEqual } from 'node:assert'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expectCount } from '../check.ts'
import { Random } from '../data.ts'
import { syncFiles } from '../files.ts'
import {
  balanceOf,
  CITIES,
  COUNTRIES,
  countryOf,
  type IndexSet,
  type People,
  peopleOf,
  type Person,
  personOf,
  ROLES,
  scoreOf,
} from '../people.ts'
import { dataRoot } from '../place.ts'
import { alone, type Context, type Outcome, type Target, type Workload } from '../shape.ts'

const BATCH = 1000
const INSERTED = 100_000
const SAMPLE = 1000
const TOUCHED = 4 // One of so many, and so every block.

function batchesOf(count: number): Person[][] {
  const batches: Person[][] = []
  for (let first = 0; first < count; first += BATCH)
    batches.push(
      Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => personOf(first + i)),
    )
  return batches
}

function expectPeople(people: People, count: number): void {
  const random = new Random(count)
  for (let i = 0; i < SAMPLE; i += 1) {
    const id = i === 0 ? count - 1 : random.below(count)
    deepStrictEqual(people.get(id), personOf(id))
  }
  if (people.get(count) !== undefined) throw new Error('people: one too many')
}

// ---- writing

async function insert(context: Context, set: IndexSet): Promise<Outcome> {
  const count = context.count(INSERTED, BATCH)
  const batches = batchesOf(count)
  const path = join(context.path, String(context.round))
  mkdirSync(context.path, { recursive: true })
  const people = await peopleOf(context.contestant, path, set)
  const lap = await context.time(async () => {
    for (const batch of batches) {
      const done = people.insertMany(batch)
      if (done instanceof Promise) await done
    }
  })
  expectPeople(people, count)
  if (set === 5) expectScores(people, count, 20)
  await people.close()
  return { operations: count, lap }
}

function insertRow(set: 0 | 2 | 5): Workload {
  const name = `people-insert-${set}`
  const title = `collections: insert of documents with ${set} indexes, batches of 1,000`
  return alone(
    { name, title, per: 'cpu', targets: [{ times: 4 }] },
    {
      contest: 'kernels',
      begins: 'none',
      rivals: ['better-sqlite3'],
      run: (context) => insert(context, set),
    },
  )
}

// ---- reading

async function fill(contestant: string, path: string, count: number): Promise<void> {
  const unfinished = `${path}-unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(dirname(path), { recursive: true })
  const people = await peopleOf(contestant, unfinished, 'read')
  for (let first = 0; first < count; first += BATCH) {
    const size = Math.min(BATCH, count - first)
    await people.insertMany(Array.from({ length: size }, (_, i) => personOf(first + i)))
  }
  await people.settle()
  await people.close()
  syncFiles(unfinished)
  renameSync(unfinished, path)
}

/** So many people are read, by what `read` does so many times; it answers what was found, which `wanted` says beforehand. */
interface Reading {
  readonly operations: number
  readonly most: number
  readonly draw: (random: Random, count: number) => number
  readonly read: (people: People, drawn: number) => number
  readonly wanted: (drawn: number, count: number) => number
}

/** The path of what is filled. */
export async function filledPeople({ contestant, keyCount }: Context): Promise<string> {
  const path = join(dataRoot, 'filled', `people-${contestant}-${keyCount}`)
  if (!existsSync(path)) await fill(contestant, path, keyCount)
  return path
}

async function reading(context: Context, by: Reading): Promise<Outcome> {
  const { contestant, keyCount, round } = context
  const path = await filledPeople(context)
  const people = await peopleOf(contestant, path, 'read')
  expectPeople(people, keyCount)
  for (let id = 0; id < keyCount; id += TOUCHED) people.get(id) // Nobody is timed reading files.
  const random = new Random(round + 71)
  const operations = Math.min(by.most, context.count(by.operations))
  const drawn = Array.from({ length: operations }, () => by.draw(random, keyCount))
  for (const one of drawn.slice(0, Math.ceil(operations / 10))) by.read(people, one)
  const found: number[] = []
  const lap = await context.time(() => {
    for (const one of drawn) found.push(by.read(people, one))
    return Promise.resolve()
  })
  const every = Math.max(1, Math.floor(operations / 20))
  for (let i = 0; i < operations; i += every) {
    const wanted = by.wanted(drawn[i] ?? 0, keyCount)
    if (Math.abs((found[i] ?? NaN) - wanted) > Math.abs(wanted) * 1e-9)
      throw new Error(`people: ${found[i]} was found instead of ${wanted}`)
  }
  await people.close()
  return { operations, lap }
}

function readRow(
  name: string,
  title: string,
  targets: readonly Target[],
  rivals: readonly string[],
  by: Reading,
): Workload {
  return alone(
    { name: `people-${name}`, title: `collections: ${title}`, per: 'cpu', targets },
    {
      contest: 'kernels',
      begins: 'none',
      warmUps: 0,
      rivals,
      run: (context) => reading(context, by),
    },
  )
}

const length = (value: unknown): number => String(value).length
const readAll = (one: Person | undefined): number =>
  one === undefined
    ? NaN
    : one.id +
      length(one.name) +
      length(one.email) +
      one.age +
      length(one.city) +
      length(one.country) +
      length(one.role) +
      one.score +
      one.balance +
      Number(one.active) +
      length(one.notes)

const anyId = (random: Random, count: number) => random.below(count)
const SQLITE = ['better-sqlite3']
const missing = (): never => {
  throw new Error('people: no such method')
}

function eachIndex(count: number, visit: (index: number) => void): void {
  for (let index = 0; index < count; index += 1) visit(index)
}

function scoresIn(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => scoreOf(index)).sort()
}
let sorted: Float64Array | undefined

const HUNDRED = 100
function scoresFrom(rank: number, count: number): number {
  if (sorted?.length !== count) sorted = scoresIn(count)
  return sorted.subarray(rank, rank + HUNDRED).reduce((sum, score) => sum + score, 0)
}
function scoreAt(rank: number, count: number): number {
  if (sorted?.length !== count) sorted = scoresIn(count)
  return sorted[rank] ?? 0
}

function expectScores(people: People, count: number, times: number): void {
  const random = new Random(count)
  for (let i = 0; i < times; i += 1) {
    const rank = random.below(count - HUNDRED)
    const found = people.byScore?.(scoreAt(rank, count), HUNDRED) ?? []
    expectCount('people by score', found.length, HUNDRED)
    const sum = found.reduce((all, { score }) => all + score, 0)
    if (sum !== scoresFrom(rank, count)) throw new Error('people: others have these scores')
  }
}

// What is drawn is a rank, so that it can be told what is found; the score that is asked for is looked up before.
const range: Reading = {
  operations: 5000,
  most: 5000,
  draw: (random, count) => scoreAt(random.below(count - HUNDRED), count),
  read: (people, from) =>
    (people.byScore?.(from, HUNDRED) ?? missing()).reduce(
      (sum, one) => sum + one.score + length(one.notes) * 0,
      0,
    ),
  wanted: (from, count) => {
    const all = sorted ?? scoresIn(count)
    return scoresFrom(all.indexOf(from), count)
  },
}

const above: Omit<Reading, 'read' | 'wanted'> = {
  operations: 10,
  most: 10,
  draw: (random) => 5000 + random.below(10_000),
}

function totalAbove(balance: number, count: number, add: (balance: number) => number): number {
  let total = 0
  eachIndex(count, (index) => {
    const own = balanceOf(index)
    if (own >= balance) total += add(own)
  })
  return total
}

const groups: Reading = {
  operations: 5,
  most: 5,
  draw: () => 0,
  read: (people) =>
    (people.cities?.() ?? missing()).reduce((sum, one) => sum + one.people * one.mean, 0),
  wanted: (_, count) => totalAbove(0, count, (balance) => balance),
}

// A country, a role and whether somebody is active, in one number.
const among: Reading = {
  operations: 2000,
  most: 2000,
  draw: (random) => random.below(COUNTRIES * ROLES.length * 2),
  read: (people, drawn) =>
    people.countOf?.(
      countryOf(drawn),
      ROLES[Math.floor(drawn / COUNTRIES) % 4] ?? '',
      drawn >= COUNTRIES * 4,
    ) ?? missing(),
  wanted: (drawn, count) => {
    let total = 0
    const role = ROLES[Math.floor(drawn / COUNTRIES) % 4]
    eachIndex(count, (index) => {
      const one = personOf(index)
      const isOne = one.country === countryOf(drawn) && one.role === role
      if (isOne && one.active === drawn >= COUNTRIES * 4) total += 1
    })
    return total
  },
}

export const peopleWorkloads: readonly Workload[] = [
  insertRow(0),
  insertRow(2),
  insertRow(5),
  readRow('get', 'get by key, all 11 fields', [{ times: 3, of: 'lmdb' }], ['lmdb'], {
    operations: 200_000,
    most: 200_000,
    draw: anyId,
    read: (people, id) => readAll(people.get(id)),
    wanted: (id) => readAll(personOf(id)),
  }),
  readRow('get-one', 'get by key, one field', [{ times: 5, of: 'lmdb' }], ['lmdb'], {
    operations: 200_000,
    most: 200_000,
    draw: anyId,
    read: (people, id) => people.age(id) ?? NaN,
    wanted: (id) => personOf(id).age,
  }),
  readRow('range', 'index range of 100 documents', [{ times: 3 }], SQLITE, range),
  readRow('count', 'count by an unindexed field, of 1 M', [{ times: 5 }], SQLITE, {
    ...above,
    read: (people, balance) => people.countAbove?.(balance) ?? missing(),
    wanted: (balance, count) => totalAbove(balance, count, () => 1),
  }),
  readRow('sum', 'sum by an unindexed field, of 1 M', [{ times: 5 }], SQLITE, {
    ...above,
    read: (people, balance) => people.sumAbove?.(balance) ?? missing(),
    wanted: (balance, count) => totalAbove(balance, count, (own) => own),
  }),
  readRow('group', `count and mean by ${CITIES} groups, of 1 M`, [{ times: 30 }], SQLITE, groups),
  readRow('bitmaps', 'count by three bitmap indexes, of 1 M', [{ times: 20 }], SQLITE, among),
]
