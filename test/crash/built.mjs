// test/crash/built.mjs — a collection before and after indexes of every kind are added.
import { collection, t } from '../../dist/index.js'

export const COUNT = 20_000
const schema = {
  id: t.int32(),
  kind: t.enum(['a', 'b', 'c']),
  tags: t.array(t.string()),
  body: t.string(),
  at: t.point(),
  area: t.box(),
}
const WORDS = ['quick', 'brown', 'fox', 'lazy', 'dog', 'town']
const word = (n) => WORDS[n % WORDS.length]

export const document = (id) => ({
  id,
  kind: ['a', 'b', 'c'][(id * 7) % 3],
  tags: [`t${id % 5}`, `u${id % 11}`],
  body: `${word(id)} ${word(id * 5 + 1)} ${word((id >> 3) * 3)} n${id % 97}`,
  at: { lat: (id % 120) - 60, lng: (id % 170) - 85 },
  area: { south: id % 60, west: id % 90, north: (id % 60) + 1, east: (id % 90) + 1 },
})

export const before = collection('things', { key: 'id', schema })
export const after = collection('things', {
  key: 'id',
  schema,
  indexes: {
    kind: 'bitmap',
    tags: 'bitmap',
    words: { on: 'body', kind: 'text' },
    at: 'geo',
    area: 'geo',
    rising: { on: ['kind', 'id'] },
  },
})

/** What is asked of it. */
export const QUESTIONS = [
  { kind: 'b' },
  { kind: { ne: 'a' }, tags: { has: 't3' } },
  { tags: { hasAll: ['t1', 'u4'] } },
  { body: { match: 'fox' } },
  { body: { match: '+quick -dog n5' } },
  { body: { match: '"lazy dog"' } },
  { at: { near: { lat: 10, lng: 10 }, within: '900km' } },
  { at: { within: { south: -20, west: -20, north: 3, east: 41 } } },
  { area: { within: { south: 5.5, west: 20, north: 9, east: 33 } }, kind: 'c' },
  { kind: 'a', id: { lt: 300 } },
]
