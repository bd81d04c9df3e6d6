import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { decodeValue, encodeValue, encodedText, setCodeGeneration, type Scratch, type Shapes } from '../../lib/value.ts'

class Room implements Scratch {
  bytes = new Uint8Array(64)
  view = new DataView(this.bytes.buffer)
  readonly dataAt = 32

  grow(size: number): void {
    const bytes = new Uint8Array(size)
    bytes.set(this.bytes)
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}

interface Encoded {
  head: Uint8Array
  text: string
}

function encode(value: unknown, shapes?: Shapes): Encoded {
  const room = new Room()
  const size = encodeValue(value, room, shapes)
  return { head: room.bytes.slice(32, 32 + size), text: encodedText() }
}

function decode({ head, text }: Encoded, shapes?: Shapes): unknown {
  return decodeValue(head, new DataView(head.buffer), 0, head.length, text, shapes)
}

const round = (value: unknown, shapes?: Shapes): unknown => decode(encode(value, shapes), shapes)

function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const PLAIN = [
  null, true, false, 0, -0, 1, -16, -17, 111, 112, -128, 127, -129, 32767, 32768, -32769, 2 ** 31 - 1, -(2 ** 31),
  2 ** 31, 1.5, NaN, Infinity, -Infinity, 0n, 1n, -1n, 255n, 256n, -(2n ** 64n), 10n ** 400n, '', 'x', 'x'.repeat(63),
  'x'.repeat(64), 'x'.repeat(1000), '\u6c34\ud83d', new Date(0), new Date(NaN), [], {}, new Map(), new Set(),
] as const

function randomValue(random: (below: number) => number, depth = 0): unknown {
  const many = <T>(make: () => T): T[] => Array.from({ length: random(6) }, make)
  const inner = (): unknown => randomValue(random, depth + 1)
  switch (random(depth < 4 ? 7 : 3)) {
    case 3:
      return many(inner)
    case 4:
      return new Map(many(() => [inner(), inner()]))
    case 5:
      return new Set(many(inner))
    case 6:
      return Object.fromEntries(many(() => ['abcdefgh'.slice(0, random(9)), inner()]))
    case 1:
      return (random(2 ** 30) - 2 ** 29) / (random(2) + 1)
    case 2:
      return Uint16Array.from(many(() => random(65536)))
    default:
      return PLAIN[random(PLAIN.length)]
  }
}

afterEach(() => setCodeGeneration('auto'))

describe.each(['auto', 'never'] as const)('with code generation %s', (mode) => {
  test('every plain value comes back, alone and inside', () => {
    setCodeGeneration(mode)
    for (const value of PLAIN) expect(round(value)).toEqual(value)
    expect(round(PLAIN)).toEqual(PLAIN)
    expect(round({ a: undefined })).toStrictEqual({ a: undefined })
    expect(round([-0])).toEqual([-0])
  })

  test('random values come back', () => {
    setCodeGeneration(mode)
    const random = randomFrom(1)
    for (let index = 0; index < 3000; index++) {
      const value = randomValue(random)
      expect(round(value)).toEqual(value)
    }
  })

  test('hot shapes keep strange names, and __proto__ is a field', () => {
    setCodeGeneration(mode)
    const value: unknown = JSON.parse('{"__proto__":{"x":1},"a\\"b":2,"10":3,"":4,"\\u2028":5,"constructor":6}')
    for (let index = 0; index < 50; index++) {
      const back = round(value) as object
      expect(JSON.stringify(back)).toBe(JSON.stringify(value))
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    }
  })
})

test('typed arrays of every kind come back as they were', () => {
  const kinds = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array]
  for (const Kind of kinds) expect(round([Kind.of(1, 2, 3)])).toStrictEqual([Kind.of(1, 2, 3)])
  expect(round([BigInt64Array.of(-1n), BigUint64Array.of(1n)])).toStrictEqual([BigInt64Array.of(-1n), BigUint64Array.of(1n)])
  expect(round([Buffer.from('ab'), Uint8Array.of(1, 2).buffer])).toStrictEqual([Uint8Array.of(97, 98), Uint8Array.of(1, 2)])
  expect((round([new DataView(Uint8Array.of(7).buffer)]) as DataView[])[0]?.getUint8(0)).toBe(7)
})

test('class instances are stored as their own enumerable fields', () => {
  class Point {
    #secret = 1
    x = this.#secret
    get y(): number {
      return 2
    }
  }
  expect(round(new Point())).toStrictEqual({ x: 1 })
})

test('what cannot be stored is INVALID with its path', () => {
  const loop: { a: unknown[] } = { a: [] }
  loop.a.push(loop)
  let deep: unknown = 1
  for (let index = 0; index < 65; index++) deep = [deep]
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, 'value must not be undefined'],
    [() => 0, 'value is a function'],
    [{ a: [0, 1, 2, { b: () => 0 }] }, 'value.a[3].b is a function'],
    [{ 'a b': Symbol('s') }, 'value["a b"] is a symbol'],
    [loop, 'value.a[0] is a cycle'],
    [deep, 'nested more than 64 deep'],
    [new Map([[1, () => 0]]), 'value.entry(0) is a function'],
  ]
  for (const [value, message] of wrong) {
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(message) }))
  }
  expect(round({ fine: 1 })).toEqual({ fine: 1 })
})

test('a getter that writes another value is refused, and nothing is left behind', () => {
  const value = { get a(): unknown { return encode(1) } }
  expect(() => encode(value)).toThrow('a getter must not write')
  expect(round('x')).toBe('x')
})

test('an array longer than a value may be is TOO_LARGE at once', () => {
  expect(() => encode(new Array(2 ** 32 - 1))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
})

test('objects of a known shape are written by its id', () => {
  const shapes: Shapes = {
    idOf: (names) => (names.join() === 'id,name' ? 300 : undefined),
    namesOf: (id) => (id === 300 ? ['id', 'name'] : undefined),
  }
  const value = [{ id: 1, name: 'a' }, { name: 'b', id: 2 }]
  expect(round(value, shapes)).toStrictEqual(value)
  expect(encode(value[0], shapes)).toEqual({ head: Uint8Array.of(0x8e, 0xac, 0x02, 0x11, 0xa1), text: 'a' })
  expect(() => decode(encode(value, shapes))).toThrow('unknown shape 300')
})

test('the worked example of FORMAT.md decodes', () => {
  const document = readFileSync(new URL('../../lib/value/FORMAT.md', import.meta.url), 'utf8')
  const example = document.split('## Worked example')[1]?.split('```')[1] ?? ''
  const hex = [...example.matchAll(/^((?:[0-9A-F]{2} )+)/gm)].map(([line]) => line.replaceAll(' ', '')).join('')
  const head = new Uint8Array(Buffer.from(hex, 'hex'))
  expect(decode({ head, text: 'abxy' })).toStrictEqual({ a: 1, b: 'xy' })
  expect(encode({ a: 1, b: 'xy' })).toEqual({ head, text: 'abxy' })
})

test('mutated heads and cut texts decode or are CORRUPT, nothing else', () => {
  const random = randomFrom(2)
  for (let index = 0; index < 20000; index++) {
    const { head, text } = encode(randomValue(random))
    for (let count = random(3); count >= 0; count--) head[random(head.length)] = random(256)
    const cut = head.slice(0, random(4) === 0 ? random(head.length + 1) : head.length)
    try {
      decode({ head: cut, text: text.slice(0, random(4) === 0 ? random(text.length + 1) : text.length) })
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'CORRUPT') throw error
    }
  }
})

test('counts and sizes beyond the head are CORRUPT before anything is allocated', () => {
  for (const tag of [0x88, 0x89, 0x8b, 0x8c, 0x8d, 0x8f, 0x90]) {
    const head = Uint8Array.of(tag, 0xff, 0xff, 0xff, 0xff, 0x7f)
    expect(() => decode({ head, text: '' })).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
  }
  expect(() => decode({ head: new Uint8Array(1000).fill(0x8c), text: '' })).toThrow('value: ')
})
