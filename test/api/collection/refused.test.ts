// test/api/collection/refused.test.ts — bad documents: the code, the field, what was given and the rule.
import { describe, expect, it } from 'vitest'

import { collection, t } from '../../../lib/collection.ts'
import { Harness, WAYS } from './records.ts'

const All = collection('all', {
  key: 'id',
  schema: {
    id: t.int32(),
    age: t.int32({ min: 0, max: 150 }).optional(),
    big: t.int64({ min: 0n }).optional(),
    score: t.float64({ max: 10 }).optional(),
    name: t.string({ min: 2, max: 5, pattern: /^[a-z]+$/ }).optional(),
    born: t.date({ min: new Date(0) }).optional(),
    role: t.enum(['admin', 'guest']).optional(),
    uuid: t.uuid().optional(),
    at: t.point().optional(),
    area: t.box().optional(),
    raw: t.bytes({ max: 2 }).optional(),
    vector: t.vector(2).optional(),
    tags: t.array(t.string({ max: 3 }), { max: 3 }).optional(),
    map: t.map(t.int32(), { max: 2 }).optional(),
    either: t.union([t.int32(), t.object({ a: t.boolean() })]).optional(),
    free: t.json().optional(),
    any: t.key().optional(),
    address: t.object({ city: t.string(), zip: t.string().nullable() }).optional(),
  },
})

const cycle: Record<string, unknown> = {}
cycle['self'] = { cycle }
const stored = [cycle]

const REFUSED: readonly (readonly [field: string, value: unknown, message: string])[] = [
  ['age', '5', 'document.age must be an integer from 0 to 150, not "5"'],
  ['age', 151, 'document.age must be an integer from 0 to 150, not 151'],
  ['age', 1.5, 'document.age must be an integer from 0 to 150, not 1.5'],
  ['age', null, 'document.age must be an integer from 0 to 150, not null'],
  ['big', 5, 'document.big must be a bigint of 64 bits of at least 0n, not 5'],
  [
    'big',
    2n ** 63n,
    'document.big must be a bigint of 64 bits of at least 0n, not 9223372036854775808n',
  ],
  ['score', NaN, 'document.score must be a number of at most 10, not NaN'],
  ['score', 11, 'document.score must be a number of at most 10, not 11'],
  [
    'name',
    'a',
    'document.name must be a string of 2 to 5 characters that matches /^[a-z]+$/, not "a"',
  ],
  [
    'name',
    'A b',
    'document.name must be a string of 2 to 5 characters that matches /^[a-z]+$/, not "A b"',
  ],
  [
    'born',
    new Date(NaN),
    'document.born must be a valid Date of at least 1970-01-01T00:00:00.000Z, not an invalid Date',
  ],
  ['born', 5, 'document.born must be a valid Date of at least 1970-01-01T00:00:00.000Z, not 5'],
  ['role', 'root', "document.role must be one of 'admin', 'guest', not \"root\""],
  ['uuid', 'x', 'document.uuid must be a uuid, not "x"'],
  ['at', { lat: 91, lng: 0 }, 'document.at must be { lat, lng } in degrees, not an object'],
  [
    'area',
    { south: 1, west: 0, north: 0, east: 0 },
    'document.area must be { south, west, north, east } in degrees, not an object',
  ],
  [
    'raw',
    Uint8Array.of(1, 2, 3),
    'document.raw must be a Uint8Array of at most 2 bytes, not an object',
  ],
  ['vector', [1], 'document.vector must be 2 finite numbers, not an array'],
  ['tags', ['a', 5], 'document.tags[1] must be a string of at most 3 characters, not 5'],
  ['tags', ['a', 'b', 'c', 'd'], 'document.tags must be an array of at most 3 elements, not 4'],
  ['tags', { 0: 'a' }, 'document.tags must be an array, not an object'],
  [
    'map',
    { 'a b': 'x' },
    'document.map["a b"] must be an integer from -2147483648 to 2147483647, not "x"',
  ],
  ['map', { a: 1, b: 2, c: 3 }, 'document.map must be an object of at most 2 fields, not 3'],
  ['either', { a: 5 }, 'document.either.a must be true or false, not 5'],
  [
    'either',
    'x',
    'document.either must be an integer from -2147483648 to 2147483647, or an object, not "x"',
  ],
  ['free', () => 0, 'document.free is a function, which cannot be stored'],
  ['free', stored, 'document.free[0].self.cycle is a cycle, which cannot be stored'],
  ['any', { a: 1 }, 'document.any must be an ordered key, not an object'],
  ['address', { city: 'x' }, 'document.address.zip must be there, a string, not undefined'],
  [
    'address',
    { city: 'x', zip: null, more: 1 },
    'document.address.more: unknown field; declared are city, zip',
  ],
  ['address', [], 'document.address must be an object, not an array'],
]

describe.each(WAYS)('refused documents, code %s', (code) => {
  const all = new Harness(All, code)

  it.each(REFUSED)('%s: %o', (field, value, message) => {
    const error = expect.objectContaining({ code: 'INVALID', message }) as Error
    expect(() => all.encode({ id: 1, [field]: value })).toThrow(error)
  })

  it('an unknown field is named with those that are known', () => {
    expect(() => all.encode({ id: 1, agee: 5 })).toThrow(
      /^document\.agee: unknown field; declared are id, age, .*, …$/,
    )
  })

  it('a required field that is missing', () => {
    expect(() => all.encode({})).toThrow('document.id must be there, an integer')
  })

  it('what is no object', () => {
    for (const document of [null, undefined, 5, 'x', [], new Map(), () => 0])
      expect(() => all.encode(document)).toThrow('document must be an object')
  })

  it('too large a document is TOO_LARGE', () => {
    const large = { id: 1, free: 'x'.repeat(2000) }
    const error = expect.objectContaining({ code: 'TOO_LARGE' }) as Error
    expect(() => all.encode(large, undefined, 1000)).toThrow(error)
    expect(() => all.encode({ id: 1, free: new Uint8Array(2000) }, undefined, 1000)).toThrow(error)
  })

  it('one that was refused leaves the next as it should be', () => {
    expect(() => all.encode({ id: 1, name: 'abc', tags: ['abcd'] })).toThrow()
    expect(all.roundTrip({ id: 2, name: 'abc' })).toStrictEqual({ id: 2, name: 'abc' })
  })
})
