import { deepStrictEqual } from 'node:assert'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { randomFrom } from '../contract/model.ts'
import { decode, encode, round, Table, useShapes } from './head.ts'
import { PLAIN, randomValue } from './values.ts'

const SEED = Number(process.env.VARVE_SEED ?? 1)

afterEach(() => void useShapes())

/** Both ways to read and write a shape, and both ways to name one. */
const WAYS = [
  ['auto', false],
  ['auto', true],
  ['never', false],
  ['never', true],
] as const

describe.each(WAYS)('with code generation %s, names in a table: %s', (code, isNumbered) => {
  test('every plain value comes back, alone and inside', () => {
    useShapes(isNumbered ? new Table() : undefined, code)
    for (const value of PLAIN) expect(round([value])).toStrictEqual([value])
    expect(round(PLAIN)).toStrictEqual(PLAIN)
    expect(round({ a: undefined })).toStrictEqual({ a: undefined })
    expect(round(new Date(NaN))).toEqual(new Date(NaN))
  })

  test('random values come back as structuredClone() gives them: prototypes are dropped', () => {
    useShapes(isNumbered ? new Table() : undefined, code)
    const random = randomFrom(SEED)
    for (let index = 0; index < 1000; index++) {
      const value = [randomValue(random)]
      deepStrictEqual(round(value), structuredClone(value))
    }
  })

  test('objects of one shape come back whatever their fields hold from one to the next', () => {
    useShapes(isNumbered ? new Table() : undefined, code)
    const random = randomFrom(SEED)
    const names = ['a', 'b', 'c', 'd', 'e'].slice(0, 1 + random(5))
    for (let index = 0; index < 1000; index++) {
      const one = Object.fromEntries(names.map((name) => [name, randomValue(random, 3)]))
      deepStrictEqual(round(one), structuredClone(one))
      const many = [one, { ...one }, [one]]
      deepStrictEqual(round(many), structuredClone(many))
    }
  })

  test('hot shapes keep strange names, and __proto__ is a field', () => {
    useShapes(isNumbered ? new Table() : undefined, code)
    const value: unknown = JSON.parse(
      '{"__proto__":{"x":1},"a\\"b":2,"10":3,"":4,"\\u2028":5,"constructor":6}',
    )
    for (let index = 0; index < 50; index++) {
      const back = round(value) as object
      expect(JSON.stringify(back)).toBe(JSON.stringify(value))
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    }
  })
})

test('any number of shapes keep their names apart, however alike they are', () => {
  const objects = Array.from({ length: 3000 }, (_, n) => ({
    id: n,
    [`f${n}`]: 1,
    [`g${n % 7}`]: 2,
  }))
  const tables = [100, 1000, 5000].map((size) =>
    Object.fromEntries(Array.from({ length: size }, (_, n) => [`key ${n} ${size}`, n])),
  )
  const long = { ['x'.repeat(200)]: 1, ['水'.repeat(5000)]: 2, '': 3 }
  for (let pass = 0; pass < 3; pass++) {
    for (const object of objects) deepStrictEqual(round(object), object)
    for (const object of [...tables, long]) deepStrictEqual(round(object), object)
  }
  for (let use = 0; use < 40; use++) {
    for (const object of objects.slice(0, 100)) deepStrictEqual(round(object), object)
  }
})

test('typed arrays of every kind come back as they were', () => {
  const kinds = [
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
  ]
  for (const Kind of kinds) expect(round([Kind.of(1, 2, 3)])).toStrictEqual([Kind.of(1, 2, 3)])
  expect(round([BigInt64Array.of(-1n), BigUint64Array.of(1n)])).toStrictEqual([
    BigInt64Array.of(-1n),
    BigUint64Array.of(1n),
  ])
  expect(round([Buffer.from('ab'), Uint8Array.of(1, 2).buffer])).toStrictEqual([
    Uint8Array.of(97, 98),
    Uint8Array.of(1, 2).buffer,
  ])
  expect((round([new DataView(Uint8Array.of(7).buffer)]) as DataView[])[0]?.getUint8(0)).toBe(7)
})

test('a getter that writes another value is refused, and nothing is left behind', () => {
  const value = {
    get a(): unknown {
      return encode(1)
    },
  }
  expect(() => encode(value)).toThrow('a getter must not write')
  expect(round('x')).toBe('x')
})

test('the worked example of FORMAT.md decodes', () => {
  const document = readFileSync(new URL('../../lib/value/FORMAT.md', import.meta.url), 'utf8')
  const example = document.split('## Worked example')[1]?.split('```')[1] ?? ''
  const hex = [...example.matchAll(/^((?:[0-9A-F]{2} )+)/gm)]
    .map(([line]) => line.replaceAll(' ', ''))
    .join('')
  const head = new Uint8Array(Buffer.from(hex, 'hex'))
  expect(decode({ head, text: 'xy' })).toStrictEqual({ a: 1, b: 'xy' })
  expect(encode({ a: 1, b: 'xy' })).toEqual({ head, text: 'xy' })
})
