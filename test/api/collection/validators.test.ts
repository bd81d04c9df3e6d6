// Schemas of zod, valibot and arktype as they are: what they refuse, change and fill in, in every way of writing.
import { type } from 'arktype'
import * as v from 'valibot'
import { afterAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import { collection, open, t, type StandardSchema } from '../../../lib/index.ts'

interface Given {
  id: string
  name: string
  age: number
  joined: Date
  address: { city: string; zip?: string | undefined }
  tags?: string[] | undefined
  role?: 'guest' | 'admin' | undefined
}
type Stored = Omit<Given, 'tags' | 'role'> & { tags: string[]; role: 'guest' | 'admin' }

const SCHEMAS: Readonly<Record<string, StandardSchema<Given, Stored>>> = {
  zod: z.object({
    id: z.string(),
    name: z.string().trim().min(1),
    age: z.number().int().min(0),
    joined: z.date(),
    address: z.object({ city: z.string(), zip: z.string().optional() }),
    tags: z.array(z.string()).default([]),
    role: z.enum(['guest', 'admin']).default('guest'),
  }),
  valibot: v.object({
    id: v.string(),
    name: v.pipe(v.string(), v.trim(), v.minLength(1)),
    age: v.pipe(v.number(), v.integer(), v.minValue(0)),
    joined: v.date(),
    address: v.object({ city: v.string(), zip: v.optional(v.string()) }),
    tags: v.optional(v.array(v.string()), []),
    role: v.optional(v.picklist(['guest', 'admin']), 'guest'),
  }),
  arktype: type({
    id: 'string',
    name: 'string.trim |> string > 0',
    age: 'number.integer >= 0',
    joined: 'Date',
    address: { city: 'string', 'zip?': 'string' },
    tags: type('string[]').default(() => []),
    role: "'guest' | 'admin' = 'guest'",
  }),
}

const joined = new Date('2024-02-29T12:00:00Z')
const ada: Given = { id: 'a', name: ' Ada ', age: 36, joined, address: { city: 'London' } }
const stored = { ...ada, name: 'Ada', tags: [], role: 'guest' }
const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) as string })

describe.each(Object.entries(SCHEMAS))('a schema of %s', (_, schema) => {
  const People = collection('people', {
    key: 'id',
    schema,
    storage: { age: t.int32(), joined: t.date() },
    indexes: {
      age: 'ordered',
      name: 'unique',
      tags: { on: 'tags', multiple: true },
      byCity: { on: 'address.city' },
    },
  })
  const Free = collection('free', { key: 'id', schema, indexes: { joined: 'ordered' } })
  const opened = open(':memory:')
  afterAll(async () => (await opened).close())
  const people = async () => {
    const all = (await opened).collection(People)
    await all.deleteWhere({ where: 'all' })
    return all
  }

  it('stores what it answers: trimmed, and with its defaults', async () => {
    const all = await people()
    expect(await all.insert(ada)).toEqual(stored)
    expect(all.get('a')).toEqual(stored)
  })

  it('is asked by insert, put, upsert, insertMany and update, and what it refuses changes nothing', async () => {
    const all = await people()
    await all.insert(ada)
    const bad = { ...ada, id: 'b', name: 'B', age: -1 }
    const refused = invalid(/document\.age\b/)
    await expect(all.insert(bad)).rejects.toEqual(refused)
    await expect(all.put({ ...bad, id: 'a' })).rejects.toEqual(refused)
    await expect(all.upsert(bad)).rejects.toEqual(refused)
    await expect(all.insertMany([{ ...ada, id: 'c', name: 'C' }, bad])).rejects.toEqual(
      invalid(/documents\[1\].*age/),
    )
    await expect(all.update('a', { age: 1.5 })).rejects.toEqual(refused)
    await expect(all.update('a', (one) => ({ ...one, age: -1 }))).rejects.toEqual(refused)
    await expect(all.updateWhere({ where: 'all' }, { age: -1 })).rejects.toEqual(refused)
    expect(all.find().all()).toEqual([stored])
  })

  it('refuses with the path of a field in an object and of an element', async () => {
    const all = await people()
    const noCity = { ...ada, address: {} } as never
    await expect(all.insert(noCity)).rejects.toEqual(invalid(/document\.address\.city/))
    const noTag = { ...ada, tags: ['x', 5] } as never
    await expect(all.insert(noTag)).rejects.toEqual(invalid(/document\.tags\[1\]/))
    await expect(all.insert('Ada' as never)).rejects.toEqual(invalid(/document/))
  })

  it('validates and trims in an update, too, and in transactions', async () => {
    const all = await people()
    const db = await opened
    await all.insert(ada)
    expect(await all.update('a', { name: ' Ada L. ' })).toEqual({ ...stored, name: 'Ada L.' })
    const role = await db.transaction((tx) => {
      all.in(tx).update('a', { role: 'admin' })
      expect(() => all.in(tx).update('a', { role: 'root' as never })).toThrow(/document\.role/)
      return all.in(tx).get('a')?.role
    })
    expect([role, all.get('a')?.role]).toEqual(['admin', 'admin'])
  })

  it('is found by its indexes, on declared columns and on what is stored in a free form', async () => {
    const all = await people()
    await all.insertMany([
      { ...ada, tags: ['math', 'poetry'] },
      { ...ada, id: 'b', name: 'Bob', age: 17, address: { city: 'Rome' } },
    ])
    const ids = (where: object) =>
      all
        .find({ where })
        .all()
        .map(({ id }) => id)
    expect(ids({ age: { gte: 18 } })).toEqual(['a'])
    expect(ids({ address: { city: 'Rome' } })).toEqual(['b'])
    expect(ids({ tags: { has: 'poetry' } })).toEqual(['a'])
    expect(all.find({ where: { age: 17 } }).explain()).toMatchObject({ index: 'age' })
    await expect(all.insert({ ...ada, id: 'c' })).rejects.toEqual(
      expect.objectContaining({ code: 'EXISTS', index: 'name' }),
    )
  })

  it('needs no storage: dates and all else come back as they were', async () => {
    const free = (await opened).collection(Free)
    await free.insert(ada)
    await free.insert({ ...ada, id: 'b', joined: new Date(0) })
    expect(free.get('a')).toEqual(stored)
    expect(free.find({ where: { joined: { lt: joined } } }).all()).toEqual([
      { ...stored, id: 'b', joined: new Date(0) },
    ])
    expect(free.find({ orderBy: 'joined' }).first()?.id).toBe('b')
  })
})

describe('a validator that answers another type than it takes', () => {
  const Texts = {
    zod: z.object({ id: z.string(), size: z.string().transform(Number) }),
    valibot: v.object({ id: v.string(), size: v.pipe(v.string(), v.transform(Number)) }),
    arktype: type({ id: 'string', size: type('string').pipe((text) => Number(text)) }),
  } as const

  it.each(Object.entries(Texts))('of %s is stored as what it answers', async (_, given) => {
    await using db = await open(':memory:')
    const schema: StandardSchema<{ id: string; size: string }, { id: string; size: number }> = given
    const all = db.collection(
      collection('sizes', { key: 'id', schema, indexes: { size: 'ordered' } }),
    )
    expect(await all.insert({ id: 'a', size: '12' })).toEqual({ id: 'a', size: 12 })
    expect(all.find({ where: { size: { gt: 11 } } }).all()).toEqual([{ id: 'a', size: 12 }])
    // What is stored is what an update hands it.
    await expect(all.update('a', { id: 'a' })).rejects.toEqual(
      invalid(/document\.size.*an update is validated as a whole, in the form that is stored/),
    )
    expect(await all.put({ id: 'a', size: '13' })).toEqual({ id: 'a', size: 13 })
  })
})

describe('a validator that does not answer at once', () => {
  const isFree = async (name: string) => Promise.resolve(name !== 'taken')
  const Late: Readonly<Record<string, StandardSchema<{ id: string }, { id: string }>>> = {
    zod: z.object({ id: z.string().refine(isFree) }),
    valibot: v.objectAsync({ id: v.pipeAsync(v.string(), v.checkAsync(isFree)) }),
  }

  it.each(Object.entries(Late))('of %s is refused, and by its name', async (vendor, schema) => {
    await using db = await open(':memory:')
    const all = db.collection(collection('late', { key: 'id', schema }))
    await expect(all.insert({ id: 'a' })).rejects.toEqual(
      invalid(new RegExp(`${vendor}: the schema validates asynchronously`)),
    )
    expect(all.count()).toBe(0)
  })
})

describe('storage beside a validator', () => {
  it('refuses what does not fit into it, with the path', async () => {
    await using db = await open(':memory:')
    const schema = z.object({ id: z.string(), n: z.number() })
    const all = db.collection(collection('n', { key: 'id', schema, storage: { n: t.int32() } }))
    await expect(all.insert({ id: 'a', n: 1.5 })).rejects.toEqual(invalid(/\bn\b.*1\.5/))
    expect(await all.insert({ id: 'a', n: 1 })).toEqual({ id: 'a', n: 1 })
  })

  it('may generate the key that the validator lets be missing', async () => {
    await using db = await open(':memory:')
    const schema = z.object({ id: z.uuid().optional(), n: z.number() })
    const storage = { id: t.uuid().generated() }
    const all = db.collection(collection('made', { key: 'id', schema, storage }))
    const { id } = await all.insert({ n: 1 })
    expect(all.get(id)).toEqual({ id, n: 1 })
  })
})
