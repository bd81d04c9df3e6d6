/**
 * Ordered keys: bytes whose order is the order of the values they stand for.
 *
 *   null < false < true < numbers < dates < strings < bytes < arrays
 *
 * The same bytes as native/pure/codec/key.cc writes; native/pure/codec/FORMAT.md says every one. Plain strings are encoded
 * natively on the hot path, everything else here.
 */
import { invalid, VarveError } from './errors.ts'

export type Key = null | boolean | number | bigint | Date | string | Uint8Array | readonly Key[]

const END = 0x00
const NULL = 0x10
const FALSE = 0x18
const TRUE = 0x19
const NUMBER = 0x20
const DATE = 0x30
const TEXT = 0x40
const BYTES = 0x50
const ARRAY = 0x60
const BIGINT_MARK = 0xff // Behind a number's eight bytes; above every tag, so that 1 is before 1n in a tuple, too.
const ESCAPE = 0xff

export const KEY_BYTES_MAX = 65_536
export const KEY_DEPTH_MAX = 16

const EXPECTED = 'a key (null, boolean, number, bigint, Date, string, Uint8Array or an array of keys)'
const scratchView = new DataView(new ArrayBuffer(8))
const BEYOND_DOUBLES = 2n ** 1024n

/** Writes keys into a buffer that is never shorter than KEY_BYTES_MAX. */
class KeyWriter {
  bytes: Uint8Array
  at: number
  readonly #argument: string
  readonly #end: number

  constructor(bytes: Uint8Array, offset: number, argument: string) {
    this.bytes = bytes
    this.at = offset
    this.#argument = argument
    this.#end = Math.min(bytes.length, offset + KEY_BYTES_MAX)
  }

  byte(value: number): void {
    if (this.at >= this.#end) throw new VarveError('TOO_LARGE', `${this.#argument}: above ${KEY_BYTES_MAX} bytes as a key`)
    this.bytes[this.at++] = value
  }

  key(key: unknown, depth: number): void {
    if (typeof key === 'string') return this.text(key, depth)
    if (typeof key === 'number') {
      if (Number.isNaN(key)) throw invalid(this.#argument, EXPECTED, key)
      this.byte(NUMBER)
      return this.double(key)
    }
    if (typeof key === 'bigint') return this.bigint(key)
    if (key === null) return this.byte(NULL)
    if (key === false) return this.byte(FALSE)
    if (key === true) return this.byte(TRUE)
    if (key instanceof Date) {
      if (Number.isNaN(key.getTime())) throw invalid(this.#argument, 'a valid Date', 'Invalid Date')
      this.byte(DATE)
      return this.double(key.getTime())
    }
    if (key instanceof Uint8Array) {
      this.byte(BYTES)
      for (const byte of key) this.content(byte, depth)
      if (depth > 0) this.byte(END)
      return
    }
    if (Array.isArray(key)) return this.array(key, depth, true)
    throw invalid(this.#argument, EXPECTED, key)
  }

  array(key: readonly unknown[], depth: number, closed: boolean): void {
    if (depth >= KEY_DEPTH_MAX) throw invalid(this.#argument, `arrays nested at most ${KEY_DEPTH_MAX} deep`, key)
    this.byte(ARRAY)
    for (const element of key) this.key(element, depth + 1)
    if (closed) this.byte(END)
  }

  /** Within an array a zero byte is escaped, since a zero ends the element. */
  content(byte: number, depth: number): void {
    this.byte(byte)
    if (byte === 0 && depth > 0) this.byte(ESCAPE)
  }

  text(text: string, depth: number): void {
    this.byte(TEXT)
    this.units(text, depth)
    if (depth > 0) this.byte(END)
  }

  units(text: string, depth: number): void {
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i) ?? 0
      if (point > 0xffff) i++
      if (point < 0x80) {
        this.content(point, depth)
      } else if (point < 0x800) {
        this.byte(0xc0 | (point >> 6))
        this.byte(0x80 | (point & 0x3f))
      } else if (point < 0x10000) {
        this.byte(0xe0 | (point >> 12))
        this.byte(0x80 | ((point >> 6) & 0x3f))
        this.byte(0x80 | (point & 0x3f))
      } else {
        this.byte(0xf0 | (point >> 18))
        this.byte(0x80 | ((point >> 12) & 0x3f))
        this.byte(0x80 | ((point >> 6) & 0x3f))
        this.byte(0x80 | (point & 0x3f))
      }
    }
  }

  /** Eight bytes in the order of doubles; -0 is 0. */
  double(value: number): void {
    scratchView.setFloat64(0, value === 0 ? 0 : value)
    const high = scratchView.getUint32(0)
    const low = scratchView.getUint32(4)
    const negative = high >>> 31 === 1
    this.uint32(negative ? ~high : high | 0x80000000)
    this.uint32(negative ? ~low : low)
  }

  uint32(value: number): void {
    this.byte((value >>> 24) & 0xff)
    this.byte((value >>> 16) & 0xff)
    this.byte((value >>> 8) & 0xff)
    this.byte(value & 0xff)
  }

  /** The largest double not above it, a mark, and what is left: nothing for most. */
  bigint(value: bigint): void {
    const floor = doubleBelow(value)
    this.byte(NUMBER)
    this.double(floor)
    this.byte(BIGINT_MARK)
    // Below every finite double the rest would be infinite; such numbers count down from the top instead.
    const rest = floor === -Infinity ? value + BEYOND_DOUBLES : value - BigInt(floor)
    this.remainder(rest)
  }

  /** Zero as one byte; a positive one as 1, its length and its bytes; a negative one with all of that inverted. */
  remainder(rest: bigint): void {
    const negative = rest < 0n
    if (rest === 0n) return this.byte(0x80)
    let digits = (negative ? -rest : rest).toString(16)
    if (digits.length % 2 === 1) digits = `0${digits}`
    const size = digits.length / 2
    const flip = negative ? 0xff : 0
    this.byte(negative ? 0x7f : 0x81)
    this.byte((size >>> 8) ^ flip)
    this.byte((size & 0xff) ^ flip)
    for (let i = 0; i < digits.length; i += 2) this.byte(Number.parseInt(digits.slice(i, i + 2), 16) ^ flip)
  }
}

function doubleBelow(value: bigint): number {
  const near = Number(value)
  if (near === Infinity) return Number.MAX_VALUE
  if (near === -Infinity) return -Infinity
  if (BigInt(near) <= value) return near
  scratchView.setFloat64(0, near)
  const bits = scratchView.getBigInt64(0)
  scratchView.setBigInt64(0, near > 0 ? bits - 1n : bits + 1n)
  return scratchView.getFloat64(0)
}

/** Writes a key at `offset` and returns where it ends. `argument` is what a mistake is called by. */
export function encodeKey(key: unknown, argument: string, target: Uint8Array, offset: number): number {
  const writer = new KeyWriter(target, offset, argument)
  writer.key(key, 0)
  return writer.at
}

class KeyReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  at: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = start
    this.#end = end
  }

  damaged(): VarveError {
    return new VarveError('CORRUPT', `key: bytes that are no key, at ${this.at}`)
  }

  byte(): number {
    if (this.at >= this.#end) throw this.damaged()
    return this.#bytes[this.at++] ?? 0
  }

  key(depth: number): Key {
    if (depth > KEY_DEPTH_MAX) throw this.damaged()
    switch (this.byte()) {
      case NULL: return null
      case FALSE: return false
      case TRUE: return true
      case NUMBER: return this.number()
      case DATE: return new Date(this.double())
      case TEXT: return this.text(this.content(depth))
      case BYTES: return Uint8Array.from(this.content(depth))
      case ARRAY: return this.array(depth)
      default: throw this.damaged()
    }
  }

  array(depth: number): Key[] {
    const elements: Key[] = []
    while (true) {
      if (this.at >= this.#end) throw this.damaged()
      if (this.#bytes[this.at] === END) break
      elements.push(this.key(depth + 1))
    }
    this.at++
    return elements
  }

  content(depth: number): number[] {
    const content: number[] = []
    if (depth === 0) {
      while (this.at < this.#end) content.push(this.byte())
      return content
    }
    while (true) {
      const byte = this.byte()
      if (byte !== END) {
        content.push(byte)
      } else if (this.at < this.#end && this.#bytes[this.at] === ESCAPE) {
        this.at++
        content.push(0)
      } else {
        return content
      }
    }
  }

  text(content: readonly number[]): string {
    let text = ''
    for (let i = 0; i < content.length;) {
      const lead = content[i++] ?? 0
      const more = lead < 0x80 ? 0 : lead < 0xc0 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf8 ? 3 : -1
      if (more < 0 || i + more > content.length) throw this.damaged()
      let point = more === 0 ? lead : lead & (0x3f >> more)
      for (let k = 0; k < more; k++) point = (point << 6) | ((content[i++] ?? 0) & 0x3f)
      if (point > 0x10ffff) throw this.damaged()
      text += String.fromCodePoint(point)
    }
    return text
  }

  double(): number {
    if (this.at + 8 > this.#end) throw this.damaged()
    const high = this.#view.getUint32(this.at)
    const low = this.#view.getUint32(this.at + 4)
    this.at += 8
    const negative = high >>> 31 === 0
    scratchView.setUint32(0, negative ? ~high : high & 0x7fffffff)
    scratchView.setUint32(4, negative ? ~low : low)
    return scratchView.getFloat64(0)
  }

  number(): number | bigint {
    const floor = this.double()
    if (this.at >= this.#end || this.#bytes[this.at] !== BIGINT_MARK) return floor
    this.at++
    const rest = this.remainder()
    if (floor === -Infinity) return rest - BEYOND_DOUBLES
    if (!Number.isInteger(floor)) throw this.damaged()
    return BigInt(floor) + rest
  }

  remainder(): bigint {
    const sign = this.byte()
    if (sign === 0x80) return 0n
    if (sign !== 0x7f && sign !== 0x81) throw this.damaged()
    const flip = sign === 0x7f ? 0xff : 0
    const high = this.byte() ^ flip
    const size = (high << 8) | (this.byte() ^ flip)
    if (size === 0 || this.at + size > this.#end) throw this.damaged()
    let digits = '0x'
    for (let i = 0; i < size; i++) digits += (this.byte() ^ flip).toString(16).padStart(2, '0')
    return sign === 0x7f ? -BigInt(digits) : BigInt(digits)
  }
}

/** The key whose bytes lie from `start` to `end`; CORRUPT when they are no key. */
export function decodeKey(bytes: Uint8Array, start: number, end: number): Key {
  const reader = new KeyReader(bytes, start, end)
  const key = reader.key(0)
  if (reader.at !== end) throw reader.damaged()
  return key
}

/** The order of keys, for whoever sorts them in JavaScript. */
export function compareKeys(a: Key, b: Key): number {
  const first = new Uint8Array(KEY_BYTES_MAX)
  const second = new Uint8Array(KEY_BYTES_MAX)
  const sizeOfFirst = encodeKey(a, 'a', first, 0)
  const sizeOfSecond = encodeKey(b, 'b', second, 0)
  return Math.sign(Buffer.compare(first.subarray(0, sizeOfFirst), second.subarray(0, sizeOfSecond)))
}

export interface RangeBounds<K = Key> {
  readonly gt?: K | undefined
  readonly gte?: K | undefined
  readonly lt?: K | undefined
  readonly lte?: K | undefined
  /** Strings that begin so; for an array, tuples that begin with its elements. */
  readonly prefix?: K | undefined
}

export interface EncodedRange {
  readonly begin: Uint8Array
  /** Empty: to the end. */
  readonly end: Uint8Array
}

const NONE = new Uint8Array(0)
const room = new Uint8Array(KEY_BYTES_MAX + 1)

function encoded(key: unknown, argument: string, successor: boolean): Uint8Array {
  const end = encodeKey(key, argument, room, 0)
  room[end] = 0
  return room.slice(0, end + (successor ? 1 : 0))
}

function encodedPrefix(prefix: unknown): Uint8Array {
  const writer = new KeyWriter(room, 0, 'prefix')
  if (Array.isArray(prefix)) writer.array(prefix, 0, false)
  else if (typeof prefix === 'string') writer.text(prefix, 0)
  else throw invalid('prefix', 'a string or an array of keys', prefix)
  return room.slice(0, writer.at)
}

/** The first bytes behind all that begin with these. */
function behind(prefix: Uint8Array): Uint8Array {
  let size = prefix.length
  while (size > 0 && prefix[size - 1] === 0xff) size--
  const end = prefix.slice(0, size)
  if (size > 0) end[size - 1] = (end[size - 1] ?? 0) + 1
  return end
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Buffer.compare(a, b) >= 0 ? a : b
}

function earlier(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  if (b.length === 0) return a
  return Buffer.compare(a, b) <= 0 ? a : b
}

/** Bounds as stored bytes: from begin up to, but not including, end. Several bounds on a side are all kept. */
export function encodeRange(bounds: RangeBounds<unknown>): EncodedRange {
  let begin: Uint8Array = NONE
  let end: Uint8Array = NONE
  if (bounds.prefix !== undefined) {
    begin = encodedPrefix(bounds.prefix)
    end = behind(begin)
  }
  if (bounds.gte !== undefined) begin = later(begin, encoded(bounds.gte, 'gte', false))
  if (bounds.gt !== undefined) begin = later(begin, encoded(bounds.gt, 'gt', true))
  if (bounds.lt !== undefined) end = earlier(end, encoded(bounds.lt, 'lt', false))
  if (bounds.lte !== undefined) end = earlier(end, encoded(bounds.lte, 'lte', true))
  return { begin, end }
}
