// Shapes that a store knows by number, and code made for them.
import { deepStrictEqual } from 'node:assert'
import { afterEach, describe, expect, it } from 'vitest'

import { decode, encode, round, Table, useShapes } from './head.ts'

afterEach(() => void useShapes())

const COMMON = 16
const user = (id: number) => ({ id, name: `user ${id}`, active: id % 2 === 0 })

function write(count: number): void {
  for (let id = 0; id < count; id++) encode(user(id))
}

describe('a shape that has proven common', () => {
  it('is written by its number, in two bytes, and read by whoever has the table', () => {
    const table = new Table()
    useShapes(table)
    write(COMMON)
    expect(table.signatures.size).toBe(0)
    const encoded = encode(user(1))
    expect(table.signatures.size).toBe(1)
    expect(encoded.head.length).toBe(2 + 3)
    expect(encoded.head[0]).toBeGreaterThanOrEqual(0xe0)
    useShapes(table)
    expect(decode(encoded)).toStrictEqual(user(1))
    useShapes(table, 'never')
    expect(decode(encoded)).toStrictEqual(user(1))
  })

  it('has the number that another opening gave it', () => {
    const table = new Table()
    useShapes(table)
    write(COMMON)
    const encoded = encode(user(1))
    useShapes(table)
    write(COMMON)
    expect(encode(user(1))).toEqual(encoded)
    expect(table.signatures.size).toBe(1)
  })

  it('takes the next number when its own is taken', () => {
    const table = new Table()
    useShapes(table)
    write(COMMON)
    const before = encode(user(1))
    const [number] = [...table.signatures.keys()]
    const other = encode({ other: 1 }).head
    table.signatures.clear()
    table.signatures.set(number ?? 0, other.slice(0, -1))
    useShapes(table)
    write(COMMON)
    const after = encode(user(1))
    expect(after).not.toEqual(before)
    expect(decode(after)).toStrictEqual(user(1))
    expect(table.signatures.size).toBe(2)
  })

  it('goes on with its names when the store cannot keep it', () => {
    const refuses = { read: () => undefined, write: () => false }
    const fails = {
      read: () => {
        throw new Error('no disk')
      },
      write: () => false,
    }
    for (const table of [refuses, fails]) {
      useShapes(table)
      write(2 * COMMON)
      expect(encode(user(1)).head[0]).toBe(0x8d)
      expect(round(user(1))).toStrictEqual(user(1))
    }
  })

  it('is CORRUPT where the table is lost, and is healed by writing such objects again', () => {
    const table = new Table()
    useShapes(table)
    write(COMMON)
    const encoded = encode(user(1))
    const lost = useShapes(new Table())
    expect(() => decode(encoded)).toThrow(
      expect.objectContaining({
        code: 'CORRUPT',
        message: expect.stringMatching(
          /^value: names of number \d+, which the store does not have/,
        ),
      }),
    )
    write(COMMON)
    lost.settle()
    expect(decode(encoded)).toStrictEqual(user(1))
  })

  it('is CORRUPT where the table has something that is no names', () => {
    const table = new Table()
    useShapes(table)
    write(COMMON)
    const encoded = encode(user(1))
    const [[number, signature] = [0, new Uint8Array()]] = [...table.signatures]
    for (let size = 0; size < signature.length; size++) {
      table.signatures.set(number, signature.slice(0, size))
      useShapes(table)
      expect(() => decode(encoded)).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
    }
  })

  it('has no number when it is too large, or there are too many', () => {
    const table = new Table()
    useShapes(table, 'never')
    const wide = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`f${n}`, n]))
    const long = { ['x'.repeat(5000)]: 1 }
    for (let use = 0; use < 2 * COMMON; use++) {
      deepStrictEqual(round(wide), wide)
      deepStrictEqual(round(long), long)
    }
    expect(table.signatures.size).toBe(0)
    for (let kind = 0; kind < 5000; kind++) {
      const one = { [`kind ${kind}`]: kind }
      for (let use = 0; use <= COMMON; use++) encode(one)
      deepStrictEqual(round(one), one)
    }
    expect(table.signatures.size).toBeGreaterThan(3500)
    expect(table.signatures.size).toBeLessThanOrEqual(4096)
  })
})

describe.each(['auto', 'never'] as const)('with code generation %s, an object', (code) => {
  it('is asked for each field once, whether its shape is new, becomes common or is common', () => {
    useShapes(new Table(), code)
    for (let use = 0; use < 3 * COMMON; use++) {
      let asked = 0
      const one = {
        get a(): unknown {
          asked++
          return use % 3 === 0 ? 'text' : use
        },
        b: 1,
      }
      expect(round(one)).toStrictEqual({ a: use % 3 === 0 ? 'text' : use, b: 1 })
      expect(asked).toBe(1)
    }
  })

  it('is its own fields, whatever it or every object inherits', () => {
    useShapes(new Table(), code)
    for (let use = 0; use < 2 * COMMON; use++) round({ a: 1, b: 2 })
    const heir = Object.assign(Object.create({ b: 2 }) as object, { a: 1 })
    expect(round(heir)).toStrictEqual({ a: 1 })
    const everyone = Object.prototype as { b?: number }
    try {
      everyone.b = 2
      expect(Object.keys(round({ a: 1 }) as object)).toEqual(['a'])
    } finally {
      delete everyone.b
    }
    expect(round({ a: 1 })).toStrictEqual({ a: 1 })
    expect(round(Object.assign(Object.create(null) as object, { a: 1, b: 2 }))).toStrictEqual({
      a: 1,
      b: 2,
    })
  })

  it('may nest in objects of its own shape', () => {
    useShapes(new Table(), code)
    type Tree = { readonly left: Tree | null; readonly right: Tree | null; readonly text: string }
    const tree = (depth: number): Tree | null =>
      depth === 0 ? null : { left: tree(depth - 1), right: tree(depth - 1), text: `at ${depth}` }
    for (let use = 0; use < 20; use++) expect(round(tree(6))).toStrictEqual(tree(6))
  })

  it('has room for large fields between small ones, and too much text is TOO_LARGE', () => {
    useShapes(new Table(), code)
    const big = { a: 1, b: 'x', c: new Uint8Array(1000), d: true, e: 'y', f: 2 }
    for (let use = 0; use < 2 * COMMON; use++) expect(round(big)).toStrictEqual(big)
    const texts = Array.from({ length: 200 }, () => ({ t: 'x'.repeat(60) }))
    for (let use = 0; use < 3; use++) expect(round(texts)).toStrictEqual(texts)
    expect(() => encode(texts, 5000)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
    expect(round(texts)).toStrictEqual(texts)
  })
})
