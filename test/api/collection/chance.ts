// test/api/collection/chance.ts — random documents, conditions and orders, from a seed.
import type { Document, Step } from './naive.ts'

export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 1) >>> 0
  }

  /** From 0 on, below `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * end)
  }

  one<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  some<T>(from: readonly T[], most: number): T[] {
    return Array.from({ length: this.below(most + 1) }, () => this.one(from))
  }

  is(percent: number): boolean {
    return this.below(100) < percent
  }
}

export const CITIES = ['Rome', 'Oslo', 'Bern', 'Köln'] as const
const WORDS = ['', 'a', 'ab', 'abc', 'b', 'ba\0', 'ba\0c', 'z', 'é', '日本', '𝒳', '\uffff']
const TAGS = ['x', 'y', 'z', 'xx']
const TERMS = ['red', 'green', 'blue', 'apple', 'pear', 'tree']
const QUERIES = ['red', 'apple pear', '+red -green', '"red apple"', 'gre*', '+tree +blue', 'none']
const DISTANCES = [undefined, 0, 900_000, '400km', '3000mi', '100m']

const degrees = (chance: Chance, most: number): number => chance.below(2 * most + 1) - most
const pointOf = (chance: Chance) => ({ lat: degrees(chance, 8), lng: degrees(chance, 8) })
const areaOf = (chance: Chance): unknown => {
  const { lat, lng } = pointOf(chance)
  const box = { south: lat - 3.5, north: lat + 2.5, west: lng - 3.5, east: lng + 4.5 }
  const { south, north, west, east } = box
  if (chance.is(60)) return box
  return [
    [
      { lat: south, lng: west },
      { lat: south, lng: east },
      { lat: north, lng: east },
      { lat: north, lng: west },
    ],
  ]
}

function placeOf(chance: Chance): Document {
  if (chance.is(15)) return { isNull: chance.is(50) }
  if (chance.is(40)) return { within: areaOf(chance) }
  const within = chance.one(DISTANCES)
  return { near: pointOf(chance), ...(within === undefined ? {} : { within }) }
}

export function documentOf(chance: Chance, id: number): Document {
  const document: Document = {
    id,
    code: `${id}-${chance.below(1e6)}`,
    name: chance.one(WORDS),
    ok: chance.is(50),
    tags: chance.some(TAGS, 3),
    at: new Date(chance.below(20) * 86_400_000),
    address: { zip: chance.one(WORDS), ...(chance.is(50) ? { n: chance.below(5) - 2 } : {}) },
    city: chance.is(20) ? null : chance.one(CITIES),
  }
  if (chance.is(80)) document['place'] = pointOf(chance)
  if (chance.is(80)) document['bio'] = chance.some(TERMS, 6).join(' ')
  if (chance.is(70)) document['age'] = chance.below(12) - 3
  if (chance.is(70)) document['score'] = (chance.below(20) - 10) / 4
  if (chance.is(50)) document['big'] = BigInt(chance.below(6) - 3) * 2n ** 60n
  return document
}

const VALUES: Readonly<Record<string, (chance: Chance) => unknown>> = {
  id: (chance) => chance.below(60),
  name: (chance) => chance.one(WORDS),
  age: (chance) => chance.below(12) - 3,
  score: (chance) => (chance.below(20) - 10) / 4,
  city: (chance) => chance.one(CITIES),
  at: (chance) => new Date(chance.below(20) * 86_400_000),
  big: (chance) => BigInt(chance.below(6) - 3) * 2n ** 60n,
}
const ORDERED = Object.keys(VALUES)
const NULLED = ['age', 'score', 'city', 'big']

function conditionOf(chance: Chance): Document {
  const name = chance.one(['ok', 'tags', 'address', 'place', 'bio', ...ORDERED, ...ORDERED])
  if (name === 'ok') return { ok: chance.is(50) }
  if (name === 'tags') {
    const many = [...new Set(chance.some(TAGS, 3))]
    return { tags: chance.one([{ has: chance.one(TAGS) }, { hasAny: many }, { hasAll: many }]) }
  }
  if (name === 'place') return { place: placeOf(chance) }
  if (name === 'bio') return { bio: { match: chance.one(QUERIES) } }
  if (name === 'address') return { address: { zip: { gte: chance.one(WORDS) } } }
  const value = (): unknown => VALUES[name]?.(chance)
  if (NULLED.includes(name) && chance.is(15)) return { [name]: { isNull: chance.is(50) } }
  if (name === 'name' && chance.is(20))
    return { name: { startsWith: chance.one(['', 'a', 'ba', '日']) } }
  const condition = chance.one([
    value(),
    { eq: value() },
    { ne: value() },
    { gt: value() },
    { gte: value(), lt: value() },
    { lte: value() },
    { between: [value(), value()] },
    { in: [value(), value(), value()] },
    { notIn: [value(), value()] },
  ])
  return { [name]: condition }
}

export function whereOf(chance: Chance, depth = 0): Document {
  const where: Document = {}
  for (let left = chance.below(3) + (depth === 0 ? 0 : 1); left > 0; left--) {
    Object.assign(where, conditionOf(chance))
  }
  if (depth < 2 && chance.is(15))
    where['or'] = [whereOf(chance, depth + 1), whereOf(chance, depth + 1)]
  if (depth < 2 && chance.is(10)) where['not'] = whereOf(chance, depth + 1)
  return where
}

export function orderOf(chance: Chance): Step[] {
  const paths = [...new Set(chance.some([...ORDERED, 'address.zip'], 2))]
  return paths.map((path) => ({ path, descending: chance.is(50) }))
}

/** Some of the indexes that the collection may have. */
export function indexesOf(chance: Chance): Record<string, unknown> {
  const all: Record<string, unknown> = {
    age: 'ordered',
    name: 'ordered',
    code: 'unique',
    byCity: { on: ['city', 'age'] },
    byCityDown: { on: ['city', 'score'], descending: ['score'] },
    scoreDown: { on: 'score', descending: ['score'] },
    tags: 'ordered',
    tagged: { on: ['tags', 'at'] },
    zip: { on: 'address.zip' },
    at: 'ordered',
    big: 'ordered',
    ok: 'bitmap',
    cities: { on: 'city', kind: 'bitmap' },
    ages: { on: 'age', kind: 'bitmap' },
    bits: { on: 'tags', kind: 'bitmap' },
    okCities: { on: 'city', kind: 'bitmap', where: { ok: true } },
    place: 'geo',
    bio: 'text',
    fine: { on: 'age', where: { ok: true } },
  }
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => name === 'code' || name === 'bio' || chance.is(45)),
  )
}
