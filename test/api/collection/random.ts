// test/api/collection/random.ts — random declarations, documents that fit them, and documents that do not, by seed.
import { collection, type Collection, Field, t } from '../../../lib/collection.ts'
import type { TypeDescription } from '../../../lib/collection/description.ts'

export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0 || 1
  }
  next(): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    this.#state >>>= 0
    return this.#state
  }
  below(count: number): number {
    return this.next() % count
  }
  chance(of: number): boolean {
    return this.below(of) === 0
  }
  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T
  }
}

type Any = Field<unknown, 'given' | 'filled' | 'computed'>
const SCALARS: readonly ((random: Random) => Any)[] = [
  () => t.boolean(),
  () => t.int32(),
  (random) => t.int32({ min: 0 - random.below(300), max: random.below(70_000) }),
  () => t.int64(),
  () => t.float64(),
  () => t.string(),
  () => t.string({ max: 20 }),
  () => t.bytes(),
  () => t.date(),
  () => t.uuid(),
  () => t.enum(['a', 'b', 'ü']),
  () => t.point(),
  () => t.box(),
  (random) => t.vector(1 + random.below(4)),
  () => t.json(),
  () => t.key(),
]

function randomField(random: Random, depth: number, isMember: boolean): Any {
  let field: Any
  const kind = depth > 0 ? random.below(24) : 23
  if (kind === 0) field = t.array(randomField(random, depth - 1, true))
  else if (kind === 1) field = t.map(randomField(random, depth - 1, true))
  else if (kind === 2)
    field = t.union([t.int32(), t.string(), t.array(randomField(random, depth - 1, true))])
  else if (kind < 5) field = t.object(randomFields(random, 1 + random.below(4), depth - 1))
  else field = random.pick(SCALARS)(random)
  if (random.chance(5)) field = field.nullable()
  return !isMember && random.chance(4) ? (field.optional() as unknown as Any) : field
}

function randomFields(random: Random, count: number, depth: number): Record<string, Field> {
  const names = Array.from({ length: count }, (_, index) => `f${index}`)
  return Object.fromEntries(names.map((name) => [name, randomField(random, depth, false)]))
}

export function randomCollection(random: Random): Collection {
  const schema = { id: t.int32(), ...randomFields(random, random.below(24), 3) }
  return collection('random', { key: 'id', schema, extra: random.chance(3) ? 'keep' : 'refuse' })
}

const TEXTS = ['', 'a', 'Zoë', '日本', '\ud800', 'x'.repeat(40), 'long '.repeat(80), '\0']

function randomText(random: Random, longest = Infinity): string {
  const text = random.chance(200) ? 'y'.repeat(70_000) : random.pick(TEXTS)
  return text.slice(0, longest)
}

const ints = (random: Random): number =>
  random.pick([0, 1, -1, 255, 65_535, -32_768, 2 ** 31 - 1, -(2 ** 31), random.next() | 0])

function randomJson(random: Random, depth = 2): unknown {
  const kind = depth > 0 ? random.below(7) : random.below(4)
  if (kind === 0) return randomText(random)
  if (kind === 1) return ints(random) / 8
  if (kind === 2) return null
  if (kind === 3) return random.chance(2)
  if (kind === 4) return [randomJson(random, depth - 1), randomJson(random, depth - 1)]
  if (kind === 5) return new Date(random.next())
  return { [randomText(random) || 'name']: randomJson(random, depth - 1), other: 1n }
}

const degrees = (random: Random, most: number): number =>
  (random.next() / 2 ** 32) * 2 * most - most

/** A value of a type. */
export function randomValue(type: TypeDescription, random: Random): unknown {
  if (type.nullable && random.chance(4)) return null
  const { rules = {}, members = [], fields = [] } = type
  const some = (): number => random.below(random.chance(30) ? 300 : 4)
  switch (type.kind) {
    case 'boolean':
      return random.chance(2)
    case 'int32': {
      const { least = -(2 ** 31), greatest = 2 ** 31 - 1 } = rules
      return Math.min(Math.max(ints(random), Number(least)), Number(greatest)) + 0
    }
    case 'int64':
      return random.pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), BigInt(random.next()) << 20n])
    case 'float64':
      return random.pick([0, -0, 0.1, -Infinity, 5e-324, random.next()])
    case 'string':
      return randomText(random, rules.longest)
    case 'bytes':
      return Uint8Array.from({ length: some() }, () => random.next())
    case 'date':
      return new Date(random.pick([0, -1, 8.64e15, -8.64e15, random.next()]))
    case 'uuid':
      return `${'0123456789abcdef'.charAt(random.below(16)).repeat(8)}-0000-7000-8000-0123456789ab`
    case 'enum':
      return random.pick(type.values ?? [])
    case 'point':
      return { lat: degrees(random, 90), lng: degrees(random, 180) }
    case 'box':
      return { south: -1, west: degrees(random, 180), north: 1, east: degrees(random, 180) }
    case 'vector':
      return Float32Array.from({ length: type.dimensions ?? 0 }, () => ints(random) / 4)
    case 'array':
      return Array.from({ length: some() }, () =>
        randomValue(members[0] as TypeDescription, random),
      )
    case 'map':
      return Object.fromEntries(
        Array.from({ length: some() }, (_, index) => [
          `n${index}${random.pick(TEXTS)}`,
          randomValue(members[0] as TypeDescription, random),
        ]),
      )
    case 'union':
      return randomValue(random.pick(members), random)
    case 'object':
      return randomDocument(fields, random)
    case 'json':
      return randomJson(random)
    default:
      return random.pick(['', 'key', 5, 5n, true, new Date(0), ['a', [1]], Uint8Array.of(0)])
  }
}

export function randomDocument(
  fields: NonNullable<TypeDescription['fields']>,
  random: Random,
): Record<string, unknown> {
  const present = fields.filter(({ type }) => !(type.optional && random.chance(2)))
  return Object.fromEntries(present.map(({ name, type }) => [name, randomValue(type, random)]))
}

const WRONG: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1.5,
  NaN,
  2 ** 31,
  'text',
  'x'.repeat(50),
  5n,
  2n ** 64n,
  [],
  [undefined],
  {},
  { lat: 91, lng: 0 },
  { lat: 0, lng: 0, alt: 0 },
  new Date(NaN),
  new Date(0),
  Uint8Array.of(1),
  Symbol('s'),
  () => 0,
  new Map(),
  /x/,
  Object.create(Date.prototype),
  new Float32Array(99),
]

/** Puts something else at a random place; it may still fit. */
export function spoiled(
  document: Record<string, unknown>,
  random: Random,
): Record<string, unknown> {
  const names = Object.keys(document)
  const name = random.chance(10) || names.length === 0 ? 'unknown' : random.pick(names)
  const value = document[name]
  const isDeep = typeof value === 'object' && value !== null && random.chance(2)
  if (isDeep && Array.isArray(value) && value.length > 0)
    return { ...document, [name]: [...value.slice(1), random.pick(WRONG)] }
  if (isDeep && Object.getPrototypeOf(value) === Object.prototype)
    return { ...document, [name]: spoiled(value as Record<string, unknown>, random) }
  return { ...document, [name]: random.pick(WRONG) }
}
