// Fields of free forms: what is asked of them finds what it would if they were declared, with an index and without, and mixed with what is.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { collection, open, type Store, t } from '../../../lib/index.ts'
import { Chance } from './chance.ts'

interface Log {
  readonly id: number
  readonly level?: string | null
  readonly size?: number
  readonly at?: Date
  readonly tags?: string[]
  readonly from?: { readonly host?: string; readonly port?: number }
}

const declared = {
  level: t.string().optional().nullable(),
  size: t.float64().optional(),
  at: t.date().optional(),
  tags: t.array(t.string()).optional(),
  from: t.object({ host: t.string().optional(), port: t.float64().optional() }).optional(),
}
const INDEXES = {
  level: 'ordered',
  size: 'bitmap',
  tags: { on: 'tags', multiple: true },
  byHost: { on: ['from.host', 'from.port'] },
  words: { on: 'level', kind: 'text' },
  shout: { on: (log: Log) => log.level?.toUpperCase() },
} as const

const Declared = collection('declared', { key: 'id', schema: { id: t.int32(), ...declared } })
const Bare = collection('bare', { key: 'id', schema: t.json<Log>() })
const Indexed = collection('indexed', { key: 'id', schema: t.json<Log>(), indexes: INDEXES })
const Mixed = collection('mixed', {
  key: 'id',
  schema: { id: t.int32(), level: declared.level },
  extra: 'keep',
  indexes: { level: 'ordered', at: { on: 'at' } },
})

const LEVELS = ['info', 'information', 'warn', 'error', null, undefined]
const TAGS = ['a', 'b', 'c']
const random = new Chance(7)
const one = <T>(of: readonly T[]): T => random.one(of)

function logOf(id: number): Log {
  const host = one(['x', 'y', undefined])
  const all = {
    id,
    level: one(LEVELS),
    size: one([undefined, -1, 0, 2.5, 7]),
    at: one([undefined, new Date(0), new Date(1000)]),
    tags: one([undefined, [], TAGS.slice(random.below(3)), [one(TAGS)]]),
    from: one([undefined, { ...(host === undefined ? {} : { host }), port: random.below(3) }]),
  }
  return Object.fromEntries(Object.entries(all).filter(([, it]) => it !== undefined)) as never
}
const LOGS = Array.from({ length: 120 }, (_, id) => logOf(id))

const WHERES: readonly object[] = [
  { level: 'info' },
  { level: null },
  { level: { ne: 'info' } },
  { level: { startsWith: 'info' } },
  { level: { in: ['warn', 'error', null] } },
  { level: { notIn: ['warn'] } },
  { level: { gt: 'error', lte: 'warn' } },
  { size: { between: [0, 3] } },
  { size: { isNull: false } },
  { size: { in: [7, -1] } },
  { at: new Date(1000) },
  { at: { lt: new Date(1000) } },
  { tags: { has: 'b' } },
  { tags: { hasAny: ['a', 'c'] } },
  { tags: { hasAll: ['b', 'c'] } },
  { from: { host: 'x' } },
  { from: { host: 'y', port: { gte: 1 } } },
  { from: { isNull: true } },
  { or: [{ level: 'warn' }, { not: { size: { gt: 0 } } }] },
  { id: { lt: 60 }, level: 'info', tags: { has: 'a' } },
]
const ORDERS: readonly unknown[] = [
  undefined,
  'level',
  { size: 'desc' },
  ['from.host', { at: 'desc' }, 'id'],
]

let db: Store
beforeAll(async () => {
  db = await open(':memory:')
  for (const declaration of [Declared, Bare, Indexed, Mixed])
    await db.collection(declaration as typeof Bare).insertMany(LOGS as Log[])
})
afterAll(() => db.close())

const asked = (declaration: unknown, options: object) =>
  db.collection(declaration as typeof Bare).find(options as never)
const ids = (all: readonly unknown[]) => all.map((log) => (log as Log).id)

describe.each(Object.entries({ Bare, Indexed, Mixed }))('%s', (_, declaration) => {
  const cases = WHERES.flatMap((where) => ORDERS.map((orderBy) => [where, orderBy] as const))

  it.each(cases)('where %j order by %j', async (where, orderBy) => {
    const order = orderBy === undefined ? {} : { orderBy: [orderBy, 'id'].flat() }
    const options = { where, ...order }
    const wanted = asked(Declared, options).all()
    const query = asked(declaration, options)
    const sorted = (all: readonly unknown[]) =>
      orderBy === undefined ? ids(all).sort((a, b) => a - b) : ids(all)
    expect(sorted(query.all())).toEqual(sorted(wanted))
    expect(sorted(await query.allAsync())).toEqual(sorted(wanted))
    expect(query.count()).toBe(wanted.length)
    const limited = { ...options, limit: 5, offset: 2 }
    if (orderBy !== undefined)
      expect(ids(asked(declaration, limited).all())).toEqual(ids(asked(Declared, limited).all()))
  })

  it('comes page by page, and in transactions with what they have written', async () => {
    const options = { where: { level: { gte: 'i' } }, orderBy: ['level', 'id'] }
    const wanted = ids(asked(Declared, options).all())
    const found: number[] = []
    let after: string | undefined
    do {
      const page = asked(declaration, options).page({ size: 7, ...(after && { after }) })
      found.push(...ids(page.items))
      after = page.next
    } while (after !== undefined)
    expect(found).toEqual(wanted)
    const all = db.collection(declaration as typeof Bare)
    await db
      .transaction((tx) => {
        all.in(tx).insert({ id: 999, level: 'zzz', size: 99 })
        expect(
          ids(
            all
              .in(tx)
              .find({ where: { size: 99 } })
              .all(),
          ),
        ).toEqual([999])
        expect(all.in(tx).count({ where: { level: 'zzz' } })).toBe(1)
        throw new Error('no')
      })
      .catch(() => undefined)
    expect(all.count({ where: { size: 99 } })).toBe(0)
  })
})

describe('a field of a free form', () => {
  it('with an index is the core’s, and without one asked about in JavaScript: explain() says so', () => {
    const by = (declaration: unknown, where: object) => asked(declaration, { where }).explain()
    expect(by(Indexed, { level: 'info' })).toMatchObject({ index: 'level', free: [] })
    expect(by(Indexed, { tags: { has: 'a' } })).toMatchObject({ index: 'tags', free: [] })
    expect(by(Indexed, { from: { host: 'x' } })).toMatchObject({ index: 'byHost', free: [] })
    expect(by(Indexed, { at: new Date(0) })).toMatchObject({ free: ['at'], converting: [] })
    expect(by(Mixed, { level: 'info', size: 7 })).toMatchObject({ index: 'level', free: ['size'] })
  })

  it('is found by words where a text index is on it', () => {
    expect(asked(Indexed, { where: { level: { match: 'warn' } } }).count()).toBe(
      LOGS.filter(({ level }) => level === 'warn').length,
    )
    expect(() => asked(Bare, { where: { level: { match: 'warn' } } })).toThrow(
      "where.level.match: 'level' has no text index",
    )
  })

  it('is not mistaken for what a function of an index of the same name makes', async () => {
    const Odd = collection('odd', {
      key: 'id',
      schema: t.json<Log>(),
      indexes: { level: { on: (log: Log) => log.level?.toUpperCase() }, plain: { on: 'level' } },
    })
    const odd = db.collection(Odd)
    await odd.insertMany([
      { id: 1, level: 'a' },
      { id: 2, level: 'B' },
    ])
    expect(odd.find({ where: { level: 'a' } }).all()).toEqual([{ id: 1, level: 'a' }])
    expect(odd.find({ where: { level: 'A' } }).all()).toEqual([])
    expect(odd.find({ where: { level: 'a' } }).explain()).toMatchObject({ index: 'plain' })
  })

  it('that has no order, or another type, is simply not found', async () => {
    const Any = collection('any', { key: 'id', schema: t.json<{ id: number; v?: unknown }>() })
    const any = db.collection(Any)
    await any.insertMany([
      { id: 1, v: { deep: [1] } },
      { id: 2, v: 'x' },
      { id: 3, v: 5 },
      { id: 4 },
      { id: 5, v: null },
    ])
    const found = (v: unknown) => ids(any.find({ where: { v } as never }).all())
    expect(found(5)).toEqual([3])
    expect(found({ gt: 4 })).toEqual([2, 3])
    expect(found({ ne: 'x' })).toEqual([1, 3, 4, 5])
    expect(found(null)).toEqual([4, 5])
    expect(found({ deep: { has: 1 } })).toEqual([1])
    expect(found({ lt: 'a' })).toEqual([3])
    expect(ids(any.find({ orderBy: ['v', 'id'] as never }).all())).toEqual([1, 4, 5, 3, 2])
  })

  it('is INVALID where only the core could ask it, in words that help', () => {
    const bare = db.collection(Bare)
    const helps = /'size' is stored in a free form.*declare its type \(storage\), or an index on it/
    expect(() => bare.aggregate({ values: { most: { max: 'size' } } })).toThrow(helps)
    expect(() =>
      bare.aggregate({ where: { size: 5 }, values: { people: { count: true } } }),
    ).toThrow(helps)
    expect(() => asked(Bare, { where: { size: undefined } })).toThrow('where.size is undefined')
    expect(() => asked(Bare, { where: { size: { gt: undefined } } })).toThrow(
      'where.size.gt is undefined',
    )
    expect(() => asked(Bare, { where: { '#size': 5 } })).toThrow("no field '#size'")
    expect(() => asked(Declared, { where: { other: 5 } })).toThrow("no field 'other'")
    const near = { near: { lat: 1, lng: 2 } }
    expect(() => asked(Bare, { where: { size: near } })).toThrow('where.size.near: no operator')
  })

  it('that an index is on has figures, as far as its values have an order', () => {
    const indexed = db.collection(Indexed)
    const levels = indexed.aggregate({ groupBy: 'level', values: { count: { count: true } } })
    const wanted = db
      .collection(Declared)
      .aggregate({ groupBy: 'level', values: { count: { count: true } } })
    expect(levels).toEqual(wanted)
  })
})
