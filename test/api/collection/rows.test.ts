// Bitmap, text and geo indexes as their callers meet them: what they answer, how it is explained, what is refused, and that they are built
// and packed beside writers.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, type Store, t } from '../../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-rows-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const schema = {
  id: t.int32(),
  status: t.enum(['new', 'open', 'done']),
  tags: t.array(t.string()),
  title: t.string(),
  body: t.string().optional(),
  at: t.point().optional(),
  area: t.box().optional(),
}
const INDEXES = {
  status: 'bitmap',
  tags: 'bitmap',
  words: { on: ['title', 'body'], kind: 'text', languages: ['english'] },
  at: 'geo',
  area: 'geo',
} as const
const Things = collection('things', { key: 'id', schema, indexes: INDEXES })
const Bare = collection('things', { key: 'id', schema })

const STATUS = ['new', 'open', 'done'] as const
const thing = (id: number) => ({
  id,
  status: STATUS[id % 3] ?? 'new',
  tags: [`t${id % 5}`, `u${id % 7}`],
  title: id % 10 === 0 ? 'A quick brown fox' : `Thing number ${id}`,
  ...(id % 4 === 0 ? { body: id % 8 === 0 ? 'foxes and dogs' : 'lazy dogs' } : {}),
  at: { lat: (id % 50) / 10, lng: Math.floor(id / 50) / 10 },
  area: { south: id % 40, west: 10, north: (id % 40) + 1, east: 11 },
})
const COUNT = 500
const all = Array.from({ length: COUNT }, (_, id) => thing(id))
const ids = (found: readonly { readonly id: number }[]): number[] => found.map(({ id }) => id)
const rising = (found: readonly { readonly id: number }[]): number[] =>
  ids(found).sort((a, b) => a - b)

async function filled(): Promise<Store> {
  const db = await open(':memory:')
  await db.collection(Things).insertMany(all)
  return db
}

describe('an index of rows', () => {
  it('of values answers and counts without reading documents', async () => {
    await using db = await filled()
    const query = db.collection(Things).find({
      where: { status: { in: ['new', 'done'] }, tags: { has: 'u0' }, not: { tags: { has: 't1' } } },
    })
    expect(query.explain()).toMatchObject({
      way: 'index',
      indexes: ['status', 'tags'],
      filters: false,
    })
    const wanted = all.filter(
      ({ status, tags }) => status !== 'open' && tags.includes('u0') && !tags.includes('t1'),
    )
    expect(rising(query.all())).toEqual(ids(wanted))
    expect(query.count()).toBe(wanted.length)
    expect(
      db
        .collection(Things)
        .find({ where: { status: 'open' } })
        .count(),
    ).toBe(167)
  })

  it('of words sorts by score, and stems', async () => {
    await using db = await filled()
    const things = db.collection(Things)
    const found = things.find({ where: { body: { match: 'fox' } } })
    const wanted = all.filter(({ title, body }) => /fox/.test(`${title} ${body ?? ''}`))
    expect(rising(found.all())).toEqual(ids(wanted))
    expect(found.explain()).toMatchObject({ indexes: ['words'], sorts: false, filters: false })
    expect(
      ids(found.all())
        .slice(0, 13)
        .every((id) => id % 40 === 0),
    ).toBe(true) // In both fields.
    const top = things.find({ where: { body: { match: 'fox' } }, limit: 5 }).all()
    expect(ids(top)).toEqual(ids(found.all()).slice(0, 5))
    const few = things.find({ where: { title: { match: 'fox' }, status: 'new' } }).all()
    expect(rising(few)).toEqual(ids(wanted.filter(({ status }) => status === 'new')))
  })

  it('of places sorts by distance, and joins with values', async () => {
    await using db = await filled()
    const things = db.collection(Things)
    const from = { lat: 2, lng: 0.5 }
    const near = things.find({ where: { at: { near: from, within: '30km' } } })
    const metres = (id: number): number => {
      const { lat, lng } = thing(id).at
      return Math.hypot(lat - from.lat, (lng - from.lng) * Math.cos(0.035))
    }
    const found = ids(near.all())
    expect(found[0]).toBe(270)
    found.forEach((id, i) => {
      expect(metres(id)).toBeGreaterThanOrEqual(metres(found[i - 1] ?? id) - 1e-3)
    })
    expect(found.length).toBeGreaterThan(10)
    for (const within of [30_000, '30000m', '18.6411357670 mi'])
      expect(ids(things.find({ where: { at: { near: from, within } } }).all())).toEqual(found)
    const joined = things.find({ where: { at: { near: from, within: '30km' }, status: 'open' } })
    expect(ids(joined.all())).toEqual(found.filter((id) => thing(id).status === 'open'))
    const first = things.find({ where: { at: { near: from } }, limit: 3 }).all()
    expect(ids(first)).toEqual(found.slice(0, 3))
    const box = { south: 0.95, west: 0.15, north: 2.05, east: 0.45 }
    const within = all.filter(
      ({ at: { lat, lng } }) => lat > 0.95 && lat < 2.05 && lng > 0.15 && lng < 0.45,
    )
    expect(rising(things.find({ where: { at: { within: box } } }).all())).toEqual(ids(within))
    const boxes = things.find({
      where: { area: { within: { south: 5.5, west: 9, north: 5.6, east: 12 } } },
    })
    expect(rising(boxes.all())).toEqual(ids(all.filter(({ id }) => id % 40 === 5)))
  })

  it('goes on from page to page in the order of its rank', async () => {
    await using db = await filled()
    const query = db.collection(Things).find({ where: { at: { near: { lat: 1, lng: 0.3 } } } })
    const paged: number[] = []
    let after: string | undefined
    do {
      const page = query.page({ size: 37, after })
      paged.push(...ids(page.items))
      after = page.next
    } while (after !== undefined)
    expect(paged).toEqual(ids(query.all()))
    expect(paged.length).toBe(COUNT)
  })

  it('shows a transaction its own writes, and nobody else', async () => {
    await using db = await filled()
    const things = db.collection(Things)
    const where = { body: { match: 'fox' }, status: 'done' } as const
    const before = rising(things.find({ where }).all())
    await db.transaction((tx) => {
      const within = things.in(tx)
      within.insert({ ...thing(1002), body: 'a fox' })
      within.delete(20)
      within.update(11, { title: 'foxes' })
      const wanted = [...before, 1002, 11].filter((id) => id !== 20).sort((a, b) => a - b)
      const status = (id: number) => (id === 1002 ? thing(1002) : thing(id)).status
      const done = wanted.filter((id) => status(id) === 'done')
      expect(rising(within.find({ where }).all())).toEqual(done)
      expect(rising(things.find({ where }).all())).toEqual(before)
    })
    expect(things.find({ where }).count()).toBeGreaterThanOrEqual(before.length)
  })
})

describe('what is asked of an index of rows', () => {
  const refused: [string, object, RegExp][] = [
    [
      'words without an index',
      { where: { title: { match: 'fox' } } },
      /match asks for a text index on title/,
    ],
    ['a distance from nowhere', { where: { at: { within: '5km' } } }, /give near, too/],
    [
      'a distance of another unit',
      { where: { at: { near: { lat: 0, lng: 0 }, within: '5 parsecs' } } },
      /'5km'/,
    ],
    [
      'a negative distance',
      { where: { at: { near: { lat: 0, lng: 0 }, within: -1 } } },
      /a distance/,
    ],
    [
      'a point that is none',
      { where: { at: { near: { lat: 91, lng: 0 } } } },
      /where\.at\.near\.lat/,
    ],
    [
      'a ring of two',
      {
        where: {
          at: {
            within: [
              [
                { lat: 0, lng: 0 },
                { lat: 1, lng: 1 },
              ],
            ],
          },
        },
      },
      /3 points/,
    ],
    ['a point as a value', { where: { at: { lat: 0, lng: 0 } } }, /known are near, within, isNull/],
    ['undefined', { where: { at: { near: undefined } } }, /where\.at\.near is undefined/],
    ['words that are none', { where: { title: { match: 7 } } }, /must be words/],
  ]
  it.each(refused)('%s is INVALID', async (_, options, message) => {
    await using db = await open(':memory:')
    const things = db.collection(Bare)
    await things.insert(thing(1))
    const ask = () => things.find(options as never).all()
    expect(ask).toThrow(message)
    expect(ask).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })

  it('a partial index cannot be of words', async () => {
    const indexes = { x: { on: 'status', where: { title: { match: 'fox' } } } } as const
    const bad = collection('bad', { key: 'id', schema, indexes })
    await using db = await open(':memory:')
    expect(() => db.collection(bad)).toThrow(/cannot match words/)
  })

  it('places are found without an index, too, nearest first', async () => {
    await using db = await open(':memory:')
    const things = db.collection(Bare)
    await things.insertMany(all)
    const from = { lat: 2, lng: 0.5 }
    const found = things.find({ where: { at: { near: from, within: '30km' } } })
    expect(found.explain()).toMatchObject({ way: 'documents', sorts: true })
    await using other = await filled()
    const wanted = other.collection(Things).find({ where: { at: { near: from, within: '30km' } } })
    expect(rising(found.all())).toEqual(rising(wanted.all()))
    expect(found.all()[0]?.id).toBe(270)
  })

  it('more values than a bitmap index has are TOO_LARGE, and name the other kind', async () => {
    const Many = collection('many', {
      key: 'id',
      schema: { id: t.int32(), all: t.array(t.int32()) },
      indexes: { all: 'bitmap' },
    })
    await using db = await open(':memory:')
    const many = db.collection(Many)
    const numbers = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => from + i)
    await many.insert({ id: 1, all: numbers(0, 40_000) })
    const more = many.insert({ id: 2, all: numbers(40_000, 30_000) })
    await expect(more).rejects.toThrow(/65536 different values; declare it 'ordered'/)
    expect(many.get(2)).toBeUndefined()
  }, 60_000)
})

describe.each(['lsm', 'btree', 'bitcask', 'memory'] as const)('with engine %s', (engine) => {
  it('indexes of rows are built beside writers, and go with their declaration', async () => {
    const path = join(root, engine)
    const bare = await open(path, { engine })
    await bare.collection(Bare).insertMany(all)
    await bare.close()

    const db = await open(path, { engine })
    const things = db.collection(Things)
    const model = new Map(all.map((one) => [one.id, one]))
    const writes: Promise<unknown>[] = []
    for (let id = 0; id < COUNT; id += 3) {
      const changed = { ...thing(id), status: 'done' as const, at: { lat: 50, lng: 50 } }
      if (id % 2 === 0) model.delete(id)
      else model.set(id, changed)
      writes.push(id % 2 === 0 ? things.delete(id) : things.put(changed))
      if (id % 30 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(writes)
    await things.ready()
    const check = (): void => {
      const values = [...model.values()]
      for (const status of STATUS) {
        const query = things.find({ where: { status } })
        expect(query.explain().building).toEqual([])
        expect(rising(query.all())).toEqual(ids(values.filter((one) => one.status === status)))
        expect(query.count()).toBe(values.filter((one) => one.status === status).length)
      }
      const far = things.find({ where: { at: { near: { lat: 50, lng: 50 }, within: '1km' } } })
      expect(rising(far.all())).toEqual(ids(values.filter(({ at }) => at.lat === 50)))
      const dogs = things.find({ where: { title: { match: '+dogs -lazy' } } })
      const both = values.filter(({ body = '' }) => /dogs/.test(body) && !/lazy/.test(body))
      expect(rising(dogs.all())).toEqual(ids(both))
    }
    check()
    await new Promise((resolve) => setTimeout(resolve, 2500)) // A fold begins a second after a commit.
    check()
    await db.close()

    const again = await open(path, { engine })
    expect(
      rising(
        again
          .collection(Things)
          .find({ where: { status: 'done' } })
          .all(),
      ),
    ).toEqual(ids([...model.values()].filter(({ status }) => status === 'done')))
    await again.close()

    const gone = await open(path, { engine })
    const left = gone.collection(Bare)
    expect(() => left.find({ where: { title: { match: 'dogs' } } }).all()).toThrow(/text index/)
    expect(left.count({ where: { status: 'done' } })).toBe(
      [...model.values()].filter(({ status }) => status === 'done').length,
    )
    await gone.close()
  }, 60_000)
})
