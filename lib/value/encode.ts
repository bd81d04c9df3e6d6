// lib/value/encode.ts — writes the head of a value, and collects its text.
//
// Nothing is remembered about where we are: when a value is refused, a second, slow walk (refusal.ts) finds the path for the
// message.
//
// Invariant: what is written is exactly what decode.ts reads, or nothing is.
import { VarveError } from '../errors.ts'
import { writerCode } from './code.ts'
import * as kinds from './kind.ts'
import { refusal, REFUSED } from './refusal.ts'
import type { Fields, Shape } from './shape.ts'
import type { Shapes } from './shapes.ts'
import { ROOM, type Scratch, sink } from './sink.ts'
import * as tags from './tags.ts'

// Taken from the prototypes, so that what a subclass overrides is not asked.
const ObjectPrototype = Object.prototype
const dateOf = Date.prototype.getTime
const mapEntries = Map.prototype.entries
const setMembers = Set.prototype.values

let lastText = ''
// Object.prototype has fields that `for in` shows, because somebody put them there.
let isPolluted = false

/** The strings of the value encoded last, run together. */
export function encodedText(): string {
  return lastText
}

/**
 * Writes the head of `value` at `into.dataAt` and returns its size; the text is in encodedText(). TOO_LARGE
 * when head and text are more than `bytesMax`.
 */
export function encodeValue(
  value: unknown,
  into: Scratch,
  bytesMax: number,
  shapes: Shapes,
): number {
  if (value === undefined) {
    throw new VarveError('INVALID', 'value must not be undefined; use delete')
  }
  sink.open(into, bytesMax, shapes)
  try {
    beginValues()
    put(value)
    return closeText()
  } catch (error) {
    throw error === REFUSED ? refusal(value) : error
  } finally {
    sink.close()
  }
}

/** Before the first put(). */
export function beginValues(): void {
  isPolluted = false
  for (const _ in Object.prototype) isPolluted = true
}

/** The size of the head that is in the sink; its text is encodedText() from now on. */
export function closeText(): number {
  const size = sink.finish()
  lastText = sink.text
  return size
}

export function putCount(value: number): void {
  let rest = value
  while (rest >= 0x80) {
    sink.bytes[sink.at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  sink.bytes[sink.at++] = rest
}

function putTag(tag: number): void {
  sink.bytes[sink.at++] = tag
}

/** The next value of whatever the sink is open for. */
export function put(value: unknown): void {
  sink.reserve(ROOM)
  switch (typeof value) {
    case 'string':
      return putText(value)
    case 'number':
      return putNumber(value)
    case 'boolean':
      putTag(value ? tags.TAG_TRUE : tags.TAG_FALSE)
      return
    case 'undefined':
      putTag(tags.TAG_UNDEFINED)
      return
    case 'bigint':
      return putBigint(value)
    case 'object':
      if (value !== null) return putContainer(value)
      putTag(tags.TAG_NULL)
      return
    default:
      throw REFUSED
  }
}

function putText(value: string): void {
  if (value.length < tags.SHORT_TEXT_COUNT) {
    putTag(tags.TAG_SHORT_TEXT + value.length)
  } else {
    putTag(tags.TAG_TEXT)
    putCount(value.length)
  }
  sink.addText(value)
}

function putNumber(value: number): void {
  if ((value | 0) !== value || Object.is(value, -0)) {
    putDouble(value)
  } else if (value >= tags.SMALL_MIN && value <= tags.SMALL_MAX) {
    putTag(value - tags.SMALL_MIN)
  } else if (value >= -0x80 && value <= 0x7f) {
    putTag(tags.TAG_INT8)
    sink.view.setInt8(sink.at++, value)
  } else if (value >= -0x8000 && value <= 0x7fff) {
    putTag(tags.TAG_INT16)
    sink.view.setInt16(sink.at, value, true)
    sink.at += 2
  } else {
    putTag(tags.TAG_INT32)
    sink.view.setInt32(sink.at, value, true)
    sink.at += 4
  }
}

// Half of all fractions that people type (0.5, 12.25) and all small results of dividing by two fit a float exactly.
function putDouble(value: number): void {
  if (Math.fround(value) === value) {
    putTag(tags.TAG_FLOAT)
    sink.view.setFloat32(sink.at, value, true)
    sink.at += 4
  } else {
    putTag(tags.TAG_DOUBLE)
    sink.view.setFloat64(sink.at, value, true)
    sink.at += 8
  }
}

function putBigint(value: bigint): void {
  const digits = (value < 0n ? -value : value).toString(16)
  const size = value === 0n ? 0 : (digits.length + 1) >> 1
  if (size > tags.BIGINT_BYTES_MAX) {
    const most = tags.BIGINT_BYTES_MAX
    throw new VarveError('TOO_LARGE', `value: a bigint must have at most ${most} bytes`)
  }
  putTag(value < 0n ? tags.TAG_BIGINT_NEGATIVE : tags.TAG_BIGINT)
  putCount(size)
  sink.reserve(size)
  for (let index = 0, end = digits.length; index < size; index++, end -= 2) {
    putTag(Number.parseInt(digits.slice(Math.max(0, end - 2), end), 16))
  }
}

function putContainer(value: object): void {
  if (++sink.depth > tags.DEPTH_MAX) throw REFUSED
  switch (kinds.kindOf(value)) {
    case kinds.KIND_OBJECT:
      putObject(value as Record<string, unknown>)
      break
    case kinds.KIND_ARRAY:
      putArray(value as readonly unknown[])
      break
    case kinds.KIND_DATE:
      putTag(tags.TAG_DATE)
      sink.view.setFloat64(sink.at, dateOf.call(value as Date), true)
      sink.at += 8
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
  sink.depth--
}

function putArray(value: readonly unknown[]): void {
  const count = value.length
  putTag(tags.TAG_ARRAY)
  putCount(count)
  // Every element takes a byte or more, so that one too long is refused here and not when it is half written.
  sink.reserve(count)
  for (let index = 0; index < count; index++) put(value[index])
}

function putMembers(tag: number, members: readonly unknown[]): void {
  putTag(tag)
  putCount(members.length)
  for (const member of members) put(member)
}

// Copies first: a getter that changes the map must not change what is counted already.
function putMap(value: ReadonlyMap<unknown, unknown>): void {
  const entries = [...mapEntries.call(value as Map<unknown, unknown>)]
  putTag(tags.TAG_MAP)
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
  putTag(tags.TAG_TYPED)
  putTag(kind)
  putCount(own.length)
  sink.reserve(own.length)
  sink.bytes.set(own, sink.at)
  sink.at += own.length
}

function putObject(value: Fields): void {
  const shapes = sink.shapes as Shapes
  const last = shapes.lastWritten
  const shape = last !== undefined && isShape(value, last) ? last : findShape(value, shapes)
  if (shape.number < 0) putSignature(shape)
  else putShape(shape.number)
  if (shapes.countWrite(shape)) writeLookingOn(shape, value, shapes)
  else shape.write(value, sink, put)
}

// Writes as always, and makes code for what it sees: a field may be a getter, which is asked once.
function writeLookingOn(shape: Shape, value: Fields, shapes: Shapes): void {
  const seen: string[] = []
  shape.write(value, sink, (member) => {
    seen.push(typeof member)
    put(member)
  })
  shape.write = shapes.generated(() => writerCode(shape, seen)) ?? shape.write
}

function findShape(value: Fields, shapes: Shapes): Shape {
  const names = Object.keys(value)
  sink.checkCount(names.length)
  const shape = shapes.find(names)
  shapes.lastWritten = shape
  return shape
}

// Whether these are the names of an object, without a list of them. `for in` would show what is inherited, too; what inherits
// anything but Object.prototype is left to Object.keys().
function isShape(value: Fields, { names }: Shape): boolean {
  if (isPolluted || Object.getPrototypeOf(value) !== ObjectPrototype) return false
  let index = 0
  for (const name in value) if (name !== names[index++]) return false
  return index === names.length
}

function putShape(number: number): void {
  putTag(tags.TAG_SHAPE + (number >> 8))
  putTag(number & 0xff)
}

function putSignature({ signature, words }: Shape): void {
  sink.reserve(signature.length)
  const { bytes, view } = sink
  let place = sink.at
  for (let index = 0; index < words.length; index++, place += 4) {
    view.setUint32(place, words[index] as number, true)
  }
  for (let index = 4 * words.length; index < signature.length; index++) {
    bytes[place++] = signature[index] as number
  }
  sink.at = place
}
