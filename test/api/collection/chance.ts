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
  const name = chance.one(['ok', 'tags', 'address', ...ORDERED, ...ORDERED])
  if (name === 'ok') return { ok: chance.is(50) }
  if (name === 'tags') {
    const many = [...new Set(chance.some(TAGS, 3))]
    return { tags: chance.one([{ has: chance.one(TAGS) }, { hasAny: many }, { hasAll: many }]) }
  }
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
    fine: { on: 'age', where: { ok: true } },
  }
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => name === 'code' || chance.is(45)),
  )
}
