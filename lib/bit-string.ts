// lib/bit-string.ts — bits of a row of bytes, with the semantics of Redis's bit commands: bit 0 is the highest of byte 0,
// what lies beyond the end is 0, writing there makes the string longer.
//
// The bytes belong to JavaScript, so that getBit() and setBit() cross nothing; what looks at many bits, and fields, are
// native (native/pure/bitmap/bit_string.cc). For sets that are sparse there is Bitmap.
import { invalid, VarveError } from './errors.ts'
import { addon, FIRST, LAST, OK, scratch } from './native.ts'
import { checkNames } from './options.ts'
import { showAs } from './showing.ts'

/** Both ends are included; negative ones count from the end. */
export interface BitRange {
  /** Default 0. */
  readonly first?: number | undefined
  /** Default -1, the last one. */
  readonly last?: number | undefined
  /** What `first` and `last` count. Default 'byte'. */
  readonly unit?: 'byte' | 'bit' | undefined
}

export type BitOperation = 'and' | 'or' | 'xor' | 'not'

/** An integer with a sign ('i') of 1 to 64 bits or without ('u') of 1 to 63. */
export type FieldType = `i${number}` | `u${number}`

/** A field of up to 53 bits is a number; a wider one a bigint. */
export type FieldValue = number | bigint

export interface BitFieldOptions {
  readonly type: FieldType
  /** The bit where it begins. Exactly one of `offset` and `index` is given. */
  readonly offset?: number | undefined
  /** The same, counted in fields of this width. */
  readonly index?: number | undefined
}

interface Changing extends BitFieldOptions {
  /**
   * What becomes of a value that the field cannot hold: its lowest bits ('wrap', the default), the nearest that it can
   * ('sat'), or no change and the answer undefined ('fail').
   */
  readonly overflow?: 'wrap' | 'sat' | 'fail' | undefined
}

const OFFSET_MAX = 2 ** 32 - 1
const OPERATIONS: readonly unknown[] = ['and', 'or', 'xor', 'andNot', 'not']
const OVERFLOWS: readonly unknown[] = ['wrap', 'sat', 'fail']
const AN_OFFSET = 'a whole number from 0 to 2^32 - 1'
const GET = 0
const SET = 1
const INCREMENT = 2
const NUMBER_BITS = 53

interface Place {
  readonly offset: number
  readonly width: number
  readonly code: number
}

function checkOffset(offset: unknown): asserts offset is number {
  const isOffset = Number.isInteger(offset) && (offset as number) >= 0
  if (!isOffset || (offset as number) > OFFSET_MAX) throw invalid('offset', AN_OFFSET, offset)
}

function checkBit(bit: unknown): asserts bit is 0 | 1 {
  if (bit !== 0 && bit !== 1) throw invalid('bit', '0 or 1', bit)
}

function placeOf({ type, offset, index }: BitFieldOptions): Place {
  const [, sign, digits = ''] = /^([iu])([1-9]\d?)$/.exec(String(type)) ?? []
  const width = Number(digits)
  if (sign === undefined || width > (sign === 'i' ? 64 : 63)) {
    throw invalid('type', "'i1' to 'i64' or 'u1' to 'u63'", type)
  }
  if ((offset === undefined) === (index === undefined)) {
    throw new VarveError('INVALID', 'field must have an offset or an index, one of the two')
  }
  const given = offset ?? index
  if (offset === undefined && (!Number.isSafeInteger(index) || (index as number) < 0)) {
    throw invalid('index', 'a whole number', index)
  }
  const at = offset ?? (given as number) * width
  checkOffset(at)
  return { offset: at, width, code: (sign === 'i' ? 16 : 0) + width * 32 }
}

function overflowOf(overflow: unknown = 'wrap'): number {
  const place = OVERFLOWS.indexOf(overflow)
  if (place === -1) throw invalid('overflow', "'wrap', 'sat' or 'fail'", overflow)
  return place * 4
}

// As 64 bits with a sign, like everything that crosses here.
function writeValue(value: unknown, argument: string): void {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
    throw invalid(argument, 'a whole number or a bigint of 64 bits', value)
  }
  const whole = BigInt(value as number | bigint)
  if (BigInt.asIntN(64, whole) !== whole) {
    throw invalid(argument, 'a whole number or a bigint of 64 bits', value)
  }
  scratch.u32[FIRST] = Number(whole & 0xffff_ffffn)
  scratch.u32[FIRST + 1] = Number((whole >> 32n) & 0xffff_ffffn)
}

function readValue(width: number): FieldValue {
  const lower = scratch.u32[FIRST] ?? 0
  const upper = (scratch.u32[FIRST + 1] ?? 0) | 0
  if (width <= NUMBER_BITS) return upper * 2 ** 32 + lower
  return (BigInt(upper) << 32n) + BigInt(lower)
}

/** Puts both ends into the registers and answers the flags that go with them. */
function placeRange(range: BitRange): number {
  checkNames(range, ['first', 'last', 'unit'], 'range')
  const { first = 0, last, unit = 'byte' } = range
  for (const [name, end] of Object.entries({ first, last: last ?? -1 })) {
    if (!Number.isSafeInteger(end)) throw invalid(`range.${name}`, 'a whole number', end)
  }
  if (unit !== 'byte' && unit !== 'bit') throw invalid('range.unit', "'byte' or 'bit'", unit)
  writeValue(last ?? -1, 'range.last')
  scratch.u32[LAST] = scratch.u32[FIRST] ?? 0
  scratch.u32[LAST + 1] = scratch.u32[FIRST + 1] ?? 0
  writeValue(first, 'range.first')
  return (last === undefined ? 0 : 1) + (unit === 'bit' ? 2 : 0)
}

export class BitString {
  static {
    showAs<BitString>(this, 'BitString', ({ length }) => ({ length }))
  }
  #room: Uint8Array
  #size: number

  /** A copy of these bytes; by default none. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    if (!(bytes instanceof Uint8Array)) throw invalid('bytes', 'a Uint8Array', bytes)
    this.#room = new Uint8Array(bytes)
    this.#size = bytes.length
  }

  /** Bytes, up to the last one that was written. */
  get length(): number {
    return this.#size
  }

  /** What it holds, until the next change; not a copy. */
  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#size)
  }

  getBit(offset: number): 0 | 1 {
    checkOffset(offset)
    const place = Math.floor(offset / 8)
    const byte = place < this.#size ? (this.#room[place] ?? 0) : 0
    return ((byte >> (7 - (offset % 8))) & 1) === 1 ? 1 : 0
  }

  /** Answers the bit that was there. */
  setBit(offset: number, bit: 0 | 1): 0 | 1 {
    checkOffset(offset)
    checkBit(bit)
    const place = Math.floor(offset / 8)
    this.#grow(place + 1)
    const byte = this.#room[place] ?? 0
    const mask = 0x80 >> (offset % 8)
    this.#room[place] = bit === 1 ? byte | mask : byte & ~mask
    return (byte & mask) === 0 ? 0 : 1
  }

  /** How many bits are 1. */
  bitCount(range: BitRange = {}): number {
    return addon.bitCount(this.bytes, placeRange(range))
  }

  /**
   * Where the first such bit of the range is, or -1. All bits behind the end are 0: where none is before it and `last`
   * is not given, the answer for 0 is the first of those.
   */
  bitPos(bit: 0 | 1, range: BitRange = {}): number {
    checkBit(bit)
    return addon.bitPosition(this.bytes, placeRange(range) + bit * 4)
  }

  /** A new string, as long as the longest: bits that are 1 in all, in any, or in an odd number of them. 'not' takes one. */
  static bitOp(operation: BitOperation, ...sources: readonly BitString[]): BitString {
    const place = OPERATIONS.indexOf(operation)
    if (place === -1 || place === 3) {
      throw invalid('operation', "'and', 'or', 'xor' or 'not'", operation)
    }
    for (const source of sources) {
      if (!(source instanceof BitString)) throw invalid('source', 'a BitString', source)
    }
    if (operation === 'not' && sources.length !== 1) {
      throw new VarveError('INVALID', `'not' must have one source, not ${sources.length}`)
    }
    const made = new BitString()
    made.#grow(sources.reduce((longest, { length }) => Math.max(longest, length), 0))
    addon.bitJoin(
      place,
      made.bytes,
      sources.map(({ bytes }) => bytes),
    )
    return made
  }

  getField(field: BitFieldOptions): FieldValue {
    checkNames(field, ['type', 'offset', 'index'], 'field')
    const { offset, width, code } = placeOf(field)
    addon.bitField(this.bytes, offset, code + GET)
    return readValue(width)
  }

  /** Answers what was there; undefined where the value does not fit and `overflow` is 'fail'. */
  setField(field: Changing & { readonly value: FieldValue }): FieldValue | undefined {
    checkNames(field, ['type', 'offset', 'index', 'value', 'overflow'], 'field')
    return this.#change(field, SET, field.value, 'value')
  }

  /** Answers what is there now; undefined where the sum does not fit and `overflow` is 'fail'. */
  incrementField(field: Changing & { readonly by: FieldValue }): FieldValue | undefined {
    checkNames(field, ['type', 'offset', 'index', 'by', 'overflow'], 'field')
    return this.#change(field, INCREMENT, field.by, 'by')
  }

  #change(field: Changing, act: number, value: unknown, argument: string): FieldValue | undefined {
    const { offset, width, code } = placeOf(field)
    const overflow = overflowOf(field.overflow)
    writeValue(value, argument)
    this.#grow(Math.floor((offset + width + 7) / 8))
    const answer = addon.bitField(this.bytes, offset, code + overflow + act)
    return answer === OK ? readValue(width) : undefined
  }

  #grow(size: number): void {
    if (size <= this.#size) return
    if (size > this.#room.length) {
      const room = new Uint8Array(Math.max(size, 2 * this.#room.length))
      room.set(this.#room)
      this.#room = room
    }
    this.#size = size
  }
}
