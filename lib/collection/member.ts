// lib/collection/member.ts — members of arrays, maps and unions: one after the other, without ends.
//
// A MemberCodec is made once for a type, of closures: a loop over an array calls one function for each element, whichever it is. It writes
// into the sink of lib/value/ and reads from its source, so that free-form parts go the same way.
//
// write() throws REFUSED at what is not of its type; refusal.ts says what it was. read() never goes beyond the ends of the source,
// and makes nothing larger than what is left to read: each member has a byte at least.
import { isVarveError } from '../errors.ts'
import { decodeKey, encodeKey } from '../key.ts'
import {
  corrupt,
  move,
  moveText,
  put,
  putCount,
  REFUSED,
  sink,
  source,
  take,
  takeCount,
  takeLength,
  textOf,
} from '../value.ts'
import type { Rules, TypeDescription } from './description.ts'
import { fixedBytes, widthOfInt32 } from './layout.ts'
import { isOfType, namesOf } from './refusal.ts'
import * as scalars from './scalar.ts'

export interface MemberCodec {
  write(value: unknown): void
  read(): unknown
}

const PRESENT = 0
const NULL = 1
const ABSENT = 2
const KEY_BYTES_MAX = 65_536

/** With the byte before it, where it may be null or absent. */
export function memberOf(type: TypeDescription): MemberCodec {
  const content = contentOf(type)
  if (!type.optional && !type.nullable) return content
  return {
    write(value) {
      // Null is a value of json and of keys.
      const said = value === undefined ? ABSENT : value === null && type.nullable ? NULL : PRESENT
      if (said === ABSENT && !type.optional) throw REFUSED
      sink.reserve(1)
      sink.bytes[sink.at++] = said
      if (said === PRESENT) content.write(value)
    },
    read() {
      const said = source.bytes[move(1)] as number
      if (said === PRESENT) return content.read()
      if (said === NULL && type.nullable) return null
      if (said === ABSENT && type.optional) return undefined
      throw corrupt('a member neither there nor not')
    },
  }
}

/** What is there: the blob of a column, or a member. */
export function contentOf(type: TypeDescription): MemberCodec {
  switch (type.kind) {
    case 'boolean':
      return BOOLEAN
    case 'string':
      return stringOf(type.rules)
    case 'bytes':
      return bytesOf(type.rules)
    case 'vector':
      return vectorOf(type.dimensions ?? 0)
    case 'array':
      return arrayOf(type)
    case 'map':
      return mapOf(type)
    case 'union':
      return unionOf(type)
    case 'object':
      return objectOf(type)
    case 'json':
      return JSON_MEMBER
    case 'key':
      return KEY
    default:
      return slotOf(type)
  }
}

const BOOLEAN: MemberCodec = {
  write(value) {
    if (typeof value !== 'boolean') throw REFUSED
    sink.reserve(1)
    sink.bytes[sink.at++] = value ? 1 : 0
  },
  read() {
    const truth = source.bytes[move(1)] as number
    if (truth > 1) throw corrupt('a boolean that is none')
    return truth === 1
  },
}

function slotOf(type: TypeDescription): MemberCodec {
  const size = fixedBytes(type)
  const { put: putSlot, take: takeSlot } = scalars.slotOf(type, widthOfInt32(type.rules))
  return {
    write(value) {
      sink.reserve(size)
      putSlot(value, sink.at)
      sink.at += size
    },
    read: () => takeSlot(move(size)),
  }
}

function stringOf(rules: Rules | undefined): MemberCodec {
  const isFine = scalars.stringCheck(rules)
  return {
    write(value) {
      if (typeof value !== 'string' || !isFine(value)) throw REFUSED
      sink.reserve(8)
      putCount(value.length)
      sink.addText(value)
    },
    read() {
      const units = takeCount()
      return textOf(moveText(units), units)
    },
  }
}

const isInSize = (size: number, { shortest = 0, longest = Infinity }: Rules = {}): boolean =>
  size >= shortest && size <= longest

/** The bytes of a column, which have no count. */
export function putRaw(value: unknown, rules: Rules | undefined): void {
  if (!scalars.isBytes(value) || !isInSize(value.length, rules)) throw REFUSED
  putRun(value)
}

function bytesOf(rules: Rules | undefined): MemberCodec {
  return {
    write(value) {
      if (!scalars.isBytes(value)) throw REFUSED
      sink.reserve(8)
      putCount(value.length)
      putRaw(value, rules)
    },
    read: () => takeRaw(takeLength()),
  }
}

/** A copy of so many bytes. */
export function takeRaw(size: number): Uint8Array {
  const from = move(size)
  return new Uint8Array(source.bytes.subarray(from, from + size))
}

function vectorOf(dimensions: number): MemberCodec {
  return {
    write(value) {
      const floats = scalars.floatsOf(value, dimensions)
      if (floats === undefined) throw REFUSED
      sink.reserve(4 * dimensions)
      for (let index = 0; index < dimensions; index++)
        sink.view.setFloat32(sink.at + 4 * index, floats[index] as number, true)
      sink.at += 4 * dimensions
    },
    read() {
      const from = move(4 * dimensions)
      const floats = new Float32Array(dimensions)
      for (let index = 0; index < dimensions; index++)
        floats[index] = source.view.getFloat32(from + 4 * index, true)
      return floats
    },
  }
}

function arrayOf({ members = [], rules }: TypeDescription): MemberCodec {
  const member = memberOf(members[0] as TypeDescription)
  return {
    write(value) {
      if (!Array.isArray(value) || !isInSize(value.length, rules)) throw REFUSED
      sink.reserve(8)
      putCount(value.length)
      // Each takes a byte at least, so that one too long is refused here and not when it is half written.
      sink.reserve(value.length)
      for (let index = 0; index < value.length; index++) member.write(value[index])
    },
    read() {
      const array: unknown[] = []
      for (let left = takeLength(); left > 0; left--) array.push(member.read())
      return array
    },
  }
}

function mapOf({ members = [], rules }: TypeDescription): MemberCodec {
  const member = memberOf(members[0] as TypeDescription)
  return {
    write(value) {
      const fields = scalars.fieldsOf(value)
      if (fields === undefined) throw REFUSED
      const names = Object.keys(fields)
      if (!isInSize(names.length, rules)) throw REFUSED
      sink.reserve(8)
      putCount(names.length)
      for (const name of names) {
        sink.reserve(8)
        putCount(name.length)
        sink.addText(name)
        member.write(fields[name])
      }
    },
    read() {
      const object: Record<string, unknown> = {}
      for (let left = takeLength(); left > 0; left--) {
        const units = takeCount()
        scalars.setField(object, textOf(moveText(units), units), member.read())
      }
      return object
    },
  }
}

// The first alternative that takes a value: to be asked before anything is written.
function unionOf({ members = [] }: TypeDescription): MemberCodec {
  const alternatives = members.map(memberOf)
  return {
    write(value) {
      const number = members.findIndex((type) => isOfType(type, value))
      if (number < 0) throw REFUSED
      sink.reserve(1)
      sink.bytes[sink.at++] = number
      ;(alternatives[number] as MemberCodec).write(value)
    },
    read() {
      const alternative = alternatives[source.bytes[move(1)] as number]
      if (alternative === undefined) throw corrupt('an unknown alternative')
      return alternative.read()
    },
  }
}

function objectOf({ fields = [] }: TypeDescription): MemberCodec {
  const members = fields.map(({ name, type }) => ({ name, codec: memberOf(type) }))
  const names = namesOf(fields)
  return {
    write(value) {
      const given = scalars.fieldsOf(value)
      if (given === undefined) throw REFUSED
      for (const name of Object.keys(given)) if (!names.has(name)) throw REFUSED
      for (const { name, codec } of members) codec.write(given[name])
    },
    read() {
      const object: Record<string, unknown> = {}
      for (const { name, codec } of members) {
        const value = codec.read()
        if (value !== undefined) scalars.setField(object, name, value)
      }
      return object
    },
  }
}

// Its text and its head have counts, for a reader that does not know the form.
const JSON_MEMBER: MemberCodec = {
  write(value) {
    if (value === undefined) throw REFUSED
    const countsAt = sink.at
    const textBefore = sink.text.length
    put(value)
    const head = sink.at - countsAt
    const text = sink.text.length - textBefore
    sink.reserve(16)
    const counts = scalars.countsOf(text, head)
    sink.bytes.copyWithin(countsAt + counts.length, countsAt, sink.at)
    sink.bytes.set(counts, countsAt)
    sink.at += counts.length
  },
  read() {
    const textEnd = takeCount() + source.textAt
    const end = takeLength() + source.at
    const value = take()
    if (source.at !== end || source.textAt !== textEnd) throw corrupt('json of another size')
    return value
  },
}

let room: Uint8Array | undefined

function encodedKey(value: unknown): Uint8Array {
  room ??= new Uint8Array(KEY_BYTES_MAX)
  try {
    return room.subarray(0, encodeKey(value, 'key', room, 0))
  } catch (error) {
    throw isVarveError(error) ? REFUSED : error
  }
}

/** The key of a column, which has no count. */
export function putKeyRaw(value: unknown): void {
  putRun(encodedKey(value))
}

function putRun(run: Uint8Array): void {
  sink.reserve(run.length)
  sink.bytes.set(run, sink.at)
  sink.at += run.length
}

const KEY: MemberCodec = {
  write(value) {
    const key = encodedKey(value)
    sink.reserve(8)
    putCount(key.length)
    putRun(key)
  },
  read() {
    const size = takeLength()
    const from = move(size)
    return decodeKey(source.bytes, from, from + size)
  },
}
