// test/api/collection/declaration.test.ts — declarations: what they describe, and which are refused, in words.
import { describe, expect, it } from 'vitest'

import { collection, type StandardSchema, t } from '../../../lib/collection.ts'
import { conditionOf, conditionText } from '../../../lib/collection/condition.ts'
import { newUuid } from '../../../lib/collection/uuid.ts'
import { Harness } from './records.ts'

const schema = { id: t.int32(), name: t.string(), at: t.point(), tags: t.array(t.string()) }
const declare = (given: object) => collection('c', { key: 'id', schema, ...given } as never)

describe('a declaration', () => {
  it('describes its fields, key and indexes as data', () => {
    const { description } = collection('users', {
      key: 'id',
      schema: { id: t.uuid().generated(), age: t.int32({ min: 0 }).default(5) },
      indexes: {
        age: 'unique',
        both: { on: ['age', 'id'], descending: ['age'], where: { age: { gt: 1 } } },
      },
    })
    expect(description).toMatchObject({
      name: 'users',
      extra: 'refuse',
      key: { on: 'id', generated: 'uuid' },
      fields: [
        { name: 'id', filled: true, type: { kind: 'uuid' } },
        { name: 'age', hasDefault: true, type: { kind: 'int32', rules: { least: 0 } } },
      ],
      indexes: [
        { name: 'age', kind: 'ordered', unique: true, parts: [{ path: 'age', descending: false }] },
        {
          name: 'both',
          condition: '{"age":{"gt":1}}',
          parts: [
            { path: 'age', descending: true },
            { path: 'id', descending: false },
          ],
        },
      ],
    })
  })

  it('has hidden fields for indexes on functions and on paths that are no columns', () => {
    const { description, live } = collection('free', {
      key: 'id',
      indexes: {
        byLower: { on: (document) => String(document['name']).toLowerCase() },
        tags: { on: 'tags', multiple: true },
        words: { on: 'body.text', kind: 'text' },
      },
    })
    expect(description.fields.map(({ name, hidden }) => [name, hidden])).toEqual([
      ['#byLower()', true],
      ['#tags[]', true],
      ['#body.text:text', true],
    ])
    const text = live.hidden.get('#body.text:text') as (document: object) => unknown
    expect(text({ body: { text: 'x' } })).toBe('x')
    expect(text({ body: 5 })).toBeUndefined()
  })

  it('an array has an entry for each element', () => {
    expect(declare({ indexes: { tags: 'ordered' } }).description.indexes[0]?.multiple).toBe(true)
  })

  const REFUSED: readonly (readonly [what: string, given: object, message: RegExp])[] = [
    ['no such key', { key: 'x' }, /key must be the name of a declared field, not "x"/],
    [
      'a key of a point',
      { key: 'at' },
      /key 'at' must be of a type that has an order, not "point"/,
    ],
    [
      'a key that may be missing',
      { key: 'n', schema: { n: t.int32().optional() } },
      /key 'n' must be never missing nor null/,
    ],
    ['no key', { key: [] }, /key must be a field or an array of 1 to 16/],
    ['an unknown option', { indexs: {} }, /unknown option 'indexs'; did you mean 'indexes'/],
    [
      'a field that is none',
      { schema: { id: 'string' } },
      /id must be a field, as t\.string\(\), not "string"/,
    ],
    ['a name with a dot', { schema: { 'a.b': t.string() } }, /without dots/],
    ['a reserved name', { schema: { and: t.string() } }, /cannot be called 'and'/],
    [
      'a generated field beside the key',
      { schema: { id: t.int32(), n: t.uuid().generated() } },
      /n: only the key can be generated/,
    ],
    [
      'a nested computed field',
      { schema: { id: t.int32(), o: t.object({ n: t.int32().computed(() => 1) }) } },
      /o\.n: only a field of the document itself is computed/,
    ],
    [
      'a default in an array',
      { schema: { id: t.int32(), o: t.array(t.object({ n: t.int32().default(1) })) } },
      /o\[\]\.n: only fields of documents/,
    ],
    [
      'a reference in an array',
      { schema: { id: t.int32(), o: t.array(t.int32().references('c')) } },
      /o\[\]: a reference is a field of its own/,
    ],
    [
      'set null of a field that must be there',
      { schema: { id: t.int32(), o: t.int32().references('c', { onDelete: 'set null' }) } },
      /o: onDelete 'set null' needs nullable\(\) or optional\(\)/,
    ],
    [
      'set null beside a computed field',
      {
        schema: {
          id: t.int32(),
          o: t.int32().optional().references('c', { onDelete: 'set null' }),
          twice: t.int32().computed((d: { id: number }) => d.id * 2),
        },
      },
      /o: onDelete 'set null' cannot be beside computed fields/,
    ],
    [
      'set null beside an index on a function',
      {
        schema: {
          id: t.int32(),
          o: t.int32().nullable().references('c', { onDelete: 'set null' }),
        },
        indexes: { f: { on: () => 1 } },
      },
      /o: onDelete 'set null' cannot be beside an index on a function/,
    ],
    [
      'an index on nothing',
      { indexes: { x: { on: 'nothing' } } },
      /indexes\.x\.on must be the name of a declared field, not "nothing"/,
    ],
    [
      'an index of no kind',
      { indexes: { name: 'sorted' } },
      /indexes\.name must be 'ordered', 'unique'/,
    ],
    [
      'a text index on a number',
      { indexes: { id: 'text' } },
      /indexes\.id: 'id' must be a string or an array of strings, not "int32"/,
    ],
    ['a geo index on a string', { indexes: { name: 'geo' } }, /must be a point or box/],
    [
      'an ordered index on a point',
      { indexes: { at: 'ordered' } },
      /must be of a type that has an order, not "point"/,
    ],
    [
      'a unique bitmap',
      { indexes: { x: { on: 'name', kind: 'bitmap', unique: true } } },
      /only an ordered index can be unique/,
    ],
    [
      'a bitmap on two fields',
      { indexes: { x: { on: ['name', 'id'], kind: 'bitmap' } } },
      /a bitmap index is on one field/,
    ],
    [
      'descending what is not there',
      { indexes: { x: { on: 'name', descending: ['id'] } } },
      /names of `on`/,
    ],
    [
      'undefined in a condition',
      { indexes: { x: { on: 'name', where: { id: undefined } } } },
      /indexes\.x\.where\.id must be a value that can be compared/,
    ],
    ['extra of no kind', { extra: true }, /extra must be 'refuse' or 'keep', not true/],
    ['storage without a validator', { storage: {} }, /storage is for a validator/],
    [
      'two ways to fill',
      { schema: { id: t.int32().default(1).optional() } },
      /optional, and yet filled in/,
    ],
  ]
  it.each(REFUSED)('refused: %s', (_, given, message) => {
    const error = expect.objectContaining({ code: 'INVALID' }) as Error
    expect(() => declare(given)).toThrow(message)
    expect(() => declare(given)).toThrow(error)
  })

  it('refuses options of types that mean nothing', () => {
    expect(() => t.int32({ min: 5, max: 4 })).toThrow('max must be at least min, 5, not 4')
    expect(() => t.int32({ min: 0.5 })).toThrow('min must be -2147483648 to 2147483647')
    expect(() => t.string({ pattern: /x/g })).toThrow("flags 'g' or 'y'")
    expect(() => t.string({ maxx: 5 } as never)).toThrow(
      "unknown option 'maxx'; did you mean 'max'?",
    )
    expect(() => t.enum([])).toThrow('an array of 1 to 65536 strings')
    expect(() => t.enum(['a', 'a'])).toThrow('a value comes twice')
    expect(() => t.vector(0)).toThrow('a count of dimensions')
    expect(() => t.array('string' as never)).toThrow('a field, as t.string()')
  })

  it('more than 1,024 fields are refused', () => {
    const many = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${i}`, t.int32()]))
    expect(() => declare({ key: 'f0', schema: many })).toThrow('more than 1024 fields')
  })

  it('types nest at most 16 deep', () => {
    let deep: ReturnType<typeof t.array> = t.array(t.string())
    for (let depth = 0; depth < 16; depth++) deep = t.array(deep)
    expect(() => declare({ schema: { id: t.int32(), deep } })).toThrow('more than 16 deep')
  })

  it('relates to collections that refer to it', () => {
    const Users = collection('users', { key: 'id', schema })
    const Posts = collection('posts', {
      key: 'id',
      schema: { id: t.int32(), by: t.int32().references(Users) },
    })
    expect(Users.relate({ posts: { from: Posts, by: 'by' } }).relations['posts']?.by).toBe('by')
    expect(() => Users.relate({ posts: { from: Posts, by: 'id' as unknown as 'by' } })).toThrow(
      "a field that references 'users'",
    )
  })
})

describe('filling in', () => {
  it('defaults, generated keys and computed fields come where they are declared', () => {
    let made = 0
    const filled = new Harness(
      collection('filled', {
        key: 'id',
        schema: {
          id: t.uuid().generated(),
          upper: t.string().computed((d: { name: string }) => d.name.toUpperCase()),
          name: t.string().default('ada'),
          list: t.array(t.int32()).default([1]),
          count: t.int32().default(() => ++made),
          at: t.object({ country: t.string().default('be'), city: t.string() }).optional(),
        },
      }),
    )
    const first = filled.codec.fill({ at: { city: 'x' } })
    expect(Object.keys(first)).toEqual(['id', 'upper', 'name', 'list', 'count', 'at'])
    expect(first).toMatchObject({
      upper: 'ADA',
      name: 'ada',
      list: [1],
      count: 1,
      at: { country: 'be', city: 'x' },
    })
    expect(first['id']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
    const second = filled.codec.fill({ name: 'bob', count: 5 })
    expect(second).toMatchObject({ upper: 'BOB', name: 'bob', count: 5 })
    expect(second['list']).not.toBe(first['list'])
    expect(second).not.toHaveProperty('at')
    expect(filled.roundTrip(first)).toStrictEqual(first)
  })

  it('a sequence comes from its caller, in the type of the key', () => {
    const small = new Harness(collection('s', { key: 'id', schema: { id: t.int32().generated() } }))
    expect(small.codec.fill({}, () => 7)).toEqual({ id: 7 })
    const large = new Harness(collection('l', { key: 'id', schema: { id: t.int64().generated() } }))
    expect(large.codec.fill({}, () => 7)).toEqual({ id: 7n })
    expect(large.codec.fill({ id: 9n }, () => 7)).toEqual({ id: 9n })
  })

  it('uuids of version 7 rise', () => {
    const made = Array.from({ length: 20_000 }, () => newUuid())
    expect([...made].sort()).toEqual(made)
    expect(new Set(made).size).toBe(made.length)
    const now = Date.now()
    expect(newUuid(now - 10_000) > (made.at(-1) ?? '')).toBe(true) // The clock went back.
  })
})

describe('a validator', () => {
  interface In {
    id: string
    n?: string
  }
  interface Out {
    id: string
    n: number
  }
  const validator: StandardSchema<In, Out> = {
    '~standard': {
      version: 1,
      vendor: 'ours',
      validate(value) {
        const { id, n = '0' } = value as In
        if (typeof id !== 'string')
          return { issues: [{ message: 'no text', path: ['id', { key: 0 }] }] }
        return { value: { id, n: Number(n) } }
      },
    },
  }
  const Checked = collection('checked', {
    key: 'id',
    schema: validator,
    storage: { n: t.float64() },
    indexes: { n: 'ordered' },
  })

  it('says what is stored, in declared columns and in a free form beside them', () => {
    const checked = new Harness(Checked)
    expect(checked.roundTrip({ id: 'a', n: '5' })).toStrictEqual({ n: 5, id: 'a' })
    expect(checked.codec.keyOf({ id: 'a', n: 5 })).toBe('a')
  })

  it('refuses with the path of its issue', () => {
    expect(() => new Harness(Checked).codec.fill({ id: 5 })).toThrow('document.id[0]: no text')
  })

  it('that is asynchronous is INVALID', () => {
    const later = {
      '~standard': { version: 1, vendor: 'late', validate: () => Promise.reject(new Error('x')) },
    } as const
    const Late = collection('late', { key: 'id', schema: later as never })
    expect(() => new Harness(Late).codec.fill({ id: 1 })).toThrow('validates asynchronously')
  })
})

describe('a condition as text', () => {
  it('comes back as it was, its names in order', () => {
    const condition = {
      b: { in: [1, -0, Infinity, 5n, 'x', null, true] },
      a: { gt: new Date(5), eq: Uint8Array.of(1, 2) },
    }
    const text = conditionText(condition, 'where')
    expect(text.indexOf('"a"')).toBeLessThan(text.indexOf('"b"'))
    expect(conditionOf(text)).toStrictEqual({ a: condition.a, b: condition.b })
  })

  it('refuses what cannot be compared', () => {
    expect(() => conditionText({ a: NaN }, 'where')).toThrow('where.a must be a number that is one')
    expect(() => conditionText({ a: [() => 0] }, 'where')).toThrow('where.a[0] must be a value')
    expect(() => conditionText([], 'where')).toThrow('a condition, as')
  })
})
