import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compareKeys, decodeKey, encodeKey, rangeBounds, type Key } from '../../lib/key.ts'

const target = new Uint8Array(1 << 16)
const encode = (key: unknown): Uint8Array => target.slice(0, encodeKey(key, 'key', target, 0))
const decode = (bytes: Uint8Array): Key => decodeKey(bytes, 0, bytes.length)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const SEED = 1

function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const UNITS = [
  '\0',
  'a',
  'b',
  '\u007f',
  '\u0080',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ud83d',
  '\ude00',
  '\u{1f600}',
  '\uffff',
]
const NUMBERS = [
  0,
  1,
  -1,
  1.5,
  -1.5,
  2 ** 53,
  -(2 ** 53),
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Infinity,
  -Infinity,
  5e-324,
]
const MAX = BigInt(Number.MAX_VALUE)
const BIGS = [0n, 1n, 2n ** 53n, 2n ** 64n, 10n ** 40n, MAX, MAX << 10n, MAX << 3000n]

function randomKey(random: (below: number) => number, depth = 0): Key {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  switch (random(depth < 3 ? 9 : 7)) {
    case 0:
      return pick([null, false, true])
    case 1:
      return pick(NUMBERS)
    case 2:
      return (random(2 ** 20) - 2 ** 19) / 8
    case 3:
      return (pick(BIGS) + BigInt(random(5) - 2)) * (random(2) === 0 ? 1n : -1n)
    case 4:
      return new Date(random(2 ** 31) - 2 ** 30)
    case 5:
      return Array.from({ length: random(5) }, () => pick(UNITS)).join('')
    case 6:
      return Uint8Array.from({ length: random(5) }, () => pick([0, 1, 254, 255]))
    default:
      return Array.from({ length: random(4) }, () => randomKey(random, depth + 1))
  }
}

const rank = (key: Key): number => {
  if (key === null) return 0
  if (typeof key === 'boolean') return key ? 2 : 1
  if (typeof key === 'number' || typeof key === 'bigint') return 3
  if (key instanceof Date) return 4
  if (typeof key === 'string') return 5
  return key instanceof Uint8Array ? 6 : 7
}

// What the bytes promise, written without them.
function order(a: Key, b: Key): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (rank(a) === 3) {
    const [x, y] = [a as number, b as number]
    return x < y ? -1 : x > y ? 1 : Number(typeof a === 'bigint') - Number(typeof b === 'bigint')
  }
  if (a instanceof Date) return a.getTime() - (b as Date).getTime()
  if (rank(a) < 3) return 0
  const [x, y] = [listOf(a), listOf(b)]
  for (let index = 0; index < Math.min(x.length, y.length); index++) {
    const difference = order(x[index] as Key, y[index] as Key)
    if (difference !== 0) return difference
  }
  return x.length - y.length
}

function listOf(key: Key): readonly Key[] {
  if (typeof key === 'string') return Array.from(key, (letter) => letter.codePointAt(0) as number)
  return Array.from(key as readonly Key[])
}

test('random keys come back as they were', () => {
  const random = randomFrom(SEED)
  for (let round = 0; round < 5000; round++) {
    const key = randomKey(random)
    expect(decode(encode(key))).toEqual(key)
  }
})

test('comparing the bytes of random keys compares the keys', () => {
  const random = randomFrom(SEED + 1)
  for (let round = 0; round < 20000; round++) {
    const [a, b] = [randomKey(random), randomKey(random)]
    const found = Math.sign(compareKeys(encode(a), encode(b)))
    if (found !== Math.sign(order(a, b))) expect.fail(`${hex(encode(a))} against ${hex(encode(b))}`)
  }
})

test('1 and 1n are neighbours, number first, and -0 is 0', () => {
  expect(compareKeys(encode(1), encode(1n))).toBeLessThan(0)
  expect(compareKeys(encode(1n), encode(2))).toBeLessThan(0)
  expect(encode(-0)).toEqual(encode(0))
})

test('the worked example of FORMAT.md is what is written', () => {
  expect(hex(encode([1, 'a']))).toBe('6020bff00000000000004061' + '0000')
})

test('the fixture decodes, encodes back and is in order', () => {
  const lines = readFileSync(new URL('../format/keys.txt', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
  const keys = lines.map(
    (line) => new Uint8Array(Buffer.from(line.split('\t')[0] as string, 'hex')),
  )
  expect(keys.length).toBeGreaterThan(30)
  for (const key of keys) expect(hex(encode(decode(key)))).toBe(hex(key))
  for (const [index, key] of keys.slice(1).entries())
    expect(compareKeys(keys[index] as Uint8Array, key)).toBeLessThan(0)
})

test('bytes that no key is written as are CORRUPT: one of each form', () => {
  const lines = readFileSync(new URL('../format/refused-keys.txt', import.meta.url), 'utf8')
  const refused = lines.trimEnd().split('\n')
  expect(refused.length).toBeGreaterThan(50)
  for (const line of refused) {
    const [digits, what] = line.split('\t')
    const bytes = new Uint8Array(Buffer.from(digits as string, 'hex'))
    expect(() => decode(bytes), what).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
  }
})

test('what is no key is INVALID and named', () => {
  for (const wrong of [undefined, NaN, {}, Symbol('s'), () => 0, new Date(NaN), new Map()]) {
    expect(() => encode(wrong)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  }
  expect(() => encode([1, [undefined]])).toThrow('key[1][0] must be')
  const loop: unknown[] = []
  loop.push(loop)
  expect(() => encode(loop)).toThrow('at most 16 deep')
})

test('a key that does not fit is TOO_LARGE', () => {
  const small = new Uint8Array(8)
  for (const key of [
    'x'.repeat(9),
    '\u6c34'.repeat(4),
    1,
    [1, 2],
    1n << 5000n,
    new Uint8Array(9),
  ]) {
    expect(() => encodeKey(key, 'key', small, 0)).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
  }
})

test('mutated bytes are CORRUPT, or the one encoding of a key', () => {
  const random = randomFrom(SEED + 2)
  for (let round = 0; round < 20000; round++) {
    const bytes = encode(randomKey(random))
    for (let index = 0; index < 2 && bytes.length > 0; index++)
      bytes[random(bytes.length)] = random(256)
    const some = bytes.subarray(0, random(2) === 0 ? bytes.length : random(bytes.length + 1))
    let key: Key | undefined
    try {
      key = decode(some)
    } catch (error) {
      expect(error).toMatchObject({ code: 'CORRUPT' })
    }
    // One key, one encoding: what decodes is what would be written.
    if (key !== undefined && hex(encode(key)) !== hex(some)) expect.fail(hex(some))
  }
})

const inside = (options: Parameters<typeof rangeBounds>[0], key: Key): boolean => {
  const { begin, end } = rangeBounds(options, new Uint8Array(1024))
  return (
    compareKeys(encode(key), begin) >= 0 && (end === undefined || compareKeys(encode(key), end) < 0)
  )
}

test('bounds include and exclude what they say', () => {
  expect([1, 2, 3].map((key) => inside({ gt: 1, lt: 3 }, key))).toEqual([false, true, false])
  expect([1, 2, 3].map((key) => inside({ gte: 1, lte: 2 }, key))).toEqual([true, true, false])
  expect(inside({ lte: 1 }, 1n)).toBe(false)
  expect(inside({}, [])).toBe(true)
})

test('a prefix holds strings, bytes and arrays that begin so', () => {
  expect(['a', 'ab', 'b', ''].map((key) => inside({ prefix: 'a' }, key))).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect(inside({ prefix: new Uint8Array([255]) }, new Uint8Array([255, 255]))).toBe(true)
  expect(inside({ prefix: ['a', 1] }, ['a', 1, 'x'])).toBe(true)
  expect(inside({ prefix: ['a', 1] }, ['a', 1])).toBe(true)
  expect(inside({ prefix: ['a', 1] }, ['a', 2])).toBe(false)
  expect(inside({ prefix: ['a'] }, ['ab'])).toBe(false)
  expect(() => rangeBounds({ prefix: 1 }, target)).toThrow('prefix must be')
})
