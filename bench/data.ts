// bench/data.ts — seeded keys and values, the same for every store: 16-character keys in random order, values of
// 100 random characters, documents of 8 fields in about 250 bytes.
import type { Encoding, Value } from './shape.ts'

const KEY_SIZE = 16
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_'

// xorshift32: quick, seeded, and good enough to choose keys with.
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1
  }
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state
  }
  below(count: number): number {
    return this.next() % count
  }
  unit(): number {
    return this.next() / 0x100000000
  }
}

function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}

// mix() permutes 32-bit numbers, so its ten digits never repeat; the rest fills the key to 16 characters.
export function keyOf(index: number): string {
  const digits = mix(index).toString().padStart(10, '0')
  return (
    digits +
    mix(index + 0x51ed27)
      .toString(36)
      .padStart(7, '0')
      .slice(0, 6)
  )
}

/** Keys as an application would just have received them: new flat strings, one behind the other in memory. */
export function freshKeys(
  indexes: readonly number[],
  make: (index: number) => string = keyOf,
): string[] {
  const bytes = Buffer.from(indexes.map(make).join(''), 'latin1')
  return indexes.map((_, i) => bytes.latin1Slice(i * KEY_SIZE, (i + 1) * KEY_SIZE))
}

export const absentKeyOf = (index: number): string => keyOf(index).slice(0, 15) + '~'

export function textOf(seed: number, size: number): string {
  const random = new Random(seed)
  let text = ''
  while (text.length < size) {
    let bits = random.next()
    for (let i = 0; i < 5; i += 1, bits >>>= 6) text += ALPHABET[bits & 63] ?? ''
  }
  // Through bytes, so that the string is flat as one read from a socket is.
  return Buffer.from(text.slice(0, size), 'latin1').toString('latin1')
}

export function documentOf(index: number, version: number): object {
  const seed = index * 31 + version
  return {
    id: index,
    name: textOf(seed, 20),
    email: `${textOf(seed + 1, 12)}@example.org`,
    age: seed % 90,
    city: textOf(seed + 2, 12),
    score: (seed % 1000) / 8,
    active: seed % 2 === 0,
    notes: textOf(seed + 3, 100),
  }
}

// Values come from a pool, because making one costs more than storing it. The next version of a key's value is
// another entry of the pool: 7 919 is prime, so a key meets every entry before it meets one again.
const POOL = 16_384
const pools = new Map<Encoding, Value[]>()

function makeValue(seed: number, encoding: Encoding): Value {
  if (encoding === 'value') return documentOf(seed, 0)
  const text = textOf(seed, 100)
  return encoding === 'string' ? text : Buffer.from(text, 'latin1')
}

export function valueOf(index: number, version: number, encoding: Encoding): Value {
  const known = pools.get(encoding)
  const pool = known ?? Array.from({ length: POOL }, (_, seed) => makeValue(seed, encoding))
  if (known === undefined) pools.set(encoding, pool)
  return pool[(index + version * 7919) % POOL] ?? ''
}

/** The number of a write as a version: never 0, which is what a store was filled with. */
export const versionOf = (write: number): number => 1 + (write % (POOL - 1))

/** Indexes below `count` in the order of their keys: their first ten digits are enough to tell them apart. */
export function inKeyOrder(count: number): Uint32Array {
  if (count > 2 ** 21) return manyInKeyOrder(count)
  const ranked = Float64Array.from({ length: count }, (_, i) => mix(i) * 2 ** 21 + i).sort()
  return Uint32Array.from(ranked, (one) => one % 2 ** 21)
}

// Of more than a double has digits for.
function manyInKeyOrder(count: number): Uint32Array {
  const ranked = new BigUint64Array(count)
  const halves = new Uint32Array(ranked.buffer) // The lower one first, on every machine that Node runs on.
  for (let i = 0; i < count; i += 1) {
    halves[2 * i] = i
    halves[2 * i + 1] = mix(i)
  }
  ranked.sort()
  return Uint32Array.from({ length: count }, (_, i) => halves[2 * i] ?? 0)
}

/** The keys of the first `count` indexes, or of those in `order`, as one run of bytes, for fills whose keys would not fit as strings. */
export function keyBytes(count: number, order?: Uint32Array): Buffer {
  const bytes = Buffer.allocUnsafe(count * KEY_SIZE)
  for (let i = 0; i < count; i += 1) bytes.latin1Write(keyOf(order?.[i] ?? i), i * KEY_SIZE)
  return bytes
}
export const keyIn = (bytes: Buffer, index: number): string =>
  bytes.latin1Slice(index * KEY_SIZE, (index + 1) * KEY_SIZE)

// Indexes drawn as YCSB draws them: rank by a zipfian law (theta 0.99), then spread over the keys.
export function zipfian(count: number, random: Random): () => number {
  const theta = 0.99
  let zeta = 0
  for (let i = 1; i <= count; i += 1) zeta += 1 / i ** theta
  const alpha = 1 / (1 - theta)
  const zeta2 = 1 + 0.5 ** theta
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zeta2 / zeta)
  return () => {
    const u = random.unit()
    const uz = u * zeta
    if (uz < 1) return mix(0) % count
    if (uz < zeta2) return mix(1) % count
    return mix(Math.floor(count * (eta * u - eta + 1) ** alpha)) % count
  }
}
