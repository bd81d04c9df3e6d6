// lib/key.ts — ordered keys: comparing the bytes compares the values.
//
// null < false < true < numbers and bigints in one order < dates < strings < bytes < arrays. The bytes are those
// of native/pure/codec/FORMAT.md; test/format/keys.txt holds this file and key.cc to one another.
//
// Invariants
//   - One value has exactly one encoding, and decodeKey(encodeKey(key)) is the key again (-0 becomes 0).
//   - decodeKey() never reads outside [start, end), and refuses with CORRUPT what encodeKey() would not have written.
//   - An object is what it is inside: a Date or Uint8Array of another realm is one, whatever its prototype says.
import { types } from 'node:util'

import { VarveError, invalid } from './errors.ts'
import { isDetached } from './value.ts'

export type Key = null | boolean | number | bigint | Date | string | Uint8Array | readonly Key[]

/** What keys of type K can begin with: a string, bytes, or the first elements of an array. */
export type Prefix<K> = K extends string
  ? string
  : K extends Uint8Array
    ? Uint8Array
    : K extends readonly unknown[]
      ? Beginning<K>
      : never

type Beginning<K extends readonly unknown[]> = K extends readonly [infer First, ...infer Rest]
  ? readonly [] | readonly [First, ...Beginning<Rest>]
  : K

export interface RangeBounds {
  /** Keys above this one. */
  readonly gt?: Key | undefined
  /** Keys from this one. */
  readonly gte?: Key | undefined
  /** Keys below this one. */
  readonly lt?: Key | undefined
  /** Keys to this one. */
  readonly lte?: Key | undefined
  /** Strings, bytes or arrays that begin so. */
  readonly prefix?: Key | undefined
}

const TAG_END = 0x00
const TAG_NULL = 0x10
const TAG_FALSE = 0x18
const TAG_TRUE = 0x19
const TAG_NUMBER = 0x20
const TAG_DATE = 0x30
const TAG_TEXT = 0x40
const TAG_BYTES = 0x50
const TAG_ARRAY = 0x60
const ESCAPE = 0xff
const BIGINT_MARKER = 0xff
const SIZE_OF_SIZE = 0xf8
const NESTING_MAX = 16
const DATE_MAX = 8.64e15
const A_KEY = 'null, a boolean, number, bigint, Date, string, Uint8Array or an array of these'

// Taken from the prototype, so that what a subclass or another realm has instead is not asked.
const timeOf = Date.prototype.getTime

const float = new Float64Array(1)
const bits = new BigUint64Array(float.buffer)
// Low word first: the hosts we build for are little-endian.
const words = new Uint32Array(float.buffer)

/** Writes the key at `offset` and returns its end. INVALID names `argument`; TOO_LARGE if it does not fit. */
export function encodeKey(
  key: unknown,
  argument: string,
  target: Uint8Array,
  offset: number,
): number {
  const end =
    typeof key === 'string'
      ? putText(key, argument, target, offset)
      : putKey(key, argument, target, offset, 0)
  if (end > target.length) throw tooLarge(argument, target.length - offset)
  return end
}

function putText(key: string, argument: string, target: Uint8Array, offset: number): number {
  if (key.length >= target.length - offset) throw tooLarge(argument, target.length - offset)
  target[offset] = TAG_TEXT
  return putUnits(key, target, offset + 1, false)
}

function tooLarge(argument: string, sizeMax: number): VarveError {
  return new VarveError('TOO_LARGE', `${argument} must encode to at most ${sizeMax} bytes`)
}

// A write past the end of a typed array is dropped, so sizes are checked once, at the end; only what
// could run long is checked before.
function putKey(
  key: unknown,
  argument: string,
  target: Uint8Array,
  offset: number,
  depth: number,
): number {
  switch (typeof key) {
    case 'boolean':
      target[offset] = key ? TAG_TRUE : TAG_FALSE
      return offset + 1
    case 'number':
      if (key !== key) throw invalid(argument, A_KEY, key)
      target[offset] = TAG_NUMBER
      return putDouble(key, target, offset + 1)
    case 'bigint':
      target[offset] = TAG_NUMBER
      return putBigint(key, argument, target, offset + 1)
    case 'string': {
      if (key.length >= target.length - offset) throw tooLarge(argument, target.length - offset)
      target[offset] = TAG_TEXT
      const end = putUnits(key, target, offset + 1, depth > 0)
      return depth > 0 ? putEnd(target, end) : end
    }
    case 'object':
      if (key !== null) return putObject(key, argument, target, offset, depth)
      target[offset] = TAG_NULL
      return offset + 1
    default:
      throw invalid(argument, A_KEY, key)
  }
}

function putObject(
  key: object,
  argument: string,
  target: Uint8Array,
  offset: number,
  depth: number,
): number {
  if (types.isDate(key)) {
    const ms = timeOf.call(key)
    if (ms !== ms) throw new VarveError('INVALID', `${argument} must be a valid date`)
    target[offset] = TAG_DATE
    return putDouble(ms, target, offset + 1)
  }
  if (types.isUint8Array(key)) {
    if (key.length === 0 && isDetached(key.buffer)) {
      throw new VarveError('INVALID', `${argument} must not be a detached view`)
    }
    if (key.length >= target.length - offset) throw tooLarge(argument, target.length - offset)
    target[offset] = TAG_BYTES
    const end = putBytes(key, target, offset + 1, depth > 0)
    return depth > 0 ? putEnd(target, end) : end
  }
  if (!Array.isArray(key)) throw invalid(argument, A_KEY, key)
  return putEnd(target, putElements(key, argument, target, offset, depth))
}

function putElements(
  key: readonly unknown[],
  argument: string,
  target: Uint8Array,
  offset: number,
  depth: number,
): number {
  if (depth >= NESTING_MAX) {
    throw new VarveError('INVALID', `${argument} must nest arrays at most ${NESTING_MAX} deep`)
  }
  if (key.length >= target.length - offset) throw tooLarge(argument, target.length - offset)
  target[offset] = TAG_ARRAY
  let at = offset + 1
  for (let index = 0; index < key.length; index++) {
    at = putKey(key[index], `${argument}[${index}]`, target, at, depth + 1)
  }
  return at
}

function putEnd(target: Uint8Array, offset: number): number {
  target[offset] = TAG_END
  return offset + 1
}

function putBytes(key: Uint8Array, target: Uint8Array, offset: number, nested: boolean): number {
  if (!nested) {
    target.set(key, offset)
    return offset + key.length
  }
  let at = offset
  for (let index = 0; index < key.length; index++) {
    const byte = key[index] as number
    target[at++] = byte
    if (byte === 0) target[at++] = ESCAPE
  }
  return at
}

function putUnits(key: string, target: Uint8Array, offset: number, nested: boolean): number {
  const length = key.length
  let at = offset
  for (let index = 0; index < length; index++) {
    const unit = key.charCodeAt(index)
    if (unit < 0x80) {
      target[at++] = unit
      if (unit === 0 && nested) target[at++] = ESCAPE
      continue
    }
    const point = unit < 0xd800 || unit > 0xdbff ? unit : (key.codePointAt(index) as number)
    if (point > 0xffff) index++
    if (point < 0x800) {
      target[at++] = 0xc0 | (point >> 6)
    } else {
      if (point < 0x10000) {
        target[at++] = 0xe0 | (point >> 12)
      } else {
        target[at++] = 0xf0 | (point >> 18)
        target[at++] = 0x80 | ((point >> 12) & 0x3f)
      }
      target[at++] = 0x80 | ((point >> 6) & 0x3f)
    }
    target[at++] = 0x80 | (point & 0x3f)
  }
  return at
}

function putDouble(value: number, target: Uint8Array, offset: number): number {
  float[0] = value + 0 // Turns -0 into 0.
  let high = words[1] as number
  let low = words[0] as number
  if (high >>> 31 === 1) {
    high = ~high
    low = ~low
  } else {
    high ^= 0x80000000
  }
  for (let index = 0; index < 4; index++) {
    target[offset + index] = high >>> (24 - 8 * index)
    target[offset + 4 + index] = low >>> (24 - 8 * index)
  }
  return offset + 8
}

function putBigint(value: bigint, argument: string, target: Uint8Array, offset: number): number {
  const base = doubleNotAbove(value)
  let at = putDouble(base, target, offset)
  target[at++] = BIGINT_MARKER
  const below = base === -Infinity
  const flip = below ? 0xff : 0x00
  const remainder = below ? BigInt(-Number.MAX_VALUE) - value : value - BigInt(base)
  if (remainder === 0n) {
    target[at] = 0
    return at + 1
  }
  const digits = remainder.toString(16)
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`
  const size = hex.length / 2
  if (size >= target.length - at) throw tooLarge(argument, target.length - offset)
  if (size >= SIZE_OF_SIZE) {
    const width = size > 0xffffff ? 4 : size > 0xffff ? 3 : size > 0xff ? 2 : 1
    target[at++] = (SIZE_OF_SIZE + width - 1) ^ flip
    for (let index = width - 1; index >= 0; index--) {
      target[at++] = ((size >>> (8 * index)) & 0xff) ^ flip
    }
  } else {
    target[at++] = size ^ flip
  }
  for (let index = 0; index < size; index++) {
    target[at++] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16) ^ flip
  }
  return at
}

function doubleNotAbove(value: bigint): number {
  const nearest = Number(value)
  if (nearest === Infinity) return Number.MAX_VALUE
  if (nearest === -Infinity || BigInt(nearest) <= value) return nearest
  float[0] = nearest
  bits[0] = (bits[0] as bigint) + (nearest > 0 ? -1n : 1n)
  return float[0] as number
}

// The walk back: one reader per decode, so that no state outlives a call.
interface Reader {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  at: number
}

/** The key that [start, end) of `bytes` encode; CORRUPT if they encode none. */
export function decodeKey(bytes: Uint8Array, start: number, end: number): Key {
  if (bytes[start] === TAG_TEXT && end > start && end <= bytes.length) {
    return takeUnits(bytes, start + 1, end)
  }
  const reader: Reader = { bytes, start, end: Math.min(end, bytes.length), at: start }
  const key = takeKey(reader, 0)
  if (reader.at !== end) throw corrupt(reader, 'bytes after its end')
  return key
}

function corrupt(reader: Reader, what: string): VarveError {
  return new VarveError('CORRUPT', `key: ${what} at byte ${reader.at - reader.start}`)
}

function takeByte(reader: Reader): number {
  if (reader.at >= reader.end) throw corrupt(reader, 'cut short')
  return reader.bytes[reader.at++] as number
}

function takeKey(reader: Reader, depth: number): Key {
  const tag = takeByte(reader)
  switch (tag) {
    case TAG_NULL:
      return null
    case TAG_FALSE:
      return false
    case TAG_TRUE:
      return true
    case TAG_NUMBER:
      return takeNumber(reader)
    case TAG_DATE: {
      const ms = takeDouble(reader)
      if (!Number.isInteger(ms) || Math.abs(ms) > DATE_MAX) throw corrupt(reader, 'no date')
      return new Date(ms)
    }
    case TAG_TEXT: {
      const content = takeContent(reader, depth > 0)
      return takeUnits(content, 0, content.length)
    }
    case TAG_BYTES:
      return takeContent(reader, depth > 0)
    case TAG_ARRAY:
      return takeArray(reader, depth)
    default:
      throw corrupt(reader, `unknown tag ${tag}`)
  }
}

function takeArray(reader: Reader, depth: number): Key[] {
  if (depth >= NESTING_MAX) throw corrupt(reader, 'nested too deep')
  const elements: Key[] = []
  while (reader.at < reader.end) {
    if (reader.bytes[reader.at] === TAG_END) {
      reader.at++
      return elements
    }
    elements.push(takeKey(reader, depth + 1))
  }
  throw corrupt(reader, 'unclosed array')
}

function takeContent(reader: Reader, nested: boolean): Uint8Array {
  const begin = reader.at
  if (!nested) {
    reader.at = reader.end
    return new Uint8Array(reader.bytes.subarray(begin, reader.end))
  }
  let escapes = 0
  for (;;) {
    if (takeByte(reader) !== 0) continue
    if (reader.at >= reader.end || reader.bytes[reader.at] !== ESCAPE) break
    reader.at++
    escapes++
  }
  const last = reader.at - 1
  const content = new Uint8Array(last - begin - escapes)
  for (let from = begin, to = 0; from < last; from++) {
    const byte = reader.bytes[from] as number
    content[to++] = byte
    if (byte === 0) from++
  }
  return content
}

const CHUNK = 4096

function takeUnits(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let units: number[] = []
  let afterHigh = false
  for (let at = start; at < end;) {
    const lead = bytes[at] as number
    const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    let point = size === 1 ? lead : lead & (0x7f >> size)
    let fine = at + size <= end && (lead < 0x80 || (lead >= 0xc2 && lead <= 0xf4))
    for (let index = 1; index < size && fine; index++) {
      const byte = bytes[at + index] as number
      fine = (byte & 0xc0) === 0x80
      point = (point << 6) | (byte & 0x3f)
    }
    fine &&= size < 3 || (point >= (size === 3 ? 0x800 : 0x10000) && point <= 0x10ffff)
    // Two halves of a pair are written as one character of four bytes.
    fine &&= !(afterHigh && size === 3 && (point & 0xfc00) === 0xdc00)
    afterHigh = size === 3 && (point & 0xfc00) === 0xd800
    if (!fine) throw new VarveError('CORRUPT', `key: ill-formed text at byte ${at - start}`)
    if (point > 0xffff) {
      units.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff))
    } else {
      units.push(point)
    }
    at += size
    if (units.length < CHUNK) continue
    text += String.fromCharCode(...units)
    units = []
  }
  return text + String.fromCharCode(...units)
}

function takeDouble(reader: Reader): number {
  let high = 0
  let low = 0
  for (let index = 0; index < 4; index++) high = (high << 8) | takeByte(reader)
  for (let index = 0; index < 4; index++) low = (low << 8) | takeByte(reader)
  const positive = high >>> 31 === 1
  words[1] = positive ? high ^ 0x80000000 : ~high
  words[0] = positive ? low : ~low
  const value = float[0] as number
  if (value !== value || Object.is(value, -0)) throw corrupt(reader, 'no number')
  return value
}

function takeNumber(reader: Reader): number | bigint {
  const base = takeDouble(reader)
  if (reader.at >= reader.end || reader.bytes[reader.at] !== BIGINT_MARKER) return base
  reader.at++
  const below = base === -Infinity
  if (!below && !Number.isInteger(base)) throw corrupt(reader, 'no bigint')
  const remainder = takeRemainder(reader, below ? 0xff : 0x00)
  const value = below ? BigInt(-Number.MAX_VALUE) - remainder : BigInt(base) + remainder
  // What is left over must not reach another double.
  if (doubleNotAbove(value) !== base) throw corrupt(reader, 'no bigint')
  return value
}

function takeRemainder(reader: Reader, flip: number): bigint {
  const size = takeRemainderSize(reader, flip)
  if (size === 0) return 0n
  if (size > reader.end - reader.at) throw corrupt(reader, 'no bigint')
  let hex = ''
  for (let index = 0; index < size; index++) {
    hex += (takeByte(reader) ^ flip).toString(16).padStart(2, '0')
  }
  if (hex.startsWith('00')) throw corrupt(reader, 'no bigint')
  return BigInt(`0x${hex}`)
}

// A size has its shortest form: no leading zero, and a size of its own only from 0xF8 on.
function takeRemainderSize(reader: Reader, flip: number): number {
  const first = takeByte(reader) ^ flip
  if (first < SIZE_OF_SIZE) return first
  const width = first - SIZE_OF_SIZE + 1
  if (width > 4) throw corrupt(reader, 'no bigint')
  let size = 0
  for (let index = 0; index < width; index++) {
    size = size * 256 + (takeByte(reader) ^ flip)
    if (size === 0) throw corrupt(reader, 'no bigint')
  }
  if (size < SIZE_OF_SIZE) throw corrupt(reader, 'no bigint')
  return size
}

/** Negative, zero or positive: the order of two encoded keys. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let index = 0; index < shared; index++) {
    const difference = (a[index] as number) - (b[index] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/**
 * The half-open range of encoded keys that all bounds together allow; no `end` means to the last key.
 * `target` is room to work in; what is returned are copies.
 */
export function rangeBounds(
  options: RangeBounds,
  target: Uint8Array,
): { begin: Uint8Array; end: Uint8Array | undefined } {
  let begin = new Uint8Array(0)
  let end: Uint8Array | undefined
  const from = (bound: Uint8Array<ArrayBuffer>): void => {
    if (compareKeys(bound, begin) > 0) begin = bound
  }
  const to = (bound: Uint8Array): void => {
    if (end === undefined || compareKeys(bound, end) < 0) end = bound
  }
  if (options.gt !== undefined) from(successor(encoded(options.gt, 'gt', target)))
  if (options.gte !== undefined) from(encoded(options.gte, 'gte', target))
  if (options.lt !== undefined) to(encoded(options.lt, 'lt', target))
  if (options.lte !== undefined) to(successor(encoded(options.lte, 'lte', target)))
  if (options.prefix !== undefined) {
    const prefix = encodedPrefix(options.prefix, target)
    from(prefix)
    to(afterPrefix(prefix))
  }
  return { begin, end }
}

function encoded(key: Key, argument: string, target: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(target.subarray(0, encodeKey(key, argument, target, 0)))
}

function encodedPrefix(prefix: Key, target: Uint8Array): Uint8Array<ArrayBuffer> {
  if (Array.isArray(prefix)) {
    const end = putElements(prefix, 'prefix', target, 0, 0)
    if (end > target.length) throw tooLarge('prefix', target.length)
    return new Uint8Array(target.subarray(0, end))
  }
  if (typeof prefix === 'string' || types.isUint8Array(prefix)) {
    return encoded(prefix, 'prefix', target)
  }
  throw invalid('prefix', 'a string, Uint8Array or array', prefix)
}

function successor(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(bytes.length + 1)
  next.set(bytes)
  return next
}

// The first key that no longer begins so. A prefix begins with a tag below 0xFF, so there is one.
function afterPrefix(prefix: Uint8Array): Uint8Array {
  let size = prefix.length
  while (prefix[size - 1] === 0xff) size--
  const next = prefix.slice(0, size)
  next[size - 1] = (next[size - 1] as number) + 1
  return next
}

/** A key in a message, as the core shows it. */
export function showKey(key: unknown): string {
  if (Array.isArray(key)) return `[${key.map(showKey).join(', ')}]`
  if (key instanceof Uint8Array) return `bytes ${Buffer.from(key).toString('hex')}`
  if (key instanceof Date) return `date ${key.getTime()}`
  if (typeof key === 'bigint') return `${key}n`
  return JSON.stringify(key) ?? 'undefined'
}
