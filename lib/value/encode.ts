// lib/value/encode.ts — writes the head of a value, and collects its text.
//
// The state is the module's, because one thread encodes one value at a time; a getter that encodes another
// meanwhile is refused. Nothing is remembered about where we are: when a value is refused, a second, slow walk
// (refusal.ts) finds the path for the message.
//
// Invariants
//   - No more is asked of the scratch than the caller allows a value to have, however long an array says it is.
//   - What is written is exactly what decode.ts reads, or nothing is.

import { VarveError } from '../errors.ts'
import * as kinds from './kind.ts'
import { refusal, REFUSED } from './refusal.ts'
import { countUse, sameNames, type Shape, shapeOf } from './shape.ts'
import * as tags from './tags.ts'

/** Room for a head, which begins at `dataAt`. */
export interface Scratch {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly dataAt: number
  /** Makes `bytes` and `view` reach `size` bytes beyond `dataAt`, keeping their content. */
  grow(size: number): void
}

// The most that is written without asking again: a tag, and a double or a count.
const ROOM = 16

// Taken from the prototypes, so that what a subclass overrides is not asked.
const dateOf = Date.prototype.getTime
const mapEntries = Map.prototype.entries
const setMembers = Set.prototype.values

const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)
let scratch: Scratch | undefined
let bytes: Uint8Array = NO_BYTES
let view: DataView = NO_VIEW
let at = 0
let sizeMax = 0
let depth = 0
let text = ''
let lastText = ''
let lastShape: Shape | undefined

/** The strings of the value encoded last, run together. */
export function encodedText(): string {
  return lastText
}

/**
 * Writes the head of `value` at `into.dataAt` and returns its size; the text is in encodedText(). TOO_LARGE
 * when head and text are more than `bytesMax`.
 */
export function encodeValue(value: unknown, into: Scratch, bytesMax: number): number {
  if (scratch !== undefined) {
    throw new VarveError('INVALID', 'value: a getter must not write another value')
  }
  if (value === undefined) {
    throw new VarveError('INVALID', 'value must not be undefined; use delete')
  }
  scratch = into
  bytes = into.bytes
  view = into.view
  at = into.dataAt
  sizeMax = Math.min(bytesMax, tags.HEAD_BYTES_MAX)
  depth = 0
  text = ''
  try {
    put(value)
    if (at - into.dataAt + text.length > sizeMax) throw tooLarge()
    lastText = text
    return at - into.dataAt
  } catch (error) {
    throw error === REFUSED ? refusal(value) : error
  } finally {
    scratch = undefined
    text = ''
  }
}

function tooLarge(): VarveError {
  return new VarveError('TOO_LARGE', `value must encode to at most ${sizeMax} bytes`)
}

function reserve(size: number): void {
  if (at + size <= bytes.length) return
  const into = scratch as Scratch
  const needed = at + size
  if (needed - into.dataAt > sizeMax + ROOM) throw tooLarge()
  into.grow(needed - into.dataAt)
  bytes = into.bytes
  view = into.view
}

function putCount(value: number): void {
  let rest = value
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at++] = rest
}

function put(value: unknown): void {
  reserve(ROOM)
  switch (typeof value) {
    case 'string':
      return putText(value)
    case 'number':
      return putNumber(value)
    case 'boolean':
      bytes[at++] = value ? tags.TAG_TRUE : tags.TAG_FALSE
      return
    case 'undefined':
      bytes[at++] = tags.TAG_UNDEFINED
      return
    case 'bigint':
      return putBigint(value)
    case 'object':
      if (value !== null) return putContainer(value)
      bytes[at++] = tags.TAG_NULL
      return
    default:
      throw REFUSED
  }
}

function putText(value: string): void {
  if (value.length < tags.SHORT_TEXT_COUNT) {
    bytes[at++] = tags.TAG_SHORT_TEXT + value.length
  } else {
    bytes[at++] = tags.TAG_TEXT
    putCount(value.length)
  }
  addText(value)
}

function addText(more: string): void {
  if (text.length + more.length > Math.min(sizeMax, tags.TEXT_UNITS_MAX)) throw tooLarge()
  text += more
}

function putNumber(value: number): void {
  if ((value | 0) !== value || Object.is(value, -0)) {
    bytes[at++] = tags.TAG_DOUBLE
    view.setFloat64(at, value, true)
    at += 8
  } else if (value >= tags.SMALL_MIN && value <= tags.SMALL_MAX) {
    bytes[at++] = value - tags.SMALL_MIN
  } else if (value >= -0x80 && value <= 0x7f) {
    bytes[at++] = tags.TAG_INT8
    view.setInt8(at++, value)
  } else if (value >= -0x8000 && value <= 0x7fff) {
    bytes[at++] = tags.TAG_INT16
    view.setInt16(at, value, true)
    at += 2
  } else {
    bytes[at++] = tags.TAG_INT32
    view.setInt32(at, value, true)
    at += 4
  }
}

function putBigint(value: bigint): void {
  const digits = (value < 0n ? -value : value).toString(16)
  const size = value === 0n ? 0 : (digits.length + 1) >> 1
  if (size > tags.BIGINT_BYTES_MAX) {
    const most = tags.BIGINT_BYTES_MAX
    throw new VarveError('TOO_LARGE', `value: a bigint must have at most ${most} bytes`)
  }
  bytes[at++] = value < 0n ? tags.TAG_BIGINT_NEGATIVE : tags.TAG_BIGINT
  putCount(size)
  reserve(size)
  for (let index = 0, end = digits.length; index < size; index++, end -= 2) {
    bytes[at++] = Number.parseInt(digits.slice(Math.max(0, end - 2), end), 16)
  }
}

function putContainer(value: object): void {
  if (++depth > tags.DEPTH_MAX) throw REFUSED
  switch (kinds.kindOf(value)) {
    case kinds.KIND_OBJECT:
      putObject(value as Record<string, unknown>)
      break
    case kinds.KIND_ARRAY:
      putArray(value as readonly unknown[])
      break
    case kinds.KIND_DATE:
      bytes[at++] = tags.TAG_DATE
      view.setFloat64(at, dateOf.call(value as Date), true)
      at += 8
      break
    case kinds.KIND_VIEW:
      putView(value as ArrayBufferView)
      break
    case kinds.KIND_MAP:
      putMap(value as ReadonlyMap<unknown, unknown>)
      break
    case kinds.KIND_SET:
      putMembers(tags.TAG_SET, [...setMembers.call(value as Set<unknown>)])
      break
    case kinds.KIND_BUFFER:
      putBytes(tags.VIEW_BUFFER, new Uint8Array(value as ArrayBuffer))
      break
    default:
      throw REFUSED
  }
  depth--
}

function putArray(value: readonly unknown[]): void {
  const count = value.length
  bytes[at++] = tags.TAG_ARRAY
  putCount(count)
  // Every element takes a byte or more, so that one too long is refused here and not when it is half written.
  reserve(count)
  for (let index = 0; index < count; index++) put(value[index])
}

function putMembers(tag: number, members: readonly unknown[]): void {
  bytes[at++] = tag
  putCount(members.length)
  for (const member of members) put(member)
}

// Copies first: a getter that changes the map must not change what is counted already.
function putMap(value: ReadonlyMap<unknown, unknown>): void {
  const entries = [...mapEntries.call(value as Map<unknown, unknown>)]
  bytes[at++] = tags.TAG_MAP
  putCount(entries.length)
  for (const [key, member] of entries) {
    put(key)
    put(member)
  }
}

function putView(value: ArrayBufferView): void {
  const own = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  putBytes(tags.viewNumber(value) as number, own)
}

function putBytes(kind: number, own: Uint8Array): void {
  bytes[at++] = tags.TAG_TYPED
  bytes[at++] = kind
  putCount(own.length)
  reserve(own.length)
  bytes.set(own, at)
  at += own.length
}

function putObject(value: Record<string, unknown>): void {
  const names = Object.keys(value)
  const last = lastShape
  if (names.length > sizeMax) throw tooLarge()
  const shape = last !== undefined && sameNames(last.names, names) ? last : shapeOf(names)
  lastShape = shape
  countUse(shape)
  putSignature(shape)
  shape.visit(value, put)
}

function putSignature({ signature, words }: Shape): void {
  reserve(signature.length)
  let place = at
  for (let index = 0; index < words.length; index++, place += 4) {
    view.setUint32(place, words[index] as number, true)
  }
  for (let index = 4 * words.length; index < signature.length; index++) {
    bytes[place++] = signature[index] as number
  }
  at = place
}
