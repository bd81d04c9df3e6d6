// Bits of bytes: what Redis documents of its bit commands, and every mistake a caller can make.
import { describe, expect, it } from 'vitest'

import { BitString } from '../../lib/index.ts'

const of = (text: string) => new BitString(Buffer.from(text, 'latin1'))
const text = (bits: BitString) => Buffer.from(bits.bytes).toString('latin1')

describe('a bit string', () => {
  it('sets and gets bits, and grows by writing', () => {
    const bits = new BitString()
    expect(bits.setBit(7, 1)).toBe(0)
    expect(bits.getBit(7)).toBe(1)
    expect(bits.setBit(7, 0)).toBe(1)
    expect(bits.bytes).toEqual(Uint8Array.of(0))
    expect(bits.getBit(100)).toBe(0)
    expect(bits.length).toBe(1)
    for (const offset of [2, 3, 5, 10, 11, 14]) bits.setBit(offset, 1)
    expect(text(bits)).toBe('42')
    expect(bits.setBit(1000, 0)).toBe(0)
    expect(bits.length).toBe(126)
  })

  it('counts bits of ranges of bytes and of bits', () => {
    const bits = of('foobar')
    expect(bits.bitCount()).toBe(26)
    expect(bits.bitCount({ first: 0, last: 0 })).toBe(4)
    expect(bits.bitCount({ first: 1, last: 1, unit: 'byte' })).toBe(6)
    expect(bits.bitCount({ first: 5, last: 30, unit: 'bit' })).toBe(17)
    expect(bits.bitCount({ first: -2 })).toBe(7)
    expect(bits.bitCount({ first: 9 })).toBe(0)
  })

  it('finds the first bit', () => {
    expect(of('\xff\xf0\x00').bitPos(0)).toBe(12)
    const late = of('\x00\xff\xf0')
    expect(late.bitPos(1, { first: 2 })).toBe(16)
    expect(late.bitPos(1, { first: 7, last: 15, unit: 'bit' })).toBe(8)
    expect(late.bitPos(1, { first: 7, last: -3, unit: 'bit' })).toBe(8)
    expect(of('\0\0\0').bitPos(1)).toBe(-1)
    expect(of('\xff\xff').bitPos(0)).toBe(16)
    expect(of('\xff\xff').bitPos(0, { last: -1 })).toBe(-1)
    expect(new BitString().bitPos(0)).toBe(0)
  })

  it('joins strings of any length', () => {
    expect(text(BitString.bitOp('and', of('foobar'), of('abcdef')))).toBe('`bc`ab')
    expect(text(BitString.bitOp('or', of('foobar'), of('abc')))).toBe('goobar')
    expect(text(BitString.bitOp('xor', of('ab'), of('ab'), of('xyz')))).toBe('xyz')
    expect(text(BitString.bitOp('not', of('\x0f\xf0')))).toBe('\xf0\x0f')
    expect(BitString.bitOp('and').length).toBe(0)
    const long = new BitString(new Uint8Array(1000).fill(0x5a))
    expect(BitString.bitOp('and', long, long).bitCount()).toBe(4000)
  })

  it('holds fields that wrap, saturate or fail', () => {
    const bits = new BitString()
    const type = 'u2'
    const wrapped = [1, 2, 3, 4].map(() => bits.incrementField({ type, offset: 100, by: 1 }))
    expect(wrapped).toEqual([1, 2, 3, 0])
    const overflow = 'sat'
    const held = [1, 2, 3, 4].map(() => bits.incrementField({ type, offset: 102, by: 1, overflow }))
    expect(held).toEqual([1, 2, 3, 3])
    const failed = bits.incrementField({ type, offset: 102, by: 1, overflow: 'fail' })
    expect(failed).toBeUndefined()
    expect(bits.getField({ type, offset: 102 })).toBe(3)
    expect(bits.setField({ type: 'i5', index: 2, value: -3 })).toBe(0)
    expect(bits.getField({ type: 'i5', offset: 10 })).toBe(-3)
    expect(bits.setField({ type: 'u8', index: 0, value: 300, overflow })).toBe(0)
    expect(bits.getField({ type: 'u8', index: 0 })).toBe(255)
    expect(bits.getField({ type: 'u8', offset: 1e6 })).toBe(0)
  })

  it('holds wide fields as bigints', () => {
    const bits = new BitString()
    const type = 'i64'
    expect(bits.setField({ type, offset: 3, value: -(2n ** 63n) })).toBe(0n)
    expect(bits.incrementField({ type, offset: 3, by: -1 })).toBe(2n ** 63n - 1n)
    expect(bits.setField({ type: 'u53', offset: 70, value: 2 ** 53 - 1 })).toBe(0)
    expect(bits.getField({ type: 'u53', offset: 70 })).toBe(2 ** 53 - 1)
    expect(bits.setField({ type: 'i53', index: 9, value: -(2 ** 52) })).toBe(0)
    expect(bits.getField({ type: 'i53', index: 9 })).toBe(-(2 ** 52))
  })
})

const bits = new BitString()
const MISTAKES: readonly (readonly [what: string, call: () => unknown, message: RegExp])[] = [
  ['bytes that are none', () => new BitString('x' as never), /bytes must be a Uint8Array, not "x"/],
  ['a negative offset', () => bits.getBit(-1), /offset must be a whole number .* not -1/],
  ['an offset beyond', () => bits.setBit(2 ** 32, 1), /offset must be .* to 2\^32 - 1/],
  ['a bit that is none', () => bits.setBit(1, 2 as never), /bit must be 0 or 1, not 2/],
  ['a bit to find that is none', () => bits.bitPos(true as never), /bit must be 0 or 1, not true/],
  ['an end that is none', () => bits.bitCount({ last: 1.5 }), /range.last must be .* not 1.5/],
  ['a begin that is none', () => bits.bitPos(1, { first: NaN }), /range.first must be .* not NaN/],
  ['a unit', () => bits.bitCount({ unit: 'word' as never }), /range.unit must be 'byte' or 'bit'/],
  ['a range misspelt', () => bits.bitCount({ start: 1 } as never), /unknown option 'start'/],
  ['an operation', () => BitString.bitOp('nand' as never), /operation must be 'and'/],
  ['an operation of bitmaps', () => BitString.bitOp('andNot' as never), /operation must be/],
  ['no source', () => BitString.bitOp('or', {} as never), /source must be a BitString/],
  ['two to invert', () => BitString.bitOp('not', bits, bits), /'not' must have one source, not 2/],
  ['a type', () => bits.getField({ type: 'u64', offset: 0 }), /type must be 'i1' to 'i64' or/],
  ['no type', () => bits.getField({ offset: 0 } as never), /type must be .* not undefined/],
  ['no place', () => bits.getField({ type: 'u8' }), /an offset or an index, one of the two/],
  ['an index', () => bits.getField({ type: 'u8', index: -1 }), /index must be .* not -1/],
  [
    'a value',
    () => bits.setField({ type: 'u8', offset: 0, value: 0.5 }),
    /value must be .* not 0.5/,
  ],
  [
    'a value beyond',
    () => bits.incrementField({ type: 'i64', offset: 0, by: 2n ** 63n }),
    /by must be .* 64 bits/,
  ],
  [
    'an overflow',
    () => bits.setField({ type: 'u8', offset: 0, value: 1, overflow: 'clip' as never }),
    /overflow must be 'wrap', 'sat' or 'fail', not "clip"/,
  ],
]

it.each(MISTAKES)('%s is an error that says so', (_, call, message) => {
  expect(call).toThrow(message)
  expect(bits.length).toBe(0)
})
