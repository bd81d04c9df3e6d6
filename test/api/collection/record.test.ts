// test/api/collection/record.test.ts — documents to records and back, by generated code and by closures.
import { describe, expect, it } from 'vitest'

import { collection, t } from '../../../lib/collection.ts'
import { SCALARS, scalars } from '../../format/records.ts'
import { Harness, WAYS } from './records.ts'

const Users = collection('users', {
  key: 'id',
  schema: {
    id: t.int32(),
    name: t.string(),
    active: t.boolean(),
  },
})

const EVERYTHING = {
  ...SCALARS,
  strings: t.array(t.string()),
  numbers: t.array(t.float64()),
  nested: t.array(t.array(t.int32().nullable())),
  map: t.map(t.int32()),
  union: t.union([
    t.int32(),
    t.string(),
    t.object({ kind: t.enum(['a']), n: t.int32().optional() }),
  ]),
  json: t.json(),
  object: t.object({
    city: t.string(),
    zip: t.string().optional(),
    at: t.object({ lat: t.float64(), deep: t.object({ flag: t.boolean() }).nullable() }).optional(),
  }),
} as const

const EVERY = {
  ...scalars,
  strings: ['', 'a', 'x'.repeat(300)],
  numbers: [1, Infinity, -0],
  nested: [[1, null], [], [3]],
  map: { a: 1, 'odd name': -2 },
  union: { kind: 'a', n: 5 },
  json: { free: ['form', { of: 1n }], when: new Date(5) },
  object: { city: 'Ghent', zip: '9000', at: { lat: 51, deep: { flag: true } } },
}

describe.each(WAYS)('records, code %s', (code) => {
  const harness = (declared: Parameters<typeof newHarness>[0]) => newHarness(declared)
  const newHarness = (declared: ConstructorParameters<typeof Harness>[0]) =>
    new Harness(declared, code)

  it('the worked example of FORMAT.md', () => {
    const { framed } = harness(Users).encode({ id: 7, name: 'Ada', active: true })
    expect(Buffer.from(framed).toString('hex')).toBe('11060801' + '07000000' + '416461')
  })

  it('every type comes back as it was', () => {
    const all = harness(collection('all', { key: 'int32', schema: EVERYTHING }))
    expect(all.roundTrip(EVERY)).toStrictEqual(EVERY)
  })

  it('the alternatives of a union are told apart', () => {
    const all = harness(collection('all', { key: 'int32', schema: EVERYTHING }))
    for (const union of [5, 'five', { kind: 'a' }])
      expect(all.roundTrip({ ...EVERY, union }).union).toStrictEqual(union)
  })

  it('wide text, and text that needs wide ends', () => {
    const users = harness(Users)
    for (const name of ['日本', '\ud800', 'ÿ', 'x'.repeat(70_000), `${'x'.repeat(300)}日`])
      expect(users.roundTrip({ id: 1, name, active: false }).name).toBe(name)
    const Two = collection('two', {
      key: 'a',
      schema: { a: t.string(), b: t.string(), c: t.bytes(), d: t.array(t.string()) },
    })
    const two = harness(Two)
    for (const size of [0, 255, 256, 65_535, 65_536]) {
      const document = { a: 'a'.repeat(size), b: 'b', c: new Uint8Array(size), d: ['x', 'y'] }
      expect(two.roundTrip(document)).toStrictEqual(document)
    }
  })

  it('what is missing is missing, and null is null', () => {
    const Maybe = collection('maybe', {
      key: 'id',
      schema: {
        id: t.int32(),
        a: t.string().optional(),
        b: t.int32().nullable(),
        c: t.array(t.string()).optional().nullable(),
        d: t.object({ e: t.string(), f: t.float64().optional(), g: t.boolean() }).optional(),
        h: t.string(),
        i: t.object({ j: t.uuid().nullable() }).nullable(),
      },
    })
    const maybe = harness(Maybe)
    const documents = [
      { id: 1, b: null, h: 'h', i: null },
      { id: 1, a: 'a', b: 5, c: null, h: '', i: { j: null } },
      { id: 1, a: '', b: 5, c: ['x'], d: { e: 'e', g: true }, h: 'h', i: { j: EVERY.uuid } },
      { id: 1, b: 0, c: [], d: { e: '', f: 1.5, g: false }, h: 'h', i: null },
    ]
    for (const document of documents) expect(maybe.roundTrip(document)).toStrictEqual(document)
    expect(maybe.roundTrip({ id: 1, a: undefined, b: null, h: '', i: null })).toStrictEqual({
      id: 1,
      b: null,
      h: '',
      i: null,
    })
  })

  it('fields that are not declared are kept where they may be', () => {
    const Open = collection('open', {
      key: 'id',
      schema: { id: t.int32(), s: t.string() },
      extra: 'keep',
    })
    const open = harness(Open)
    const document = { id: 1, s: 'abc', more: { deep: ['x', 'y'] }, n: 5 }
    expect(open.roundTrip(document)).toStrictEqual(document)
    expect(open.roundTrip({ id: 1, s: '' })).toStrictEqual({ id: 1, s: '' })
    const hostile = JSON.parse('{"id":1,"s":"","__proto__":{"polluted":true}}') as object
    expect(Object.keys(open.roundTrip(hostile))).toStrictEqual(['id', 's', '__proto__'])
  })

  it('documents without a schema are any objects', () => {
    const free = harness(collection('free', { key: 'id' }))
    const document = { id: 'x', list: [1, { a: 'b' }], when: new Date(0) }
    expect(free.roundTrip(document)).toStrictEqual(document)
  })

  it('some fields are read without the others', () => {
    const all = harness(collection('all', { key: 'int32', schema: EVERYTHING }))
    const encoded = all.encode(EVERY)
    for (const name of Object.keys(EVERY) as (keyof typeof EVERY)[]) {
      expect(all.decodeFields(encoded, [name])).toStrictEqual({ [name]: EVERY[name] })
      expect(all.decodeFields(encoded, [name], true)).toStrictEqual({ [name]: EVERY[name] })
    }
    const three = { byte: 255, string: 'Zoë', object: EVERY.object }
    expect(all.decodeFields(encoded, ['object', 'string', 'byte'])).toStrictEqual(three)
    expect(all.decodeFields(encoded, ['nothing'])).toStrictEqual({})
  })

  it('a row number goes along and comes back', () => {
    const users = harness(Users)
    const document = { id: 7, name: 'Ada', active: true }
    for (const row of [0, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const encoded = users.encode(document, row)
      expect(users.codec.rowOf(encoded.head, 0, encoded.head.length)).toBe(row)
      expect(users.decode(encoded)).toStrictEqual(document)
    }
  })

  it('an instance of a class is its own fields, and a getter is asked once', () => {
    let asked = 0
    class User {
      readonly id = 7
      readonly active = true
      readonly name!: string
      constructor() {
        const get = () => `asked ${++asked}`
        Object.defineProperty(this, 'name', { get, enumerable: true })
      }
    }
    expect(harness(Users).roundTrip(new User())).toStrictEqual({
      id: 7,
      name: 'asked 1',
      active: true,
    })
  })

  it('what is inherited is not there', () => {
    const inherited = Object.create({ name: 'Ada' }) as Record<string, unknown>
    Object.assign(inherited, { id: 1, active: true })
    expect(() => harness(Users).encode(inherited)).toThrow('document.name must be there')
  })

  it('more than 8, 16 and 24 bits, and 100 fields', () => {
    const names = Array.from({ length: 100 }, (_, index) => `f${index}`)
    const schema = Object.fromEntries(
      names.map((name, index) => [
        name,
        index % 2 === 0 ? t.boolean().optional() : t.string().nullable(),
      ]),
    )
    const many = harness(collection('many', { key: 'id', schema: { id: t.int32(), ...schema } }))
    const document: Record<string, unknown> = {}
    for (const [index, name] of names.entries()) {
      if (index % 2 === 1) document[name] = index % 3 === 0 ? null : name
      else if (index % 3 !== 0) document[name] = index % 4 === 0
    }
    expect(many.roundTrip({ id: 1, ...document })).toStrictEqual({ id: 1, ...document })
  })
})
