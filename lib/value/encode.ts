// lib/value/encode.ts — writes the head of a value, and collects its text.
//
// The state is the module's, because one thread encodes one value at a time; a getter that encodes another
// meanwhile is refused. Nothing is remembered about where we are: when a value is refused, a second, slow walk
// finds the path for the message.

import { VarveError } from '../errors.ts'
import { countUse, sameNames, shapeOf, type Shape, type Shapes } from './shape.ts'
import * as tags from './tags.ts'

/** Room for a head, which begins at `dataAt`. */
export interface Scratch {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly dataAt: number
  /** Replaces `bytes` and `view` by ones of at least `size` bytes, keeping their content. */
  grow(size: number): void
}

// The most that is written without asking again: a tag, and a double or a count.
const ROOM = 16

const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)
let scratch: Scratch | undefined
let shapes: Shapes | undefined
let bytes: Uint8Array = NO_BYTES
let view: DataView = NO_VIEW
let at = 0
let depth = 0
let text = ''
let lastText = ''
let lastShape: Shape | undefined

/** The strings of the value encoded last, run together. */
export function encodedText(): string {
  return lastText
}

/** Writes the head of `value` at `into.dataAt` and returns its size; the text is in encodedText(). */
export function encodeValue(value: unknown, into: Scratch, known?: Shapes): number {
  if (scratch !== undefined) {
    throw new VarveError('INVALID', 'value: a getter must not write another value')
  }
  if (value === undefined) {
    throw new VarveError('INVALID', 'value must not be undefined; use delete')
  }
  scratch = into
  shapes = known
  bytes = into.bytes
  view = into.view
  at = into.dataAt
  depth = 0
  text = ''
  try {
    put(value)
    lastText = text
    return at - into.dataAt
  } catch (error) {
    throw error === REFUSED ? refusal(value) : error
  } finally {
    scratch = undefined
    shapes = undefined
    text = ''
  }
}

const REFUSED = new Error('refused')

function reserve(size: number): void {
  if (at + size <= bytes.length) return
  const into = scratch as Scratch
  const needed = at + size
  if (needed - into.dataAt > tags.HEAD_BYTES_MAX) {
    throw new VarveError('TOO_LARGE', `value must encode to at most ${tags.HEAD_BYTES_MAX} bytes`)
  }
  into.grow(Math.max(needed, Math.min(2 * bytes.length, tags.HEAD_BYTES_MAX)))
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
  text += value
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
  if (Array.isArray(value)) {
    bytes[at++] = tags.TAG_ARRAY
    putCount(value.length)
    reserve(value.length)
    for (let index = 0, count = value.length; index < count; index++) put(value[index])
  } else if (value instanceof Date) {
    bytes[at++] = tags.TAG_DATE
    view.setFloat64(at, value.getTime(), true)
    at += 8
  } else if (ArrayBuffer.isView(value)) {
    putView(value)
  } else if (value instanceof Map) {
    putMap(value)
  } else if (value instanceof Set) {
    const members = [...value]
    bytes[at++] = tags.TAG_SET
    putCount(members.length)
    for (const member of members) put(member)
  } else if (value instanceof ArrayBuffer) {
    putView(new Uint8Array(value))
  } else {
    putObject(value as Record<string, unknown>)
  }
  depth--
}

function putMap(value: Map<unknown, unknown>): void {
  const entries = [...value]
  bytes[at++] = tags.TAG_MAP
  putCount(entries.length)
  for (const [key, member] of entries) {
    put(key)
    put(member)
  }
}

function putView(value: ArrayBufferView): void {
  const known = tags.VIEWS.findIndex((kind) => value instanceof kind)
  bytes[at++] = tags.TAG_TYPED
  bytes[at++] = value instanceof DataView ? tags.VIEW_DATA : known < 0 ? tags.VIEW_UINT8 : known
  putCount(value.byteLength)
  reserve(value.byteLength)
  bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), at)
  at += value.byteLength
}

function putObject(value: Record<string, unknown>): void {
  const names = Object.keys(value)
  const last = lastShape
  const shape = last !== undefined && sameNames(last.names, names) ? last : shapeOf(names)
  lastShape = shape
  countUse(shape)
  const id = shapes?.idOf(shape.names)
  if (id !== undefined) {
    bytes[at++] = tags.TAG_SHAPE
    putCount(id)
  } else {
    bytes[at++] = tags.TAG_OBJECT
    putCount(names.length)
    reserve(ROOM + 5 * names.length)
    const lengths = shape.lengths
    if (lengths === undefined) {
      for (const name of names) putCount(name.length)
    } else {
      for (let index = 0; index < lengths.length; index++) bytes[at++] = lengths[index] as number
    }
    text += shape.joined
  }
  shape.visit(value, put)
}

// Walks in the order of put(), so the first thing found is what was refused.
function refusal(value: unknown): VarveError {
  const found = search(value, 'value', [])
  return new VarveError('INVALID', found ?? 'value cannot be stored')
}

function search(value: unknown, path: string, above: object[]): string | undefined {
  if (typeof value === 'function') return `${path} is a function, which cannot be stored`
  if (typeof value === 'symbol') return `${path} is a symbol, which cannot be stored`
  if (typeof value !== 'object' || value === null) return undefined
  if (above.includes(value)) return `${path} is a cycle, which cannot be stored`
  if (above.length >= tags.DEPTH_MAX) return `${path} is nested more than ${tags.DEPTH_MAX} deep`
  const within = [...above, value]
  for (const [step, member] of membersOf(value)) {
    const found = search(member, path + step, within)
    if (found !== undefined) return found
  }
  return undefined
}

function membersOf(value: object): Iterable<readonly [string, unknown]> {
  if (Array.isArray(value)) return value.map((member, index) => [`[${index}]`, member] as const)
  if (value instanceof Date || value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return []
  if (value instanceof Map) {
    return [...value].flatMap(([key, member], index) => [
      [`.key(${index})`, key] as const,
      [`.entry(${index})`, member] as const,
    ])
  }
  if (value instanceof Set) {
    return [...value].map((member, index) => [`.member(${index})`, member] as const)
  }
  return Object.entries(value).map(([name, member]) => [
    /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`,
    member,
  ])
}
