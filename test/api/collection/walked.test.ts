// Counts and figures of documents that are walked one after the other, many at a time: of tables, of several versions, and beside what no table has yet.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, t } from '../../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-walked-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const schema = {
  id: t.int32(),
  tiny: t.int32({ min: -9, max: 9 }),
  byte: t.int32({ min: 0, max: 200 }),
  short: t.int32({ min: -3000, max: 3000 }),
  word: t.int32({ min: 0, max: 60_000 }),
  int: t.int32(),
  price: t.float64(),
  at: t.date(),
  city: t.string(),
  notes: t.string(),
}
const Things = collection('things', { key: 'id', schema })
const NUMBERS = ['tiny', 'byte', 'short', 'word', 'int', 'price', 'at'] as const
type Thing = ReturnType<typeof thing>

const thing = (id: number, turn = 0) => {
  const n = ((id + turn * 31) * 7919) % 1000
  return {
    id,
    tiny: (n % 19) - 9,
    byte: n % 201,
    short: (n % 61) * 100 - 3000,
    word: (n % 7) * 10_000,
    int: (n - 500) * 1_000_000,
    price: n === 7 ? -Infinity : n === 9 ? Infinity : n === 11 ? -0 : (n - 500) / 8,
    at: new Date(n * 86_400_000),
    // Wide notes make the city beside them wide; some cities are longer than most.
    city: n % 50 === 0 ? `${'x'.repeat(60)}${n % 100}` : `city-${n % 40}`,
    notes: n % 3 === 0 ? 'ноты' : n % 3 === 1 ? 'notes' : '',
  }
}

async function opened(name: string) {
  const db = await open(join(root, name), { durability: 'memory', history: { keep: 'forever' } })
  return { db, things: db.collection(Things) }
}
type Opened = Pick<Awaited<ReturnType<typeof opened>>['things'], 'count' | 'aggregate'>

const OPERATORS = {
  eq: (a: number, b: number) => a === b,
  gt: (a: number, b: number) => a > b,
  gte: (a: number, b: number) => a >= b,
  lt: (a: number, b: number) => a < b,
  lte: (a: number, b: number) => a <= b,
}

function figuresOf(of: readonly Thing[]) {
  const groups = new Map<string, { city: string; all: number; sum: number }>()
  for (const { city, int } of of) {
    const group = groups.get(city) ?? { city, all: 0, sum: 0 }
    groups.set(city, { city, all: group.all + 1, sum: group.sum + int })
  }
  return [...groups.values()].sort((a, b) => (a.city < b.city ? -1 : 1))
}

function check(things: Opened, model: ReadonlyMap<number, Thing>): void {
  const all = [...model.values()]
  const operands = all.filter((_, i) => i % 97 === 0)
  for (const field of NUMBERS)
    for (const [operator, holds] of Object.entries(OPERATORS))
      for (const one of operands) {
        const where = { [field]: { [operator]: one[field] } } as never
        const wanted = all.filter((other) => holds(Number(other[field]), Number(one[field])))
        expect(things.count({ where }), `${field} ${operator} ${Number(one[field])}`).toBe(
          wanted.length,
        )
      }
  const where = { price: { between: [-20, 30] }, word: { gt: 0 }, notes: { ne: '' } } as never
  const some = all.filter((o) => o.price >= -20 && o.price <= 30 && o.word > 0 && o.notes !== '')
  expect(things.count({ where })).toBe(some.length)
  const values = { all: { count: true }, sum: { sum: 'int' } } as const
  expect(things.aggregate({ where, groupBy: 'city', values })).toEqual(figuresOf(some))
  const finite = all.filter(({ price }) => Number.isFinite(price))
  const whole = {
    where: { price: { gt: -1e9, lt: 1e9 } },
    values: { all: { count: true }, sum: { sum: 'price' } },
  } as const
  const total = (of: readonly Thing[]) => of.reduce((sum, { price }) => sum + price, 0)
  expect(things.aggregate(whole)).toEqual({ all: finite.length, sum: total(finite) })
  const rows = things.aggregate({ ...whole, groupBy: 'city' })
  const cities = figuresOf(finite)
  expect(rows).toEqual(
    cities.map(({ city, all: count }) => {
      const sum = total(finite.filter((one) => one.city === city))
      return { city, all: count, sum }
    }),
  )
}

describe('documents that are walked', () => {
  it('count as one by one, in tables, across levels, and beside changes no table has', async () => {
    const { db, things } = await opened('levels')
    const model = new Map<number, Thing>()
    const put = async (ids: number[], turn: number) => {
      await db.transaction(async (tx) => {
        for (const id of ids) await things.in(tx).put(thing(id, turn))
      })
      for (const id of ids) model.set(id, thing(id, turn))
    }
    const every = (step: number, from = 0) =>
      Array.from({ length: 900 }, (_, i) => i).filter((i) => i % step === from)
    await put(every(1), 0)
    check(things, model)
    await db.flush()
    check(things, model)
    await db.compact()
    check(things, model)
    const before = new Map(model)
    await using snapshot = db.snapshot()
    await put(every(7, 3), 1)
    for (const id of every(11)) {
      await things.delete(id)
      model.delete(id)
    }
    check(things, model)
    await db.flush()
    check(things, model)
    check(things.in(snapshot), before)
    await put(every(13, 5), 2)
    check(things, model)
    await db.flush()
    await db.compact()
    check(things, model)
    check(things.in(snapshot), before)
    await snapshot.close()
    await db.close()
  })

  it('count documents of older versions of the declaration among newer ones', async () => {
    const first = await opened('versions')
    const ids = Array.from({ length: 500 }, (_, i) => i)
    await first.things.insertMany(ids.map((id) => thing(id)))
    await first.db.flush()
    await first.db.close()
    const db = await open(join(root, 'versions'), { durability: 'memory' })
    const { price, city, ...others } = schema
    const moved = { grade: t.float64().default(2), ...others, city, price }
    const things = db.collection(collection('things', { key: 'id', schema: moved }))
    await things.insertMany(ids.map((id) => ({ ...thing(1000 + id), grade: 1 })))
    for (let id = 0; id < 500; id += 3) await things.update(id, { grade: 3 })
    await db.flush()
    const model = new Map(
      [...ids, ...ids.map((id) => 1000 + id)].map((id) => [id, thing(id)] as const),
    )
    check(things as never, model)
    const groups = { values: { all: { count: true }, sum: { sum: 'grade' } } } as const
    expect(things.count({ where: { grade: 2 } })).toBe(333)
    expect(things.aggregate(groups)).toEqual({ all: 1000, sum: 500 + 333 * 2 + 167 * 3 })
    await db.close()
  })
})
