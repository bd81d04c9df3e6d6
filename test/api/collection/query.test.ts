// Queries as their callers put them: what is refused, pages, slices, and what explain() says.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

import { beforeAll, describe, expect, it } from 'vitest'

import { collection, open, type Store, t } from '../../../lib/index.ts'

const Things = collection('things', {
  key: 'id',
  schema: {
    id: t.int32(),
    n: t.int32(),
    word: t.string(),
    tags: t.array(t.string()),
    place: t.object({ city: t.string(), zip: t.int32().optional() }),
    where: t.point().optional(),
  },
  indexes: { n: 'ordered', byWord: { on: ['word', 'n'] }, tags: 'ordered' },
})

const COUNT = 3000
const thing = (id: number) => ({
  id,
  n: id % 10,
  word: `w${id % 7}`,
  tags: [`t${id % 3}`, `u${id % 5}`],
  place: { city: `c${id % 4}` },
})

let db: Store
const all = () => db.collection(Things)
beforeAll(async () => {
  db = await open(':memory:')
  await all().insertMany(Array.from({ length: COUNT }, (_, id) => thing(id)))
})

const refused: [string, unknown, RegExp][] = [
  ['undefined as a condition', { where: { n: undefined } }, /where\.n is undefined/],
  [
    'undefined within an operator',
    { where: { n: { gte: undefined } } },
    /where\.n\.gte is undefined/,
  ],
  [
    'undefined in a list',
    { where: { n: { in: [1, undefined] } } },
    /where\.n\.in\[1\] is undefined/,
  ],
  ['undefined in or', { where: { or: [{ n: 1 }, undefined] } }, /where\.or\[1\]/],
  ['an undefined where', { where: undefined }, /where is undefined/],
  ['an unknown field', { where: { m: 1 } }, /where\.m: no field 'm'; known are id, n, word/],
  ['an unknown field of an object', { where: { place: { town: 'x' } } }, /where\.place\.town/],
  ['an unknown operator', { where: { n: { above: 1 } } }, /where\.n\.above: no operator of int32/],
  ['an operator of another type', { where: { n: { startsWith: '1' } } }, /where\.n\.startsWith/],
  ['a value of another type', { where: { n: '1' } }, /where\.n must be a number, not "1"/],
  ['NaN', { where: { n: { lt: NaN } } }, /where\.n\.lt must be a number, not NaN/],
  ['an array for a value', { where: { tags: ['t1'] } }, /where\.tags must be asked of by has/],
  ['an object in the place of conditions', { where: [] }, /where must be an object of conditions/],
  ['what has no order', { where: { where: { gt: 1 } } }, /where\.where\.gt/],
  ['an order by nothing', { orderBy: 'm' }, /orderBy: no field 'm'/],
  ['an order by what has none', { orderBy: 'tags' }, /orderBy: 'tags' must be of a type/],
  ['a direction that is none', { orderBy: { n: 'down' } }, /orderBy\.n must be 'asc' or 'desc'/],
  ['a limit below zero', { limit: -1 }, /limit must be an integer from 0/],
  ['an offset that is none', { offset: 1.5 }, /offset must be an integer from 0/],
  ['an unknown option', { order: 'n' }, /find: unknown option 'order'/],
  ['an unknown field to select', { select: ['n', 'm'] }, /select\[1\]: no field 'm'; known are id/],
  ['a path to select', { select: ['place.city'] }, /select\[0\]: no field 'place\.city'/],
  ['an offset behind a page', { after: 'AAAAAAAA', offset: 1 }, /offset is for the first page/],
  ['a place of no query', { after: 'AAAAAAAA' }, /after: `next` of a page of another query/],
]

describe('find()', () => {
  it.each(refused)('refuses %s, and says where', (_, options, message) => {
    expect(() => all().find(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
    )
  })

  it('selects fields', () => {
    const found = all().find({ where: { id: { lt: 2 } }, select: ['n', 'word'], orderBy: 'id' })
    expect(found.all()).toEqual([
      { n: 0, word: 'w0' },
      { n: 1, word: 'w1' },
    ])
  })

  it('is lazy, is no promise, and can be run again', async () => {
    const query = all().find({ where: { n: 3 }, orderBy: 'id', limit: 2 })
    expect(query.all().map(({ id }) => id)).toEqual([3, 13])
    expect([...query].map(({ id }) => id)).toEqual([3, 13])
    expect(query.first()?.id).toBe(3)
    expect(((await query) as unknown) === query).toBe(true)
    const some = []
    for await (const one of query) some.push(one.id)
    expect(some).toEqual([3, 13])
  })

  it('answers pages that go on where the one before ended', async () => {
    const query = all().find({ where: { word: 'w3' }, orderBy: ['word', { n: 'desc' }] })
    const wanted = query.all().length
    const ids = new Set<number>()
    let next: string | undefined
    do {
      const page = query.page({ size: 50, ...(next === undefined ? {} : { after: next }) })
      for (const { id } of page.items) ids.add(id)
      next = page.next === undefined ? undefined : (JSON.parse(JSON.stringify(page.next)) as string)
    } while (next !== undefined)
    expect(ids.size).toBe(wanted)
    expect(query.page({ size: wanted }).next).toBeUndefined()
    const first = query.page({ size: 10 })
    const other = all().find({ where: { word: 'w4' } })
    expect(() => other.page({ size: 10, after: first.next ?? '' })).toThrow(/another query/)
  })

  it('goes on behind a page of a store that was closed meanwhile', async () => {
    const path = mkdtempSync(join(tmpdir(), 'varve-query-'))
    const options = [
      { orderBy: ['word', 'id'] },
      { where: { n: { gte: 4 } }, orderBy: { 'place.city': 'desc' } },
      { where: { tags: { has: 't1' } } },
    ] as const
    try {
      const first = await open(path)
      const things = first.collection(Things)
      await things.insertMany(Array.from({ length: 300 }, (_, id) => thing(id)))
      const begun = options.map((one) => things.find(one as object).page({ size: 40 }))
      const whole = options.map((one) => things.find(one as object).all())
      await first.close()
      await using second = await open(path)
      for (const [i, one] of options.entries()) {
        const { items, next } = begun[i] ?? { items: [], next: undefined }
        const query = second.collection(Things).find(one as object)
        const rest = query.page({ size: 300, after: next ?? '' })
        expect([...items, ...rest.items]).toEqual(whole[i])
        expect(rest.next).toBeUndefined()
      }
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })

  it('goes on behind a page', () => {
    const options = { where: { n: 3 }, orderBy: ['word', 'id'] } as const
    const query = all().find(options)
    const { items, next } = query.page({ size: 10 })
    const rest = all().find({ ...options, after: next ?? '', limit: 20 })
    expect([...items, ...rest.all()]).toEqual(query.all().slice(0, 30))
  })

  it('reads the view of the moment at which it begins', async () => {
    await using own = await open(':memory:')
    const things = own.collection(Things)
    await things.insertMany(Array.from({ length: 1500 }, (_, id) => thing(id)))
    let seen = 0
    for (const { id } of things.find({ where: { n: { gte: 0 } } })) {
      seen++
      await things.delete(id)
    }
    expect([seen, things.count()]).toEqual([1500, 0])
    await things.insertMany(Array.from({ length: 1500 }, (_, id) => thing(id)))
    const later = things.find().allAsync()
    await things.deleteWhere({ where: 'all' })
    expect(await later).toHaveLength(1500)
  })

  it('ends with CLOSED when its store or transaction does', async () => {
    const own = await open(':memory:')
    const things = own.collection(Things)
    await things.insertMany(Array.from({ length: 1500 }, (_, id) => thing(id)))
    const open1 = things.find()[Symbol.iterator]()
    open1.next()
    const open2 = things.find()[Symbol.asyncIterator]()
    await open2.next()
    let inside: Iterator<unknown> | undefined
    await own.transaction((tx) => {
      inside = things.in(tx).find()[Symbol.iterator]()
      inside.next()
    })
    const closed = expect.objectContaining({ code: 'CLOSED' })
    const drain = (it: Iterator<unknown> | undefined) => {
      while (it?.next().done === false);
    }
    expect(() => drain(inside)).toThrow(closed)
    await own.close()
    expect(() => drain(open1)).toThrow(closed)
    await expect(
      (async () => {
        while ((await open2.next()).done !== true);
      })(),
    ).rejects.toEqual(closed)
  })

  it('stops when its signal fires', async () => {
    const abort = new AbortController()
    const found = all()
      .find({ where: { place: { city: 'c1' } } })
      .allAsync({ signal: abort.signal })
    abort.abort()
    await expect(found).rejects.toEqual(expect.objectContaining({ code: 'ABORTED' }))
  })

  it('lets the event loop breathe while it looks at everything', async () => {
    const query = all().find({ where: { place: { city: 'c1' }, n: { ne: 5 } } })
    let turns = 0
    let isDone = false
    const counting = (async () => {
      while (!isDone) {
        await turn()
        turns++
      }
    })()
    const found = await query.allAsync()
    isDone = true
    await counting
    expect(found).toEqual(query.all())
    expect(turns).toBeGreaterThan(3)
  })
})

describe('explain()', () => {
  const plan = (options: object) =>
    all()
      .find(options as never)
      .explain()

  it('chooses the index that leaves least to be read', () => {
    expect(plan({ where: { word: 'w1', n: 3 } })).toMatchObject({ index: 'byWord', filters: false })
    expect(plan({ where: { n: 3 } })).toMatchObject({ index: 'n', filters: false, sorts: false })
    expect(plan({ where: { id: 5, n: 5 } })).toMatchObject({ way: 'documents', entries: 1 })
    expect(plan({ where: { tags: { has: 't1' } } })).toMatchObject({ index: 'tags' })
    expect(plan({ where: { place: { city: 'c1' } } })).toMatchObject({
      way: 'documents',
      filters: true,
    })
    expect(plan({ where: { or: [{ n: 1 }, { id: 2 }] } })).toMatchObject({ way: 'documents' })
  })

  it('spares sorting where an index is in order', () => {
    expect(plan({ orderBy: 'n', limit: 5 })).toMatchObject({ index: 'n', sorts: false })
    expect(plan({ orderBy: { n: 'desc' }, limit: 5 })).toMatchObject({ index: 'n', sorts: false })
    expect(plan({ where: { word: 'w1' }, orderBy: 'n' })).toMatchObject({
      index: 'byWord',
      sorts: false,
    })
    expect(plan({ orderBy: 'place.city', limit: 5 })).toMatchObject({ sorts: true })
  })

  it('counts by an index alone where that says everything', () => {
    expect(all().count({ where: { n: { between: [3, 4] } } })).toBe(COUNT / 5)
    expect(all().count({ where: { tags: { hasAny: ['t1', 'u1'] } } })).toBe(
      Array.from({ length: COUNT }, (_, id) => id).filter((id) => id % 3 === 1 || id % 5 === 1)
        .length,
    )
    expect([all().exists({ where: { n: 9 } }), all().exists({ where: { n: 10 } })]).toEqual([
      true,
      false,
    ])
  })
})
