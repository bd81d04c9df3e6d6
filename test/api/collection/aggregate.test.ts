// Figures of documents, by groups and alone: what they are, and what is refused.
import { describe, expect, it } from 'vitest'

import { collection, open, t } from '../../../lib/index.ts'

const Sales = collection('sales', {
  key: 'id',
  schema: {
    id: t.uuid(),
    n: t.int32(),
    price: t.float64().optional(),
    big: t.int64(),
    city: t.string().nullable(),
    at: t.date(),
    place: t.object({ zip: t.string() }),
    tags: t.array(t.string()),
  },
  indexes: { city: 'ordered', tags: 'ordered' },
})
const DAY = 86_400_000
const uuid = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
const sale = (n: number) => ({
  id: uuid(n),
  n,
  ...(n % 3 === 0 ? {} : { price: n / 4 }),
  big: 2n ** 60n,
  city: n % 4 === 0 ? null : `c${n % 4}`,
  at: new Date(n * DAY),
  place: { zip: `z${n % 2}` },
  tags: ['x', `t${n % 2}`],
})
const filled = async (count: number) => {
  const db = await open(':memory:')
  await db.collection(Sales).insertMany(Array.from({ length: count }, (_, n) => sale(n)))
  return db
}

describe('aggregate()', () => {
  it('answers one row of all documents', async () => {
    await using db = await filled(6)
    const row = db.collection(Sales).aggregate({
      values: {
        all: { count: true },
        priced: { count: 'price' },
        cities: { distinct: 'city' },
        total: { sum: 'price' },
        numbers: { sum: 'n' },
        bigs: { sum: 'big' },
        mean: { avg: 'n' },
        first: { min: 'id' },
        last: { max: 'at' },
        zip: { max: 'place.zip' },
      },
    })
    expect(row).toEqual({
      all: 6,
      priced: 4,
      cities: 3,
      total: 3,
      numbers: 15,
      bigs: 6n * 2n ** 60n,
      mean: 2.5,
      first: uuid(0),
      last: new Date(5 * DAY),
      zip: 'z1',
    })
  })

  it('gives each of a thousand groups the figures of its own documents', async () => {
    await using db = await open(':memory:')
    const Parcels = collection('parcels', {
      key: 'id',
      schema: { id: t.int32(), shop: t.string(), weight: t.float64(), sent: t.date() },
    })
    const parcels = db.collection(Parcels)
    const shops = 1000
    const id = (shop: number, nth: number) => nth * shops + shop
    await parcels.insertMany(
      Array.from({ length: 5 * shops }, (_, n) => ({
        id: n,
        shop: `s${n % shops}`,
        weight: n / 4,
        sent: new Date(n * DAY),
      })),
    )
    const rows = parcels.aggregate({
      where: { sent: { gte: new Date(id(0, 2) * DAY) }, weight: { lt: id(0, 4) / 4 } },
      groupBy: 'shop',
      values: {
        all: { count: true },
        total: { sum: 'weight' },
        mean: { avg: 'weight' },
        first: { min: 'id' },
        last: { max: 'sent' },
        ids: { distinct: 'id' },
      },
    })
    expect(rows).toHaveLength(shops)
    for (const row of rows) {
      const shop = Number(row.shop.slice(1))
      expect(row).toEqual({
        shop: `s${shop}`,
        all: 2,
        total: (id(shop, 2) + id(shop, 3)) / 4,
        mean: (id(shop, 2) + id(shop, 3)) / 8,
        first: id(shop, 2),
        last: new Date(id(shop, 3) * DAY),
        ids: 2,
      })
    }
  })

  it('answers rows by groups, in their order or the one asked for', async () => {
    await using db = await filled(8)
    const sales = db.collection(Sales)
    const values = { count: { count: true }, top: { max: 'n' } } as const
    expect(sales.aggregate({ groupBy: 'city', values })).toEqual([
      { city: null, count: 2, top: 4 },
      { city: 'c1', count: 2, top: 5 },
      { city: 'c2', count: 2, top: 6 },
      { city: 'c3', count: 2, top: 7 },
    ])
    const some = sales.aggregate({
      where: { tags: { hasAny: ['x', 't1'] } },
      groupBy: ['place.zip', 'city'],
      values,
      having: { top: { gte: 5 }, city: { ne: 'c2' } },
      orderBy: { top: 'desc' },
      limit: 1,
      offset: 1,
    })
    expect(some).toEqual([{ 'place.zip': 'z1', city: 'c1', count: 2, top: 5 }])
    const weeks = sales.aggregate({
      groupBy: {
        week: { histogram: 'at', width: 7 * DAY, origin: -DAY },
        tens: { histogram: 'price', width: 0.5 },
      },
      values: { count: { count: true } },
      having: { tens: { lt: 1 } },
    })
    expect(weeks).toEqual([
      { week: new Date(-DAY), tens: 0, count: 1 },
      { week: new Date(-DAY), tens: 0.5, count: 1 },
    ])
  })

  it('has sums of nothing, and nothing of the rest', async () => {
    await using db = await filled(0)
    const sales = db.collection(Sales)
    const values = { count: { count: true }, sum: { sum: 'big' }, max: { max: 'n' } } as const
    expect(sales.aggregate({ values })).toEqual({ count: 0, sum: 0n, max: null })
    expect(sales.aggregate({ values, groupBy: 'n' })).toEqual([])
  })

  it('sums below zero do not lose their digits', async () => {
    await using db = await filled(0)
    const sales = db.collection(Sales)
    await sales.insertMany([-3, 1, -2].map((n, i) => ({ ...sale(i), n, big: BigInt(n) })))
    const values = { sum: { sum: 'n' }, mean: { avg: 'big' }, big: { sum: 'big' } } as const
    expect(sales.aggregate({ values })).toEqual({ sum: -4, mean: -4 / 3, big: -4n })
  })

  it('refuses sums beyond 64 bits, and more groups than there is memory for', async () => {
    await using db = await filled(9)
    const sales = db.collection(Sales)
    const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' })
    expect(() => sales.aggregate({ values: { sum: { sum: 'big' } } })).toThrow(tooLarge)
    await using small = await open(':memory:', { memory: '8MB' })
    const many = small.collection(Sales)
    for (let n = 0; n < 12_000; n += 1000)
      await many.insertMany(
        Array.from({ length: 1000 }, (_, i) => ({ ...sale(n + i), big: 0n, tags: [] })),
      )
    const values = { count: { count: true } } as const
    expect(() => many.aggregate({ groupBy: 'n', values })).toThrow(tooLarge)
    expect(many.aggregate({ values })).toEqual({ count: 12_000 })
  })

  it.each<[string, object, RegExp]>([
    ['no figures', { values: {} }, /values must be an object of figures/],
    ['an unknown figure', { values: { a: { median: 'n' } } }, /values\.a must be one of count/],
    ['two at once', { values: { a: { min: 'n', max: 'n' } } }, /values\.a must be one of count/],
    [
      'a sum of strings',
      { values: { a: { sum: 'city' } } },
      /values\.a\.sum: 'city' must be of numb/,
    ],
    [
      'a maximum of arrays',
      { values: { a: { max: 'tags' } } },
      /must be of a type that has an ord/,
    ],
    ['an unknown field', { values: { a: { sum: 'm' } } }, /values\.a\.sum: no field 'm'/],
    [
      'a group of nothing',
      { groupBy: 'm', values: { n: { count: true } } },
      /groupBy: no field 'm'/,
    ],
    [
      'a name twice',
      { groupBy: 'n', values: { n: { count: true } } },
      /'n' would be twice in a row/,
    ],
    [
      'a width of nothing',
      { groupBy: { n: { histogram: 'n', width: 0 } }, values: { a: { count: true } } },
      /groupBy\.n\.width must be a number above 0/,
    ],
    [
      'having without groups',
      { values: { a: { count: true } }, having: { a: 1 } },
      /having: it is of groups/,
    ],
    [
      'having of what is not in a row',
      { groupBy: 'n', values: { a: { count: true } }, having: { b: 1 } },
      /having\.b: no field 'b'; known are n, a/,
    ],
    ['undefined', { values: { a: { count: true } }, where: undefined }, /where is undefined/],
  ])('refuses %s', async (_, options, message) => {
    await using db = await filled(1)
    expect(() => db.collection(Sales).aggregate(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
    )
  })
})

describe('aggregateAsync()', () => {
  const options = {
    where: { n: { gte: 10 } },
    groupBy: ['city', 'place.zip'],
    values: { all: { count: true }, total: { sum: 'price' }, last: { max: 'at' } },
    having: { all: { gt: 5 } },
    orderBy: { total: 'desc' },
    limit: 5,
  } as const

  it('answers what aggregate() does, within a transaction and on a snapshot, too', async () => {
    await using db = await filled(3000)
    const sales = db.collection(Sales)
    expect(await sales.aggregateAsync(options)).toEqual(sales.aggregate(options))
    const values = { all: { count: true } } as const
    using snapshot = db.snapshot()
    await db.transaction(async (tx) => {
      const within = sales.in(tx)
      within.insert(sale(5000))
      expect(await within.aggregateAsync(options)).toEqual(within.aggregate(options))
      expect(await within.aggregateAsync({ values })).toEqual({ all: 3001 })
    })
    expect(await sales.in(snapshot).aggregateAsync({ values })).toEqual({ all: 3000 })
  })

  it('reads the view of its start, and lets the event loop turn', async () => {
    await using db = await filled(30_000)
    const sales = db.collection(Sales)
    const figures = sales.aggregateAsync({ groupBy: 'n', values: { all: { count: true } } })
    await sales.insert(sale(40_000))
    let turns = 0
    const counting = setInterval(() => turns++, 0)
    const rows = await figures
    clearInterval(counting)
    expect(rows).toHaveLength(30_000)
    expect(turns).toBeGreaterThan(2)
  })

  it('rejects with what is wrong, and with ABORTED where its signal fires', async () => {
    await using db = await filled(3000)
    const sales = db.collection(Sales)
    await expect(sales.aggregateAsync({ values: {} })).rejects.toMatchObject({ code: 'INVALID' })
    const tooLarge = sales.aggregateAsync({ values: { sum: { sum: 'big' } } })
    await expect(tooLarge).rejects.toMatchObject({ code: 'TOO_LARGE' })
    const signal = AbortSignal.abort()
    await expect(sales.aggregateAsync(options, { signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    const closing = sales.aggregateAsync({ values: { all: { count: true } } })
    closing.catch(() => undefined)
    await db.close()
    await expect(closing).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
