// Documents as their callers write and read them: alone, in transactions, on snapshots and at old commits.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, type Fields, open, t } from '../../../lib/index.ts'

const Users = collection('users', {
  key: 'id',
  schema: {
    id: t.int32(),
    name: t.string({ max: 20 }),
    email: t.string().optional(),
    age: t.int32({ min: 0, max: 150 }).optional(),
    role: t.enum(['user', 'admin']).default('user'),
  },
  indexes: { email: 'unique', age: 'ordered' },
})

const code = (name: string, more: object = {}) => expect.objectContaining({ code: name, ...more })
const ada = { id: 1, name: 'Ada', email: 'ada@x', age: 36 }
const bob = { id: 2, name: 'Bob', email: 'bob@x', age: 17 }

describe('a collection', () => {
  it('resolves to the document as it is stored, and reads it back', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    expect(await users.insert(ada)).toEqual({ ...ada, role: 'user' })
    expect(users.get(1)).toEqual({ ...ada, role: 'user' })
    expect(await users.getAsync(1)).toEqual({ ...ada, role: 'user' })
    expect(users.getMany([2, 1])).toEqual([undefined, { ...ada, role: 'user' }])
    expect([users.has(1), users.has(2), users.name]).toEqual([true, false, 'users'])
    expect(users.version(1)).toBe(db.commit)
  })

  it('writes a document only as it was read, where its version is given', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insert(ada)
    const version = users.version(1) as number
    await users.update(1, { age: 37 }, { version })
    const taken = code('CONFLICT', { reason: 'written', key: 1 })
    await expect(users.update(1, { age: 38 }, { version })).rejects.toEqual(taken)
    await expect(users.put({ ...ada, age: 39 }, { version })).rejects.toEqual(taken)
    await expect(users.delete(1, { version })).rejects.toEqual(taken)
    expect(users.get(1)?.age).toBe(37)
    const put = { ...ada, age: 40 }
    await users.put(put, { version: users.version(1) as number, durability: 'memory' })
    expect(await users.delete(1, { version: users.version(1) as number })).toBe(true)
    const gone = users.update(1, { age: 1 }, { version: db.commit })
    await expect(gone).rejects.toThrow('users: 1 is not there, not of version')
    for (const none of [undefined, 0, -1, 1.5, '7'])
      await expect(users.put(ada, { version: none as never })).rejects.toThrow(
        'version must be a commit number that version() told',
      )
    expect(users.count()).toBe(0)
  })

  it('of two who write the same version one is refused', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insert(ada)
    const version = users.version(1) as number
    const both = [1, 2].map((age) => users.update(1, { age }, { version }))
    const [first, second] = await Promise.allSettled(both)
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'rejected'])
    expect(users.get(1)?.age).toBe(1)
  })

  it('tells what a document was, newest first', async () => {
    await using db = await open(':memory:', { history: { keep: 'forever' } })
    const users = db.collection(Users)
    await users.insert(ada)
    const inserted = db.commit
    await users.update(1, { age: 37 })
    await users.delete(1)
    const deleted = db.commit
    const all = users.history(1)
    expect(all.map((one) => (one.deleted ? undefined : one.value.age))).toEqual([undefined, 37, 36])
    expect([all[0]?.commit, all[2]?.commit]).toEqual([deleted, inserted])
    expect(all[1]).toMatchObject({ deleted: false, value: { ...ada, age: 37, role: 'user' } })
    expect(users.history(1, { limit: 1 })).toHaveLength(1)
    expect(users.history(9)).toEqual([])
  })

  it('reads some fields by key, of any version, and refuses those that no document has', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insertMany([ada, { id: 3, name: 'C' }])
    const select = ['name', 'age'] as const
    expect(users.get(1, { select })).toEqual({ name: 'Ada', age: 36 })
    expect(users.get(3, { select })).toEqual({ name: 'C' })
    expect(users.get(9, { select })).toBeUndefined()
    expect(await users.getAsync(1, { select })).toEqual({ name: 'Ada', age: 36 })
    expect(users.getMany([9, 1], { select })).toEqual([undefined, { name: 'Ada', age: 36 }])
    await db.transaction((tx) => {
      users.in(tx).update(1, { age: 37 })
      expect(users.in(tx).get(1, { select })).toEqual({ name: 'Ada', age: 37 })
    })
    const unknown = ['nam'] as never
    const refused = code('INVALID', {
      message: expect.stringContaining("select[0]: no field 'nam'; known are") as string,
    })
    expect(() => users.get(1, { select: unknown })).toThrow(refused as Error)
    expect(() => users.getMany([1], { select: unknown })).toThrow(refused as Error)
    await expect(users.getAsync(1, { select: unknown })).rejects.toEqual(refused)
    expect(() => users.get(1, { select: [] })).toThrow('select must be an array of fields')
    expect(() => users.get(1, { fields: ['name'] } as never)).toThrow("unknown option 'fields'")
    expect(() => users.get(1, {} as never)).toThrow('get: select is undefined')
  })

  it('refuses a key that is taken with EXISTS, and to update an absent one with NOT_FOUND', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insert(ada)
    await expect(users.insert({ ...bob, id: 1 })).rejects.toEqual(code('EXISTS'))
    await expect(users.update(9, { age: 1 })).rejects.toEqual(code('NOT_FOUND'))
    expect(users.count()).toBe(1)
  })

  it('puts, updates by a patch or a function, upserts and deletes', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    expect(await users.put(ada)).toMatchObject(ada)
    expect(await users.put({ ...ada, age: 37 })).toMatchObject({ age: 37 })
    expect(await users.update(1, { age: undefined })).toEqual({
      id: 1,
      name: 'Ada',
      email: 'ada@x',
      role: 'user',
    })
    expect(await users.update(1, (user) => ({ ...user, name: 'Ada L.' }))).toMatchObject({
      name: 'Ada L.',
    })
    expect(await users.upsert(bob)).toMatchObject(bob)
    expect(await users.upsert({ ...bob, age: 18 })).toMatchObject({ age: 18 })
    expect(await users.upsert(bob, (user) => ({ ...user, age: 19 }))).toMatchObject({ age: 19 })
    expect([await users.delete(1), await users.delete(1)]).toEqual([true, false])
    expect(users.find().all()).toEqual([{ ...bob, age: 19, role: 'user' }])
  })

  it('inserts many or none', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    expect(await users.insertMany([ada, bob])).toBe(2)
    const more = [
      { id: 3, name: 'C' },
      { id: 4, name: 'D', email: 'ada@x' },
    ]
    await expect(users.insertMany(more)).rejects.toEqual(
      code('EXISTS', { index: 'email', fields: ['email'] }),
    )
    expect(users.count()).toBe(2)
  })

  it('names index, field and value when something must be unique', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insertMany([ada, bob])
    await expect(users.update(2, { email: 'ada@x' })).rejects.toThrow(
      'users: email must be unique (index "email"): "ada@x" is that of 1',
    )
    await users.insertMany([
      { id: 3, name: 'C' },
      { id: 4, name: 'D' },
    ])
    await users.update(1, { email: 'new@x' })
    await users.update(2, { email: 'ada@x' })
    expect(users.find({ where: { email: 'ada@x' } }).all()).toMatchObject([{ id: 2 }])
  })

  it('says which field breaks which rule', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await expect(users.insert({ ...ada, age: 151 })).rejects.toThrow(/age/)
    await expect(users.insert({ ...ada, name: 'x'.repeat(21) })).rejects.toThrow(/name/)
    await expect(users.insert({ ...ada, nope: 1 } as never)).rejects.toThrow(/nope/)
    await expect(users.update(1, { name: undefined })).rejects.toEqual(code('NOT_FOUND'))
    await users.insert(ada)
    await expect(users.update(1, { name: undefined })).rejects.toThrow(/name/)
    await expect(users.update(1, { id: 7 })).rejects.toThrow(/key/)
    expect(() => users.get('1' as never)).toThrow(code('INVALID'))
    expect(users.get(1)).toMatchObject(ada)
  })

  it('updates and deletes what a condition names, and nothing without one', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insertMany([ada, bob, { id: 3, name: 'C', age: 40 }])
    expect(await users.updateWhere({ where: { age: { gte: 18 } } }, { role: 'admin' })).toBe(2)
    expect(users.count({ where: { role: 'admin' } })).toBe(2)
    await expect(users.deleteWhere({} as never)).rejects.toEqual(code('INVALID'))
    await expect(users.deleteWhere({ where: {} })).rejects.toEqual(code('INVALID'))
    await expect(users.deleteWhere({ where: { age: undefined } } as never)).rejects.toEqual(
      code('INVALID'),
    )
    expect(await users.deleteWhere({ where: { age: { lt: 18 } } })).toBe(1)
    expect(await users.deleteWhere({ where: 'all' })).toBe(2)
    expect(users.count()).toBe(0)
  })

  it('is part of a transaction, whose writes others see when it commits', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insert(ada)
    await db.transaction((tx) => {
      const inside = users.in(tx)
      expect(inside.insert(bob)).toMatchObject(bob)
      expect(inside.update(1, { age: 20 })).toMatchObject({ age: 20 })
      expect(inside.find({ where: { age: { lt: 30 } }, orderBy: 'age' }).all()).toMatchObject([
        { id: 2 },
        { id: 1 },
      ])
      expect(users.count()).toBe(1)
      expect(() => inside.insert(bob)).toThrow(code('EXISTS'))
      tx.put('beside', 1)
    })
    expect([users.count(), db.get('beside')]).toEqual([2, 1])
    const failed = db.transaction((tx) => {
      users.in(tx).delete(1)
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect(users.count()).toBe(2)
  })

  it('is read as of a snapshot and of an old commit', async () => {
    await using db = await open(':memory:', { history: { keep: 'forever' } })
    const before = db.commit
    const users = db.collection(Users)
    await users.insert(ada)
    const first = db.commit
    using snapshot = db.snapshot()
    await users.update(1, { age: 50 })
    await users.insert(bob)
    expect(users.in(snapshot).find().all()).toMatchObject([{ age: 36 }])
    using then = db.at(first)
    expect(
      users
        .in(then)
        .find({ where: { age: { lt: 40 } } })
        .all(),
    ).toMatchObject([ada])
    expect(users.in(then).get(2)).toBeUndefined()
    using never = db.at(before)
    expect(users.in(never).find().all()).toEqual([])
    expect(users.in(never).count()).toBe(0)
  })

  it('survives being closed, with its indexes', async () => {
    await using db = await open(':memory:')
    const users = db.collection(Users)
    await users.insert(ada)
    expect(db.collection(Users).get(1)).toMatchObject(ada)
    const other = { key: 'id', schema: { id: t.int32(), other: t.string() } } as const
    expect(() => db.collection('users', other)).toThrow(/declared otherwise/)
    expect(await db.drop(users)).toBe(true)
    expect(await db.drop(users)).toBe(false)
    expect(() => users.find().all()).toThrow(code('NOT_FOUND'))
    const again = db.collection('users', other)
    await again.insert({ id: 1, other: 'x' })
    expect(again.find().all()).toEqual([{ id: 1, other: 'x' }])
  })

  it('generates keys: uuids that rise and numbers of a sequence', async () => {
    await using db = await open(':memory:')
    const byUuid = db.collection('a', {
      key: 'id',
      schema: { id: t.uuid().generated(), n: t.int32() },
      indexes: { n: 'ordered' },
    })
    const first = await byUuid.insert({ n: 1 })
    await byUuid.insert({ n: 2 })
    expect(byUuid.get(first.id)).toEqual(first)
    expect(byUuid.find({ where: { id: first.id } }).all()).toEqual([first])
    const byNumber = db.collection('b', {
      key: 'id',
      schema: { id: t.int32().generated(), n: t.int32() },
    })
    const ids = []
    for (let n = 0; n < 40; n++) ids.push((await byNumber.insert({ n })).id)
    expect(ids).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  })

  it('has keys of several fields', async () => {
    await using db = await open(':memory:')
    const seats = db.collection('seats', {
      key: ['row', 'number'],
      schema: { row: t.string(), number: t.int32(), taken: t.boolean() },
    })
    await seats.insertMany([
      { row: 'a', number: 1, taken: false },
      { row: 'a', number: 2, taken: true },
      { row: 'b', number: 1, taken: true },
    ])
    expect(seats.get(['a', 2])).toEqual({ row: 'a', number: 2, taken: true })
    const query = seats.find({ where: { row: 'a' }, orderBy: { number: 'desc' } })
    expect(query.all()).toMatchObject([{ number: 2 }, { number: 1 }])
    expect(query.explain()).toMatchObject({ way: 'documents', sorts: false, filters: false })
  })
})

describe('references', () => {
  const Authors = collection('authors', { key: 'id', schema: { id: t.int32(), name: t.string() } })
  const books = (onDelete: 'restrict' | 'cascade') =>
    collection('books', {
      key: 'id',
      schema: { id: t.int32(), author: t.int32().references(Authors, { onDelete }) },
    })

  it('are to documents that are there, who then cannot go', async () => {
    await using db = await open(':memory:')
    const authors = db.collection(Authors)
    const all = db.collection(books('restrict'))
    await authors.insert({ id: 1, name: 'A' })
    await expect(all.insert({ id: 1, author: 2 })).rejects.toEqual(
      code('INVALID', { path: 'author' }),
    )
    await all.insert({ id: 1, author: 1 })
    await expect(authors.delete(1)).rejects.toThrow('authors: 1 is referred to by books 1 (author)')
    await expect(db.drop(authors)).rejects.toEqual(code('EXISTS'))
    await all.delete(1)
    expect(await authors.delete(1)).toBe(true)
  })

  it('take along with them those that cascade', async () => {
    await using db = await open(':memory:')
    const authors = db.collection(Authors)
    const all = db.collection(books('cascade'))
    await authors.insertMany([
      { id: 1, name: 'A' },
      { id: 2, name: 'B' },
    ])
    await all.insertMany([
      { id: 1, author: 1 },
      { id: 2, author: 1 },
      { id: 3, author: 2 },
    ])
    await authors.delete(1)
    expect(all.find().all()).toEqual([{ id: 3, author: 2 }])
    await db.transaction((tx) => {
      authors.in(tx).delete(2)
      expect(all.in(tx).count()).toBe(0)
    })
    expect([authors.count(), all.count()]).toEqual([0, 0])
  })
})

describe.each(['lsm', 'btree', 'bitcask', 'memory'] as const)('set null with %s', (engine) => {
  const root = mkdtempSync(join(tmpdir(), 'varve-set-null-'))
  afterAll(() => rmSync(root, { recursive: true, force: true }))
  const People = collection('people', {
    key: 'id',
    schema: {
      id: t.int32(),
      name: t.string(),
      boss: t.int32().nullable().references('people', { onDelete: 'set null' }),
      friend: t.int32().optional().references('people', { onDelete: 'set null' }),
      note: t.string().optional(),
      tags: t.array(t.string()),
    },
    indexes: { byBoss: { on: ['boss', 'name'] }, led: { on: 'name', where: { boss: { gte: 0 } } } },
  })
  const person = (id: number, boss: number | null, friend?: number) => ({
    id,
    name: `p${id}`,
    boss,
    ...(friend === undefined ? {} : { friend }),
    note: id % 2 === 0 ? '日本' : 'x'.repeat(300),
    tags: ['a', `t${id}`],
  })

  it('keeps documents without what they named, and their indexes', async () => {
    await using db = await open(join(root, engine), { engine, durability: 'memory' })
    const people = db.collection(People)
    await people.insertMany([person(1, 1), person(2, 1, 1), person(3, 1, 2)])
    await people.update(1, { friend: 3 })
    await people.delete(1)
    const [two, three] = [person(2, null), person(3, null, 2)]
    expect(people.find().all()).toEqual([two, three])
    expect(people.find({ where: { boss: null }, orderBy: 'name' }).all()).toEqual([two, three])
    expect(people.count({ where: { boss: 1 } })).toBe(0)
    const led = people.find({ where: { boss: { gte: 0 }, name: { gte: 'p' } } })
    expect(led.all()).toEqual([])
    await db.transaction((tx) => {
      people.in(tx).update(2, { boss: 3 })
      people.in(tx).delete(3)
      expect(people.in(tx).get(2)).toEqual(two)
    })
    expect(people.find().all()).toEqual([two])
  })

  it('writes documents of an older version in the newest form', async () => {
    const older = { id: t.int32(), to: t.int32().references('targets'), s: t.string() }
    const targets = { key: 'id', schema: { id: t.int32() } } as const
    const path = join(root, `${engine}-versions`)
    {
      await using db = await open(path, { engine, durability: 'memory' })
      await db.collection('targets', targets).insert({ id: 1 })
      const from = db.collection('from', { key: 'id', schema: older })
      await from.insert({ id: 5, to: 1, s: 'é' })
    }
    await using db = await open(path, { engine, durability: 'memory' })
    const now = db.collection('from', {
      key: 'id',
      schema: {
        id: t.int32(),
        more: t.int32().default(7),
        to: t.int32().nullable().references('targets', { onDelete: 'set null' }),
        s: t.string(),
      },
    })
    await db.collection('targets', targets).delete(1)
    expect(now.get(5)).toEqual({ id: 5, more: 7, to: null, s: 'é' })
  })
})

describe('an index added to documents that are there', () => {
  const plain = { key: 'id', schema: { id: t.int32(), n: t.int32() } } as const
  const root = mkdtempSync(join(tmpdir(), 'varve-indexes-'))
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('is built beside writers, and used when it is ready', async () => {
    const path = join(root, 'beside')
    await using first = await open(path, { durability: 'memory' })
    const before = first.collection('things', plain)
    await before.insertMany(Array.from({ length: 2000 }, (_, id) => ({ id, n: id % 100 })))
    await first.close()
    await using db = await open(path, { durability: 'memory', history: { keep: 'forever' } })
    const defining = db.commit + 1
    const things = db.collection('things', { ...plain, indexes: { n: 'ordered' } })
    const query = things.find({ where: { n: 7 } })
    expect(query.count()).toBe(20)
    using then = db.at(defining)
    const old = things.in(then).find({ where: { n: 7 } })
    expect(old.explain()).toMatchObject({ way: 'documents', building: ['n'] })
    expect(old.count()).toBe(20)
    const ready = things.ready()
    await things.insert({ id: 5000, n: 7 })
    await things.delete(7)
    await ready
    expect(query.explain()).toMatchObject({ way: 'index', index: 'n', building: [] })
    expect(query.count()).toBe(20)
  })

  it('is no unique one while documents have the same', async () => {
    const path = join(root, 'unique')
    await using first = await open(path, { durability: 'memory' })
    await first.collection('things', plain).insertMany([
      { id: 1, n: 1 },
      { id: 2, n: 1 },
    ])
    await first.close()
    await using db = await open(path, { durability: 'memory' })
    const things = db.collection('things', { ...plain, indexes: { n: 'unique' } })
    await expect(things.ready()).rejects.toThrow(/must be unique/)
    await things.delete(2)
    await things.ready()
    await expect(things.insert({ id: 3, n: 1 })).rejects.toEqual(code('EXISTS'))
  })

  it('goes at once when it is not declared any more', async () => {
    const path = join(root, 'gone')
    await using first = await open(path, { durability: 'memory' })
    const things = first.collection('things', { ...plain, indexes: { n: 'unique' } })
    await things.insert({ id: 1, n: 1 })
    await first.close()
    await using db = await open(path, { durability: 'memory' })
    const now = db.collection('things', plain)
    await now.insert({ id: 2, n: 1 })
    expect(now.find({ where: { n: 1 } }).explain()).toMatchObject({ way: 'documents' })
    expect(now.count({ where: { n: 1 } })).toBe(2)
  })
})

describe('a declaration that documents do not fit', () => {
  it('is SCHEMA, with what differs; one that they fit is applied', async () => {
    const root = mkdtempSync(join(tmpdir(), 'varve-schema-'))
    const declare = (schema: Fields) => collection('things', { key: 'id', schema: schema as never })
    const id = t.int32()
    await using first = await open(root, { durability: 'memory' })
    await first.collection(declare({ id, n: t.int32() })).insert({ id: 1, n: 5 } as never)
    await first.close()
    await using db = await open(root, { durability: 'memory' })
    expect(() => db.collection(declare({ id, n: t.string() }))).toThrow(code('SCHEMA'))
    expect(() => db.collection(declare({ id, n: t.int32(), x: t.int32() }))).toThrow(
      /x added: int32; add x: ….default\(…\) or ….optional\(\)/,
    )
    const more = { id, m: t.int32().was('n'), x: t.string().default('new') }
    const things = db.collection(declare(more))
    expect(things.get(1 as never)).toEqual({ id: 1, m: 5, x: 'new' })
    expect(things.count({ where: { x: 'new', m: 5 } as never })).toBe(1)
    await db.close()
    rmSync(root, { recursive: true, force: true })
  })
})
