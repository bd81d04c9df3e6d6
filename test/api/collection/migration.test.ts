// Declarations that change while documents are there: what is read, asked, kept and converted, before, while and after documents are rewritten.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import {
  type BuildProgress,
  collection,
  type Fields,
  open,
  type Store,
  t,
} from '../../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-migration-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const code = (name: string, more: object = {}) => expect.objectContaining({ code: name, ...more })
const reopen = (name: string): Promise<Store> =>
  open(join(root, name), { durability: 'memory', history: { keep: 'forever' } }) as never
const id = t.int32()

interface Rest {
  readonly indexes?: object
  readonly drop?: readonly string[]
}
const declare = (schema: Fields, rest: Rest = {}) =>
  collection('things', { key: 'id', schema: { id, ...schema }, ...rest } as never) as never

/** A collection of any declaration, for callers who know better than the compiler. */
interface Things {
  insert(document: object): Promise<object>
  insertMany(documents: readonly object[]): Promise<number>
  put(document: object): Promise<object>
  update(key: unknown, change: unknown): Promise<object>
  delete(key: unknown): Promise<boolean>
  get(key: unknown): object | undefined
  count(options?: object): number
  aggregate(options: object): object
  find(options?: object): {
    all(): object[]
    allAsync(): Promise<object[]>
    count(): number
    first(): object | undefined
    explain(): object
    page(options: object): { items: readonly object[]; next: string | undefined }
  }
  ready(options?: object): Promise<void>
  rewrite(options?: object): Promise<void>
  in(within: unknown): Things
}
const thingsOf = (db: Store, declared: never): Things => db.collection(declared) as never

const COUNT = 700
const old = (n: number) => ({ id: n, age: String(n % 50), city: n % 3 === 0 ? 'Rome' : 'Oslo' })
const before = { age: t.string(), city: t.string() }
const after = { age: t.int32().from((was: string) => Number(was)), city: t.string() }
const byAge = { indexes: { age: 'ordered', both: { on: ['city', 'age'] } } }

async function oldThings(name: string, schema: Fields = before, rest: Rest = {}): Promise<void> {
  await using db = await reopen(name)
  const things = thingsOf(db, declare(schema, rest))
  await things.insertMany(Array.from({ length: COUNT }, (_, n) => old(n)))
}

const idsOf = (documents: readonly object[]): number[] =>
  documents.map((one) => (one as { id: number }).id).sort((a, b) => a - b)
const agesOf = (documents: readonly object[]): number[] =>
  documents.map((one) => (one as { age: number }).age)
const where = { age: { gte: 48 }, city: 'Rome' }
const wanted = Array.from({ length: COUNT }, (_, n) => n).filter((n) => n % 50 >= 48 && n % 3 === 0)

async function expectRight(things: Things, said: string): Promise<void> {
  expect(idsOf(things.find({ where }).all()), said).toEqual(wanted)
  expect(idsOf(await things.find({ where }).allAsync()), said).toEqual(wanted)
  expect(things.count({ where }), said).toBe(wanted.length)
  expect(things.find({ where: { not: { age: { lt: 48 } } } }).count(), said).toBe(28)
  const top = things.find({ orderBy: [{ age: 'desc' }, 'id'], limit: 3, offset: 1 }).all()
  expect(top, said).toEqual([99, 149, 199].map((n) => ({ ...old(n), age: 49 })))
  const names = things.find({ where: { age: 7 }, orderBy: 'id', select: ['city'], limit: 2 }).all()
  expect(names, said).toEqual([{ city: 'Oslo' }, { city: 'Rome' }])
  for (const query of [
    things.find({ where, orderBy: 'id' }),
    things.find({ where }),
    things.find({ where: { city: 'Rome' }, orderBy: ['age', 'id'] }),
  ]) {
    const paged: object[] = []
    for (let next: string | undefined, more = true; more; more = next !== undefined) {
      const page = query.page({ size: 50, after: next })
      paged.push(...page.items)
      next = page.next
    }
    expect(paged, said).toEqual(query.all())
  }
}

describe('another type with from()', () => {
  it('is read and asked at once, while documents are rewritten, and by its indexes then', async () => {
    await oldThings('retype', before, byAge)
    await using db = await reopen('retype')
    const things = thingsOf(db, declare(after, byAge))
    const query = things.find({ where })
    expect(query.explain()).toMatchObject({ building: ['age', 'both'], converting: ['age'] })
    expect(things.get(7)).toEqual({ ...old(7), age: 7 })
    const told: BuildProgress[] = []
    const halves: Promise<void>[] = []
    const commits: number[] = []
    const isReady = things.ready({
      onProgress: (progress: BuildProgress) => {
        told.push(progress)
        commits.push(db.commit)
        if (told.length === 2) halves.push(expectRight(things, 'while'))
      },
    })
    await expectRight(things, 'before')
    await isReady
    await Promise.all(halves)
    expect(told.at(-1)).toEqual({ phase: 'documents', documents: COUNT })
    expect(told.length).toBeGreaterThan(2)
    await expectRight(things, 'after')
    expect(query.explain()).toMatchObject({ way: 'index', building: [], converting: [] })
    for (const commit of commits) {
      using then = db.at(commit)
      await expectRight(things.in(then), `at ${commit}`)
    }
  })

  it('is summed up when it is done, and not before', async () => {
    await oldThings('summed')
    await using db = await reopen('summed')
    const things = thingsOf(db, declare(after))
    const busy = expect.objectContaining({ code: 'BUSY', message: expect.stringMatching('age') })
    const sum = { values: { all: { sum: 'age' } } } as const
    const many = { where, values: { many: { count: true } } } as const
    expect(() => things.aggregate(sum)).toThrow(busy)
    expect(() => things.aggregate(many)).toThrow(busy)
    expect(() => things.aggregate({ groupBy: 'age', ...many, where: {} })).toThrow(busy)
    expect(things.aggregate({ values: many.values })).toEqual({ many: COUNT })
    await things.ready()
    expect(things.aggregate(sum)).toEqual({ all: (COUNT / 50) * 1225 })
    expect(things.aggregate(many)).toEqual({ many: wanted.length })
  })

  it('is asked within a transaction, too, whose own writes count', async () => {
    await oldThings('inside')
    await using db = await reopen('inside')
    const things = thingsOf(db, declare(after, byAge))
    await db.transaction(async (tx) => {
      const inside = things.in(tx)
      await expectRight(inside, 'inside')
      inside.put({ id: 10_000, age: 1000, city: 'Rome' })
      expect(inside.find({ where: { age: { gt: 50 } } }).all()).toMatchObject([{ id: 10_000 }])
      inside.delete(10_000)
    })
    await things.ready()
    await expectRight(things, 'after')
  })

  it('goes on where it was when the store is opened again', async () => {
    await oldThings('resumed', before, byAge)
    for (let opening = 0; opening < 3; opening++) {
      await using db = await reopen('resumed')
      const things = thingsOf(db, declare(after, byAge))
      let closing: Promise<void> | undefined
      const ready = things.ready({ onProgress: () => (closing ??= db.close()) })
      await expect(ready).rejects.toEqual(code('CLOSED'))
      await closing
    }
    await using db = await reopen('resumed')
    const things = thingsOf(db, declare(after, byAge))
    let rewritten = 0
    await expectRight(things, 'before')
    await things.ready({
      onProgress: (progress: BuildProgress) => (rewritten = progress.documents),
    })
    expect(rewritten).toBeLessThan(COUNT)
    await expectRight(things, 'after')
  })

  it('needs what converts it until that is done, and then no more', async () => {
    await oldThings('lacking')
    {
      await using db = await reopen('lacking')
      const things = thingsOf(db, declare(after))
      const ready = things.ready({ onProgress: () => void db.close() })
      await expect(ready).rejects.toEqual(code('CLOSED'))
    }
    await using db = await reopen('lacking')
    const bare = { age: t.int32(), city: t.string() }
    expect(() => thingsOf(db, declare(bare))).toThrow(/still being converted: age: .*from/)
    await thingsOf(db, declare(after)).ready()
    await db.close()
    await using again = await reopen('lacking')
    await expectRight(thingsOf(again, declare(bare)), 'after')
  })

  it('is not that of a key, nor of a reference', async () => {
    await oldThings('key')
    await using db = await reopen('key')
    const key = collection('things', {
      key: 'id',
      schema: { ...before, id: t.string().from((n: number) => String(n)) },
    }) as never
    expect(() => thingsOf(db, key)).toThrow(/id is the key, which cannot be converted/)
  })

  it('says which document it stumbles over, and goes on when that is gone', async () => {
    await oldThings('stumble')
    await using db = await reopen('stumble')
    const strict = t.int32({ max: 48 }).from((was: string) => Number(was))
    const things = thingsOf(db, declare({ age: strict, city: t.string() }))
    await expect(things.ready()).rejects.toThrow(/things 49: it cannot be rewritten: .*age/)
    expect(things.find({ where: { age: 49 } }).count()).toBe(14)
    for (const { id: one } of things.find({ where: { age: 49 } }).all() as { id: number }[])
      await things.delete(one)
    await things.ready()
    expect(things.count()).toBe(COUNT - 14)
  })

  it('leaves no room for who writes as it was declared before', async () => {
    await oldThings('beside')
    await using first = await reopen('beside')
    const was = thingsOf(first, declare(before))
    await using second = await reopen('beside')
    const things = thingsOf(second, declare(after))
    await expect(was.insert({ id: 10_000, age: '3', city: 'Bern' })).rejects.toEqual(code('SCHEMA'))
    await things.ready()
    expect(things.count({ where: { age: 3 } })).toBe(14)
  })

  it('is refused where an index must be unique and is not', async () => {
    await oldThings('unique')
    await using db = await reopen('unique')
    const things = thingsOf(db, declare(after, { indexes: { age: 'unique' } }))
    await expect(things.ready()).rejects.toEqual(code('EXISTS'))
  })
})

describe('a field that is declared no more', () => {
  const bare = { city: t.string() }
  const again = { age: t.string().default('none'), city: t.string() }

  it('keeps its data, also where documents are updated', async () => {
    await oldThings('kept')
    {
      await using db = await reopen('kept')
      const things = thingsOf(db, declare(bare))
      expect(things.get(1)).toEqual({ id: 1, city: 'Oslo' })
      await things.update(1, { city: 'Bern' })
      await things.update(2, (one: object) => ({ ...one, city: 'Bern' }))
      await db.transaction((tx) => {
        things.in(tx).update(4, { city: 'Bern' })
      })
      expect(things.get(1)).toEqual({ id: 1, city: 'Bern' })
      expect(() => things.find({ where: { age: '1' } })).toThrow(code('INVALID'))
      expect(() => things.find({ where: { '##age': '1' } })).toThrow(code('INVALID'))
      await things.insert({ id: 5000, city: 'Bern' })
      await things.rewrite()
    }
    await using db = await reopen('kept')
    const things = thingsOf(db, declare(again, { indexes: { age: 'ordered' } }))
    expect([1, 2, 3, 4, 5000].map((one) => things.get(one))).toEqual([
      { id: 1, age: '1', city: 'Bern' },
      { id: 2, age: '2', city: 'Bern' },
      { id: 3, age: '3', city: 'Rome' },
      { id: 4, age: '4', city: 'Bern' },
      { id: 5000, age: 'none', city: 'Bern' },
    ])
    expect(things.count({ where: { age: '1' } })).toBe(14)
    await things.ready()
    expect(things.count({ where: { age: '1' } })).toBe(14)
    expect(things.find({ where: { age: 'none' } }).explain()).toMatchObject({ index: 'age' })
    expect(idsOf(things.find({ where: { age: 'none' } }).all())).toEqual([5000])
  })

  it('loses it when drop says so', async () => {
    await oldThings('dropped')
    {
      await using db = await reopen('dropped')
      const things = thingsOf(db, declare(bare))
      await things.update(1, { city: 'Bern' })
    }
    {
      await using db = await reopen('dropped')
      const things = thingsOf(db, declare(bare, { drop: ['age'] }))
      await things.ready()
    }
    await using db = await reopen('dropped')
    const things = thingsOf(db, declare(again))
    expect([1, 2].map((one) => things.get(one))).toEqual([
      { id: 1, age: 'none', city: 'Bern' },
      { id: 2, age: 'none', city: 'Oslo' },
    ])
    expect(things.count({ where: { age: 'none' } })).toBe(COUNT)
  })

  it('within an object needs drop, and a declared one cannot be dropped', async () => {
    const name = 'nested'
    const at = (fields: Fields) => ({ at: t.object(fields as never) })
    {
      await using db = await reopen(name)
      const first = thingsOf(db, declare(at({ a: t.int32(), b: t.int32() })))
      await first.insert({ id: 1, at: { a: 1, b: 2 } })
    }
    await using db = await reopen(name)
    const less = at({ a: t.int32() })
    expect(() => thingsOf(db, declare(less))).toThrow(/at\.b removed: int32; add drop: \['at\.b'\]/)
    expect(() => declare(less, { drop: ['at.a'] })).toThrow("drop: 'at.a' is declared")
    const things = thingsOf(db, declare(less, { drop: ['at.b'] }))
    await things.ready()
    expect(things.get(1)).toEqual({ id: 1, at: { a: 1 } })
  })
})

describe('what functions make', () => {
  it('indexes on functions are built of documents that are there', async () => {
    await oldThings('function')
    await using db = await reopen('function')
    const initial = (one: { city: string }) => one.city.slice(0, 1)
    const things = thingsOf(
      db,
      declare(before, { indexes: { initial: { on: initial }, once: { on: 'id', unique: true } } }),
    )
    expect(things.find({ where: { age: '7' } }).explain()).toMatchObject({
      building: ['initial', 'once'],
    })
    await things.insert({ id: 5000, age: '7', city: 'Bern' })
    await things.ready()
    expect(things.find({ where: { age: '7' } }).explain()).toMatchObject({ building: [] })
    expect(things.count({ where: { age: '7' } })).toBe(15)
  })

  it('unique ones refuse documents that are alike', async () => {
    await oldThings('function-unique')
    await using db = await reopen('function-unique')
    const lower = { on: (one: { city: string }) => one.city, unique: true }
    const things = thingsOf(db, declare(before, { indexes: { lower } }))
    await expect(things.ready()).rejects.toEqual(code('EXISTS', { index: 'lower' }))
  })

  it('computed fields, and those that a function fills, can be asked about at once', async () => {
    await oldThings('computed')
    await using db = await reopen('computed')
    let made = 0
    const things = thingsOf(
      db,
      declare(
        {
          ...before,
          long: t.string().computed((one: { city: string; age: string }) => one.city + one.age),
          number: t.int32().default(() => ++made),
        },
        { indexes: { long: 'ordered' } },
      ),
    )
    expect(idsOf(things.find({ where: { long: 'Rome3' } }).all())).toEqual(
      things
        .find()
        .all()
        .filter((one) => (one as { long: string }).long === 'Rome3')
        .map((one) => (one as { id: number }).id),
    )
    await things.ready()
    expect(things.find({ where: { long: 'Rome3' } }).explain()).toMatchObject({ index: 'long' })
    const numbers = things.find({ orderBy: 'number' }).all() as { number: number }[]
    expect(new Set(numbers.map(({ number }) => number)).size).toBe(COUNT)
    expect(things.get(1)).toEqual(things.get(1))
  })
})

describe('a name that another field had', () => {
  it('is not its index, nor is a field renamed again when was() stays', async () => {
    await oldThings('named', before, { indexes: { age: 'ordered' } })
    const renamed = {
      years: t.string().was('age'),
      city: t.string(),
      age: t.string().default('7'),
    }
    for (let opening = 0; opening < 2; opening++) {
      await using db = await reopen('named')
      const things = thingsOf(db, declare(renamed, { indexes: { age: 'ordered' } }))
      await things.ready()
      expect(things.get(3)).toEqual({ id: 3, years: '3', city: 'Rome', age: '7' })
      expect(things.count({ where: { age: '7' } })).toBe(COUNT)
      expect(things.count({ where: { age: '3' } })).toBe(0)
    }
  })
})

describe('a field that has the name of one that is renamed', () => {
  it('is another one, wherever it stands', async () => {
    await oldThings('before', before)
    const declared = {
      age: t.string().default('7'),
      city: t.string(),
      years: t.string().was('age'),
    }
    const more = { ...declared, note: t.string().default('-') }
    for (const fields of [declared, declared, more, more]) {
      await using db = await reopen('before')
      const things = thingsOf(db, declare(fields))
      const note = fields === more ? { note: '-' } : {}
      expect(things.get(3)).toEqual({ id: 3, age: '7', city: 'Rome', years: '3', ...note })
    }
  })
})

describe('what was', () => {
  it('is read as it was declared then', async () => {
    await using db = await reopen('past')
    await thingsOf(db, declare({ a: t.string() })).insert({ id: 1, a: 'x' })
    const commits = [db.commit]
    await db.close()
    await using second = await reopen('past')
    const two = thingsOf(second, declare({ b: t.string().was('a'), n: t.int32().default(1) }))
    await two.insert({ id: 2, b: 'y' })
    commits.push(second.commit)
    await second.close()
    await using third = await reopen('past')
    const things = thingsOf(
      third,
      declare({
        b: t.int32().from((was: string) => was.length),
        n: t.int32().default(2),
        c: t.string().computed((one: { b: number }) => `c${one.b}`),
      }),
    )
    await things.ready()
    expect(things.find({ orderBy: 'id' }).all()).toEqual([
      { id: 1, b: 1, n: 2, c: 'c1' },
      { id: 2, b: 1, n: 1, c: 'c1' },
    ])
    await things.rewrite()
    await things.update(2, { n: 9 })
    interface Past {
      history(key: number): readonly { readonly value?: unknown }[]
    }
    const was = (id: number) => (things as unknown as Past).history(id).map(({ value }) => value)
    expect(was(1).at(-1)).toEqual({ id: 1, a: 'x' })
    expect(was(2)[0]).toEqual({ id: 2, b: 1, n: 9, c: 'c1' })
    expect(was(2).at(-1)).toEqual({ id: 2, b: 'y', n: 1 })
    using first = third.at(commits[0] as number)
    expect(
      things
        .in(first)
        .find({ where: { a: 'x' } })
        .all(),
    ).toEqual([{ id: 1, a: 'x' }])
    using then = third.at(commits[1] as number)
    expect(
      things
        .in(then)
        .find({ where: { n: 1 }, orderBy: 'id' })
        .all(),
    ).toEqual([
      { id: 1, b: 'x', n: 1 },
      { id: 2, b: 'y', n: 1 },
    ])
  })

  it('rewrite() writes anew what is read lazily, and is done at once where there is nothing', async () => {
    await oldThings('lazy')
    await using db = await reopen('lazy')
    const things = thingsOf(db, declare({ ...before, more: t.string().default('x') }))
    const version = (one: number) =>
      (things as unknown as { version(key: number): number }).version(one)
    const written = version(5)
    await things.ready()
    expect(version(5)).toBe(written)
    let documents = 0
    await things.rewrite({
      onProgress: (progress: BuildProgress) => (documents = progress.documents),
    })
    expect(version(5)).toBeGreaterThan(written)
    expect(documents).toBe(COUNT)
    const last = db.commit
    await things.rewrite()
    expect(db.commit).toBe(last)
    expect(agesOf(things.find({ where: { age: '3', more: 'x' } }).all())).toHaveLength(14)
  })
})
