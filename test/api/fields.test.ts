// Some fields of stored objects, asked for by name.
import { deepStrictEqual } from 'node:assert'
import { afterEach, describe, expect, it } from 'vitest'

import { open, openSync, type Store } from '../../lib/index.ts'
import { randomFrom } from '../contract/model.ts'
import { decodeSome, decodeSomeOfBytes, encode, Table, useShapes } from './head.ts'
import { randomValue } from './values.ts'

interface User {
  readonly name: string
  readonly age?: number
  readonly tags: readonly string[]
  readonly home: { readonly city: string }
}

const user = (id: number): User => ({
  name: `user ${id}`,
  ...(id % 3 === 0 ? {} : { age: id }),
  tags: ['x', `tag ${id}`],
  home: { city: `city ${id}` },
})

type Users = Store<{ key: string; value: User }>

async function filled(count = 50): Promise<Users> {
  const db: Users = await open(':memory:')
  for (let id = 0; id < count; id++) await db.put(`u${id}`, user(id))
  return db
}

describe('get() with fields', () => {
  it('answers a plain object of those, in the order they were stored, and undefined for an absent key', async () => {
    await using db = await filled()
    for (let id = 0; id < 50; id++) {
      const some = db.get(`u${id}`, { fields: ['home', 'name'] })
      expect(some).toStrictEqual({ name: `user ${id}`, home: { city: `city ${id}` } })
      expect(Object.keys(some ?? {})).toEqual(['name', 'home'])
    }
    expect(db.get('nobody', { fields: ['name'] })).toBeUndefined()
  })

  it('leaves out what the object does not have', async () => {
    await using db = await filled()
    expect(db.get('u3', { fields: ['age', 'name'] })).toStrictEqual({ name: 'user 3' })
    expect(db.get('u3', { fields: [] })).toStrictEqual({})
    const loose = db as unknown as Store
    expect(loose.get('u3', { fields: ['no such', 'toString'] })).toStrictEqual({})
  })

  it('is the same from getAsync(), getMany(), ranges and snapshots', async () => {
    await using db = await filled()
    const fields = ['age'] as const
    const keys = Array.from({ length: 50 }, (_, id) => `u${id}`)
    const expected = keys.map((_, id) => (id % 3 === 0 ? {} : { age: id }))
    expect(db.getMany(keys, { fields })).toStrictEqual(expected)
    expect(await Promise.all(keys.map((key) => db.getAsync(key, { fields })))).toStrictEqual(
      expected,
    )
    using snapshot = db.snapshot()
    await db.put('u1', user(2))
    expect(snapshot.getMany(keys, { fields })).toStrictEqual(expected)
    const byKey = new Map(snapshot.range({ fields }))
    expect(keys.map((key) => byKey.get(key))).toStrictEqual(expected)
    const none = snapshot.values({ fields: ['name'], limit: 1, reverse: true }).toArray()
    expect(none).toStrictEqual([{ name: 'user 9' }])
  })

  it('of many keys that are not text, too', async () => {
    await using db = await open<{ key: number; value: User }>(':memory:')
    await db.put(1, user(1))
    expect(db.getMany([1, 2], { fields: ['name'] })).toStrictEqual([{ name: 'user 1' }, undefined])
  })

  it('is the same where values are JSON or of a user, and is INVALID of what is no object', async () => {
    await using db = await open(':memory:')
    const json = db.sublevel<{ key: string; value: User }>('json', { encoding: 'json' })
    await json.put('a', user(1))
    expect(json.get('a', { fields: ['age'] })).toStrictEqual({ age: 1 })
    const v8 = {
      encode: (value: User) => Buffer.from(JSON.stringify(value)),
      decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as User,
    }
    const own = db.sublevel<{ key: string; value: User }>('own', { encoding: v8 })
    await own.put('a', user(1))
    expect(own.get('a', { fields: ['age'] })).toStrictEqual({ age: 1 })
    const refusal = expect.objectContaining({
      code: 'INVALID',
      message: 'fields: the value is no object, and has none',
    })
    for (const value of ['text', 1, null, [1], Uint8Array.of(1), new Map(), new Date()]) {
      await db.put('k', value)
      expect(() => db.get('k', { fields: ['a'] })).toThrow(refusal)
    }
  })

  it('refuses what is no list of names', () => {
    using db = openSync(':memory:')
    const get = (options: unknown) => () => db.get('k', options as { fields: string[] })
    expect(get({ fields: 'name' })).toThrow('fields must be an array of names, not "name"')
    expect(get({ fields: ['a', 1] })).toThrow('fields[1] must be the name of a field, not 1')
    expect(get({ field: ['a'] })).toThrow("get: unknown option 'field'; did you mean 'fields'?")
    expect(get(null)).toThrow('get: options must be an object, not null')
  })
})

describe.each([
  ['auto', false],
  ['auto', true],
  ['never', true],
] as const)(
  'fields of any object, with code generation %s, names in a table: %s',
  (code, isNumbered) => {
    afterEach(() => void useShapes())

    const pick = (value: object, names: readonly string[]) =>
      Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))

    it('are what reading it whole would give', () => {
      useShapes(isNumbered ? new Table() : undefined, code)
      const random = randomFrom(Number(process.env.VARVE_SEED ?? 5))
      const names = ['id', 'a b', '', '0', '__proto__', 'text', 'last']
      for (let index = 0; index < 2000; index++) {
        const shape = names.slice(random(3), 4 + random(4))
        const value = Object.fromEntries(
          shape.map((name) => [name, randomValue(random, 2 + random(3))]),
        )
        const wanted = names.filter(() => random(3) === 0)
        const encoded = encode(value)
        const expected = structuredClone(pick(value, wanted))
        deepStrictEqual(decodeSome(encoded, wanted), expected)
        if (/^[\0-\xff]*$/.test(encoded.text)) {
          deepStrictEqual(decodeSomeOfBytes(encoded, wanted), expected)
        }
      }
    })

    it('of bytes that nobody wrote are an object, CORRUPT, or INVALID because there is none', () => {
      useShapes(isNumbered ? new Table() : undefined, code)
      const random = randomFrom(Number(process.env.VARVE_SEED ?? 6))
      const seen = new Set<string>()
      for (let index = 0; index < 5000; index++) {
        const value = {
          id: random(100),
          name: `name ${index}`,
          list: [1, { a: 2 }],
          at: 0.1,
          end: 'x',
        }
        const { head, text } = encode(value)
        if (index > 100) {
          for (let count = random(3); count >= 0; count--) head[random(head.length)] = random(256)
        }
        const cut = head.slice(0, random(4) === 0 ? random(head.length + 1) : head.length)
        const left = text.slice(0, random(4) === 0 ? random(text.length + 1) : text.length)
        for (const read of [decodeSome, decodeSomeOfBytes]) {
          try {
            read({ head: cut, text: left }, ['name', 'at'])
            seen.add('an object')
          } catch (error) {
            seen.add((error as { code?: string }).code ?? String(error))
          }
        }
      }
      expect([...seen].sort()).toEqual(['CORRUPT', 'INVALID', 'an object'])
    })
  },
)
