// test/format/records.ts — declarations and documents that between them have every type, and every way to be absent.
import { type Collection, collection, t } from '../../lib/collection.ts'

export interface RecordFixture {
  readonly name: string
  readonly declared: Collection
  readonly document: object
  /** Paths whose keys are written down. */
  readonly keyed: readonly string[]
  readonly version: number
  readonly row?: number
}

const User = collection('users', {
  key: 'id',
  schema: { id: t.int32(), name: t.string(), active: t.boolean() },
})

/** A field of each type that is one column, and a value of each, at an end of what it may be. */
export const SCALARS = {
  boolean: t.boolean(),
  int32: t.int32(),
  byte: t.int32({ min: 0, max: 255 }),
  signedByte: t.int32({ min: -5, max: 100 }),
  word: t.int32({ min: 0, max: 60_000 }),
  signedWord: t.int32({ min: -300, max: 300 }),
  int64: t.int64(),
  float64: t.float64({ min: -1e9 }),
  string: t.string({ min: 1, max: 1000, pattern: /^\S/u }),
  bytes: t.bytes({ max: 100 }),
  date: t.date(),
  uuid: t.uuid(),
  enum: t.enum(['red', 'grün', '水']),
  any: t.key(),
  point: t.point(),
  box: t.box(),
  vector: t.vector(3),
} as const

const Scalars = collection('scalars', {
  key: ['uuid', 'int64', 'string'],
  schema: SCALARS,
  indexes: {
    string: 'unique',
    point: 'geo',
    enum: 'bitmap',
    words: { on: 'string', kind: 'text', languages: ['english'] },
    two: { on: ['date', 'word'], descending: ['date'], where: { byte: { gt: 3 } } },
    made: { on: (document) => `${document.string}!`, revision: 2 },
  },
})
const KEYED = Object.keys(SCALARS).filter((name) => !['point', 'box', 'vector'].includes(name))

export const scalars = {
  boolean: true,
  int32: -(2 ** 31),
  byte: 255,
  signedByte: -5,
  word: 60_000,
  signedWord: -300,
  int64: -(2n ** 63n),
  float64: -0.1,
  string: 'Zoë',
  bytes: Uint8Array.of(0, 255, 7, 0),
  date: new Date(-8.64e15),
  uuid: '0198a4f2-7c3e-7abc-8def-0123456789ab',
  enum: 'grün',
  any: ['a\0', 1, null],
  point: { lat: -90, lng: 180 },
  box: { south: -1.5, west: 2, north: 3, east: -4 },
  vector: Float32Array.of(1, -2.5, 0),
}

const Nested = collection('nested', {
  key: 'at.id',
  schema: {
    at: t.object({ id: t.uuid(), where: t.object({ city: t.string(), zip: t.string().optional() }) }),
    tags: t.array(t.string({ max: 300 }), { max: 10 }),
    nested: t.array(t.array(t.int32({ min: 0, max: 9 }).nullable())),
    parts: t.array(t.object({ n: t.float64(), s: t.string().optional(), b: t.boolean() })),
    map: t.map(t.union([t.string(), t.int64(), t.array(t.date())])),
    json: t.json(),
    maybe: t
      .object({ flag: t.boolean(), deep: t.object({ text: t.string(), blob: t.bytes() }).optional() })
      .optional()
      .nullable(),
    level: t.enum(['low', 'high']).default('high'),
    limit: t.float64().default(2.5),
    author: t.uuid().nullable().references('users', { onDelete: 'set null' }),
    last: t.string().nullable(),
  },
  indexes: { tags: 'ordered', 'at.where.city': 'ordered' },
  extra: 'keep',
})

const nested = {
  at: { id: scalars.uuid, where: { city: 'Zürich' } },
  tags: ['a', '', 'x'.repeat(200)],
  nested: [[1, null], [], [9]],
  parts: [{ n: 1, b: true }, { n: -0.5, s: 'part', b: false }],
  map: { one: 'two', 'three four': 5n, five: [new Date(6)] },
  json: { free: ['form', 1n, { a: null }] },
  author: null,
  last: 'last',
  other: 'kept',
}
const NESTED_KEYED = ['at.id', 'at.where.city', 'at.where.zip', 'level', 'limit', 'author', 'last']

const Free = collection('free', {
  key: 'id',
  indexes: { id: 'ordered', tags: { on: 'tags', multiple: true } },
})

const int64s = [-1n, 0n, 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 62n) + 1n]
const texts = ['\0', 'a\0b', 'ÿ\u0080', '日本', '\ud83d', '\ude00', '😀', '\ud83dx', 'x'.repeat(256)]

export const RECORDS: readonly RecordFixture[] = [
  { name: 'user', declared: User, version: 1, keyed: ['id', 'name', 'active'],
    document: { id: 7, name: 'Ada', active: true } },
  { name: 'user-row', declared: User, version: 20, keyed: [], row: 2 ** 40,
    document: { id: -1, name: '', active: false } },
  { name: 'user-wide', declared: User, version: 1, keyed: ['name'],
    document: { id: 7, name: '日本', active: true } },
  { name: 'scalars', declared: Scalars, version: 3, keyed: KEYED, row: 5, document: scalars },
  ...int64s.map((int64, index) => ({ name: `int64-${index}`, declared: Scalars, version: 1,
    keyed: ['int64'], document: { ...scalars, int64 } })),
  ...texts.map((string, index) => ({ name: `text-${index}`, declared: Scalars, version: 1,
    keyed: ['string'], document: { ...scalars, string } })),
  { name: 'nested', declared: Nested, version: 2, keyed: NESTED_KEYED, document: nested },
  { name: 'nested-null', declared: Nested, version: 2, keyed: NESTED_KEYED,
    document: { ...nested, maybe: null, last: null, author: scalars.uuid } },
  { name: 'nested-there', declared: Nested, version: 2, keyed: NESTED_KEYED,
    document: { ...nested, maybe: { flag: true, deep: { text: 'deep', blob: Uint8Array.of(1, 2) } } } },
  { name: 'nested-wide-ends', declared: Nested, version: 2, keyed: NESTED_KEYED,
    document: { ...nested, map: { long: 'y'.repeat(70_000) } } },
  { name: 'free', declared: Free, version: 1, keyed: [], document: { id: 'x', tags: ['a', 1], more: {} } },
]
