// lib/value/decode.ts — reads a head and its text back into a value.
//
// Invariants, however hostile the bytes
//   - Nothing outside [start, start + size) of the bytes and nothing outside the text is read.
//   - Nothing is allocated that is larger than what is left to read: every element has at least one byte.
//   - What is not exactly one value is CORRUPT with its offset in the head.

import { VarveError } from '../errors.ts'
import { countUse, keepShape, proposeShape, type Shape, shapeOf } from './shape.ts'
import * as tags from './tags.ts'

const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)
let bytes: Uint8Array = NO_BYTES
let view: DataView = NO_VIEW
let begin = 0
let at = 0
let end = 0
let text = ''
let textAt = 0
let depth = 0
let lastShape: Shape | undefined

/** The value of the head at `start` of `bytes`, of which `view` is the same memory, and its text. */
export function decodeValue(
  source: Uint8Array,
  sourceView: DataView,
  start: number,
  size: number,
  sourceText: string,
): unknown {
  bytes = source
  view = sourceView
  begin = start
  at = start
  end = Math.min(start + size, source.length)
  text = sourceText
  textAt = 0
  depth = 0
  const value = take()
  if (at !== start + size) throw corrupt('bytes after its end')
  if (textAt !== text.length) throw corrupt('text after its end')
  bytes = NO_BYTES
  view = NO_VIEW
  text = ''
  return value
}

function corrupt(what: string): VarveError {
  return new VarveError('CORRUPT', `value: ${what} at byte ${at - begin} of its head`)
}

// Moves over `size` bytes and returns where they begin.
function skip(size: number): number {
  if (size > end - at) throw corrupt('cut short')
  const from = at
  at += size
  return from
}

function takeCount(): number {
  let value = 0
  for (let scale = 1; scale <= 2 ** 28; scale *= 0x80) {
    const byte = bytes[skip(1)] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
  }
  throw corrupt('no count')
}

// A count of things that each take a byte or more.
function takeLength(): number {
  const count = takeCount()
  if (count > end - at) throw corrupt('a count beyond its end')
  return count
}

function takeText(length: number): string {
  if (length > text.length - textAt) throw corrupt('a text beyond its end')
  textAt += length
  return text.slice(textAt - length, textAt)
}

function take(): unknown {
  if (at >= end) throw corrupt('cut short')
  const tag = bytes[at++] as number
  if (tag <= tags.TAG_SMALL_LAST) return tag + tags.SMALL_MIN
  if (tag >= tags.TAG_SHORT_TEXT) {
    const length = tag - tags.TAG_SHORT_TEXT
    if (length >= tags.SHORT_TEXT_COUNT) throw corrupt(`unknown tag ${tag}`)
    return takeText(length)
  }
  switch (tag) {
    case tags.TAG_UNDEFINED:
      return undefined
    case tags.TAG_NULL:
      return null
    case tags.TAG_TRUE:
      return true
    case tags.TAG_FALSE:
      return false
    case tags.TAG_INT8:
      return view.getInt8(skip(1))
    case tags.TAG_INT16:
      return view.getInt16(skip(2), true)
    case tags.TAG_INT32:
      return view.getInt32(skip(4), true)
    case tags.TAG_DOUBLE:
      return view.getFloat64(skip(8), true)
    case tags.TAG_BIGINT:
      return takeBigint()
    case tags.TAG_BIGINT_NEGATIVE:
      return -takeBigint()
    case tags.TAG_DATE:
      return new Date(view.getFloat64(skip(8), true))
    case tags.TAG_TEXT:
      return takeText(takeCount())
    case tags.TAG_TYPED:
      return takeView()
    default:
      return takeContainer(tag)
  }
}

function takeContainer(tag: number): unknown {
  if (++depth > tags.DEPTH_MAX) throw corrupt('nested too deep')
  const value = takeMembers(tag)
  depth--
  return value
}

function takeMembers(tag: number): unknown {
  switch (tag) {
    case tags.TAG_OBJECT:
    case tags.TAG_OBJECT_WIDE: {
      const shape = takeShape(tag)
      countUse(shape)
      return shape.make(take)
    }
    case tags.TAG_ARRAY: {
      const array: unknown[] = []
      for (let left = takeLength(); left > 0; left--) array.push(take())
      return array
    }
    case tags.TAG_MAP: {
      const map = new Map<unknown, unknown>()
      for (let left = takeLength(); left > 0; left--) {
        const key = take()
        map.set(key, take())
      }
      return map
    }
    case tags.TAG_SET: {
      const set = new Set<unknown>()
      for (let left = takeLength(); left > 0; left--) set.add(take())
      return set
    }
    default:
      throw corrupt(`unknown tag ${tag}`)
  }
}

// The names of an object, whose tag has been read. Neighbours mostly look alike, so the last shape is tried in
// place; then the one that was last read with such a beginning.
function takeShape(tag: number): Shape {
  const from = at - 1
  if (lastShape !== undefined && followsShape(lastShape, from)) return passShape(lastShape, from)
  const count = takeLength()
  let hash = tag
  for (let index = 0, last = Math.min(2 * count, end - at); index < last; index++) {
    hash = (Math.imul(hash, 31) + (bytes[at + index] as number)) | 0
  }
  const proposed = proposeShape(hash)
  if (proposed !== undefined && followsShape(proposed, from)) return passShape(proposed, from)
  lastShape = shapeOf(takeNames(count, tag === tags.TAG_OBJECT_WIDE))
  keepShape(hash, lastShape)
  return lastShape
}

function passShape(shape: Shape, from: number): Shape {
  at = from + shape.signature.length
  lastShape = shape
  return shape
}

// Most do not, and differ in their first bytes: the count and the lengths.
function followsShape({ signature, words }: Shape, from: number): boolean {
  if (signature.length > end - from) return false
  let place = from
  for (let index = 0; index < words.length; index++, place += 4) {
    if (view.getUint32(place, true) !== words[index]) return false
  }
  for (let index = 4 * words.length; index < signature.length; index++, place++) {
    if (bytes[place] !== signature[index]) return false
  }
  return true
}

function takeNames(count: number, isWide: boolean): string[] {
  const lengths: number[] = []
  let units = 0
  for (let index = 0; index < count; index++) {
    const length = takeCount()
    lengths.push(length)
    units += length
  }
  if (units > tags.TEXT_UNITS_MAX) throw corrupt('names too long')
  const from = skip(isWide ? 2 * units : units)
  const run = Buffer.from(bytes.buffer, bytes.byteOffset + from, at - from)
  const joined = run.toString(isWide ? 'utf16le' : 'latin1')
  let unit = 0
  return lengths.map((length) => joined.slice(unit, (unit += length)))
}

function takeBigint(): bigint {
  const size = takeLength()
  if (size > tags.BIGINT_BYTES_MAX) throw corrupt('too large a bigint')
  const from = skip(size)
  if (size === 0) return 0n
  return BigInt(
    `0x${Buffer.from(bytes.subarray(from, from + size))
      .reverse()
      .toString('hex')}`,
  )
}

function takeView(): ArrayBufferView | ArrayBuffer {
  const kind = bytes[skip(1)] as number
  const size = takeLength()
  const from = skip(size)
  const copy = new Uint8Array(bytes.subarray(from, from + size))
  if (kind === tags.VIEW_UINT8) return copy
  if (kind === tags.VIEW_BUFFER) return copy.buffer
  if (kind === tags.VIEW_DATA) return new DataView(copy.buffer)
  const View = tags.VIEWS[kind]
  if (View === undefined || size % View.BYTES_PER_ELEMENT !== 0) throw corrupt('no typed array')
  return new View(copy.buffer)
}
