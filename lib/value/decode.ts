// lib/value/decode.ts — reads a head and its text back into a value.
//
// Invariants, however hostile the bytes
//   - Nothing outside [start, start + size) of the bytes and nothing outside the text is answered.
//   - Nothing is allocated that is larger than what is left to read: every element has at least one byte.
//   - What is not exactly one value is CORRUPT with its offset in the head.
import { readerCode } from './code.ts'
import { cutNames, type Shape } from './shape.ts'
import type { Shapes } from './shapes.ts'
import {
  corrupt,
  enter,
  move,
  moveText,
  source,
  takeCount,
  takeLength,
  textOf,
  wholeText,
} from './source.ts'
import * as tags from './tags.ts'

/** The value of the head at `start` of `bytes`, of which `view` is the same memory, and its text. */
export function decodeValue(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  size: number,
  text: string,
  shapes: Shapes,
): unknown {
  source.open(bytes, view, start, size, shapes)
  source.setText(text)
  const value = takeRoot(bytes, shapes)
  if (source.at !== start + size) throw corrupt('bytes after its end')
  if (source.textAt !== text.length) throw corrupt('text after its end')
  source.close()
  return value
}

// take(), by the shortest way where the value is an object of a shape that code was made for.
function takeRoot(bytes: Uint8Array, shapes: Shapes): unknown {
  const { at, end } = source
  if (end - at < 2) return take()
  const shape = shapes.common(
    (((bytes[at] as number) - tags.TAG_SHAPE) << 8) | (bytes[at + 1] as number),
  )
  if (shape === undefined) return take()
  source.at = at + 2
  source.depth = 1
  return shape.read(source, take)
}

/** The next value. */
export function take(): unknown {
  if (source.at >= source.end) throw corrupt('cut short')
  const tag = source.bytes[source.at++] as number
  if (tag <= tags.TAG_SMALL_LAST) return tag + tags.SMALL_MIN
  if (tag >= tags.TAG_SHAPE) return takeObject(takeNumbered(tag))
  if (tag >= tags.TAG_SHORT_TEXT) return takeText(tag - tags.TAG_SHORT_TEXT)
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
      return source.view.getInt8(move(1))
    case tags.TAG_INT16:
      return source.view.getInt16(move(2), true)
    case tags.TAG_INT32:
      return source.view.getInt32(move(4), true)
    case tags.TAG_DOUBLE:
      return source.view.getFloat64(move(8), true)
    case tags.TAG_FLOAT:
      return source.view.getFloat32(move(4), true)
    case tags.TAG_BIGINT:
      return takeBigint()
    case tags.TAG_BIGINT_NEGATIVE:
      return -takeBigint()
    case tags.TAG_DATE:
      return new Date(source.view.getFloat64(move(8), true))
    case tags.TAG_TEXT:
      return takeText(takeCount())
    case tags.TAG_TYPED:
      return takeView()
    default:
      return takeContainer(tag)
  }
}

const takeText = (length: number): string => textOf(moveText(length), length)

function takeObject(shape: Shape): Record<string, unknown> {
  const shapes = source.shapes as Shapes
  enter()
  if (source.textFrom >= 0) wholeText()
  if (shapes.countRead(shape)) generate(shape, shapes)
  const value = shape.read(source, take)
  source.depth--
  return value
}

// The value at hand is read as before, and its tags are remembered on the way.
function generate(shape: Shape, shapes: Shapes): void {
  const before = shape.read
  shape.read = (_, takeNext) => {
    const seen: number[] = []
    shape.read = before
    const object = before(source, () => {
      seen.push(source.bytes[source.at] ?? 0)
      return takeNext()
    })
    shape.read = shapes.generated(() => readerCode(shape, seen)) ?? before
    return object
  }
}

function takeContainer(tag: number): unknown {
  if (tag === tags.TAG_OBJECT || tag === tags.TAG_OBJECT_WIDE) return takeObject(takeShape(tag))
  enter()
  const value = takeMembers(tag)
  source.depth--
  return value
}

function takeMembers(tag: number): unknown {
  switch (tag) {
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

/** The shape of a number, of which `tag` is the first byte. */
export function takeNumbered(tag: number): Shape {
  const number = ((tag - tags.TAG_SHAPE) << 8) | (source.bytes[move(1)] as number)
  const shape = (source.shapes as Shapes).numbered(number)
  if (shape === undefined)
    throw corrupt(`names of number ${number}, which the store does not have,`)
  return shape
}

/**
 * The names of an object, whose tag has been read. Neighbours mostly look alike, so the last shape is tried in place; then the
 * one that was last read with such a beginning.
 */
export function takeShape(tag: number): Shape {
  const shapes = source.shapes as Shapes
  const from = source.at - 1
  const last = shapes.lastRead
  if (last !== undefined && followsShape(last, from)) return passShape(last, from)
  const count = takeLength()
  let hash = tag
  for (let index = 0, end = Math.min(2 * count, source.end - source.at); index < end; index++) {
    hash = (Math.imul(hash, 31) + (source.bytes[source.at + index] as number)) | 0
  }
  const proposed = shapes.propose(hash)
  const shape =
    proposed !== undefined && followsShape(proposed, from)
      ? passShape(proposed, from)
      : shapes.find(takeNames(count, tag === tags.TAG_OBJECT_WIDE))
  shapes.lastRead = shape
  shapes.keep(hash, shape)
  return shape
}

function passShape(shape: Shape, from: number): Shape {
  source.at = from + shape.signature.length
  return shape
}

// Most do not, and differ in their first bytes: the count and the lengths.
function followsShape({ signature, words }: Shape, from: number): boolean {
  const { bytes, view } = source
  if (signature.length > source.end - from) return false
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
  const from = move(isWide ? 2 * units : units)
  const names = cutNames(source.bytes.subarray(from, source.at), lengths, isWide)
  if (names === undefined) throw corrupt('names too long')
  return names
}

function takeBigint(): bigint {
  const size = takeLength()
  if (size > tags.BIGINT_BYTES_MAX) throw corrupt('too large a bigint')
  const from = move(size)
  if (size === 0) return 0n
  return BigInt(
    `0x${Buffer.from(source.bytes.subarray(from, from + size))
      .reverse()
      .toString('hex')}`,
  )
}

function takeView(): ArrayBufferView | ArrayBuffer {
  const kind = source.bytes[move(1)] as number
  const size = takeLength()
  const from = move(size)
  const copy = new Uint8Array(source.bytes.subarray(from, from + size))
  if (kind === tags.VIEW_UINT8) return copy
  if (kind === tags.VIEW_BUFFER) return copy.buffer
  if (kind === tags.VIEW_DATA) return new DataView(copy.buffer)
  const View = tags.VIEWS[kind]
  if (View === undefined || size % View.BYTES_PER_ELEMENT !== 0) throw corrupt('no typed array')
  return new View(copy.buffer)
}
