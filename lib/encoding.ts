// lib/encoding.ts — how values become bytes: the choices of the `encoding` option behind one shape.
//
// A value goes to the addon as text, as bytes, or as a head in the scratch with or without text (lib/value/FORMAT.md);
// write() leaves what to pass in `encoded`, so that nothing is allocated on the way.
import { types } from 'node:util'

import { ownBytes } from './bytes.ts'
import { invalid, isVarveError, VarveError } from './errors.ts'
import { encodeKey } from './key.ts'
import { scratch } from './native.ts'
import {
  decodeFields,
  decodeValue,
  encodedText,
  encodeValue,
  isDetached,
  notAnObject,
  type Shapes,
} from './value.ts'

/** A codec of the user's own. Neither function may use a store. */
export interface UserEncoding<V> {
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array): V
}

/** What the named encodings take and give. */
export interface Encodings {
  readonly value: unknown
  readonly json: unknown
  readonly string: string
  readonly bytes: Uint8Array
}

/** The encodings that can hold values of type V. */
export type EncodingOption<V> =
  | 'value'
  | 'json'
  | ([V] extends [string] ? 'string' : never)
  | ([V] extends [Uint8Array] ? 'bytes' : never)
  | UserEncoding<V>

/** An encoding of any type. */
export type AnyEncoding =
  keyof Encodings | { encode(value: never): Uint8Array; decode(bytes: Uint8Array): unknown }

/** The type of the values of an encoding. */
export type ValueOf<E extends AnyEncoding> = E extends keyof Encodings
  ? Encodings[E]
  : E extends { decode(bytes: Uint8Array): infer V }
    ? V
    : never

/** What write() prepared: arguments of the addon's put. */
export const encoded: { value: string | Uint8Array | undefined; headBytes: number } = {
  value: undefined,
  headBytes: -1,
}

/**
 * True while code that is not ours may run between a key or value and its bytes (getters, toJSON, a user's encode and decode).
 * It must not use a store: both would write into the same scratch.
 */
export const encoding = { underWay: false }

/** Leaves a value in `encoded`, with the mark set. */
export function writeValue(by: Encoding, value: unknown, bytesMax: number): void {
  encoding.underWay = true
  try {
    by.write(value, bytesMax)
  } finally {
    encoding.underWay = false
  }
}

/** writeValue() of what an increment adds. */
export function writeAddend(by: Encoding, addend: unknown, bytesMax: number): void {
  if (typeof addend !== 'bigint' && !Number.isFinite(addend))
    throw invalid('by', 'a finite number or a bigint', addend)
  if (!by.hasNumbers)
    throw new VarveError('INVALID', "increment: only where the encoding is 'value'")
  writeValue(by, addend, bytesMax)
}

/** Encodes a key that is no string into the scratch, with the mark set if it could run code; answers its size. */
export function writeKey(key: unknown): number {
  if (typeof key !== 'object') return encodeKey(key, 'key', scratch.key, 0)
  return marked(() => encodeKey(key, 'key', scratch.key, 0))
}

/** Runs `run` with the mark set. */
export function marked<T>(run: () => T): T {
  const before = encoding.underWay
  encoding.underWay = true
  try {
    return run()
  } finally {
    encoding.underWay = before
  }
}

const NARROW = 0x01
const WIDE = 0x02
const BYTES = 0x03
const HEAD = 0x10
const SPLIT_NARROW = 0x11
const SPLIT_WIDE = 0x12
const USER = 0x20

export interface Encoding {
  /** Whether numbers are stored in the form that native code can add to. */
  readonly hasNumbers: boolean
  /** TOO_LARGE above `bytesMax`, which is what a commit may have. */
  write(value: unknown, bytesMax: number): void
  /** `at` and `size` say where the head, or the bytes, lie in the scratch. */
  read(kind: number, at: number, size: number, text: string): unknown
  /** The same of an object, less all fields but those named. */
  readFields(
    kind: number,
    at: number,
    size: number,
    text: string,
    names: readonly string[],
  ): unknown
}

function wrong(kind: number, wanted: string): VarveError {
  return new VarveError(
    'CORRUPT',
    `value: stored as kind ${kind}, but the encoding here is ${wanted}`,
  )
}

function pass(value: string | Uint8Array | undefined, headBytes: number): void {
  encoded.value = value
  encoded.headBytes = headBytes
}

// The addon copies what it is given before it measures it.
function passWhole(value: string | Uint8Array, bytesMax: number, headBytes = -1): void {
  if (value.length > bytesMax) {
    throw new VarveError('TOO_LARGE', `value must encode to at most ${bytesMax} bytes`)
  }
  if (value.length === 0 && typeof value !== 'string' && isDetached(value.buffer)) {
    throw new VarveError('INVALID', 'value is a detached view, which cannot be stored')
  }
  pass(value, headBytes)
}

function valueEncoding(shapes: Shapes): Encoding {
  return {
    hasNumbers: true,
    write(value, bytesMax) {
      if (typeof value === 'string' || types.isUint8Array(value)) return passWhole(value, bytesMax)
      const headBytes = encodeValue(value, scratch, bytesMax, shapes)
      const text = encodedText()
      pass(text === '' ? undefined : text, headBytes)
    },
    read(kind, at, size, text) {
      if (isHead(kind)) return decodeValue(scratch.bytes, scratch.view, at, size, text, shapes)
      if (kind === NARROW || kind === WIDE) return text
      if (kind === BYTES) return ownBytes(at, size)
      throw wrong(kind, "'value'")
    },
    readFields(kind, at, size, text, names) {
      if (isHead(kind)) {
        return decodeFields(scratch.bytes, scratch.view, at, size, text, shapes, names)
      }
      if (kind === NARROW || kind === WIDE || kind === BYTES) throw notAnObject()
      throw wrong(kind, "'value'")
    },
  }
}

const isHead = (kind: number): boolean =>
  kind === SPLIT_NARROW || kind === HEAD || kind === SPLIT_WIDE

// The encodings that know nothing of fields read everything first.
function withFields(by: Omit<Encoding, 'readFields' | 'hasNumbers'>): Encoding {
  return {
    ...by,
    hasNumbers: false,
    readFields: (kind, at, size, text, names) => pick(by.read(kind, at, size, text), names),
  }
}

function pick(value: unknown, names: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) throw notAnObject()
  const all = Object.entries(value).filter(([name]) => names.includes(name))
  return Object.fromEntries(all)
}

const stringEncoding = withFields({
  write(value, bytesMax) {
    if (typeof value !== 'string') throw invalid('value', "a string (encoding 'string')", value)
    passWhole(value, bytesMax)
  },
  read(kind, _at, _size, text) {
    if (kind !== NARROW && kind !== WIDE) throw wrong(kind, "'string'")
    return text
  },
})

const bytesEncoding = withFields({
  write(value, bytesMax) {
    if (!types.isUint8Array(value)) throw invalid('value', "a Uint8Array (encoding 'bytes')", value)
    passWhole(value, bytesMax)
  },
  read(kind, at, size) {
    if (kind !== BYTES) throw wrong(kind, "'bytes'")
    return ownBytes(at, size)
  },
})

const jsonEncoding = withFields({
  write(value, bytesMax) {
    const text = toJson(value)
    if (typeof text !== 'string')
      throw invalid('value', "something that JSON has (encoding 'json')", value)
    passWhole(text, bytesMax)
  },
  read(kind, _at, _size, text) {
    if (kind !== NARROW && kind !== WIDE) throw wrong(kind, "'json'")
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new VarveError('CORRUPT', 'value: stored text is no JSON', { cause })
    }
  },
})

function toJson(value: unknown): unknown {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    if (isVarveError(cause)) throw cause
    const message = types.isNativeError(cause) ? cause.message : 'toJSON() failed'
    throw new VarveError('INVALID', `value cannot be JSON: ${message}`, { cause })
  }
}

function userEncoding(user: UserEncoding<unknown>): Encoding {
  return withFields({
    write(value, bytesMax) {
      const bytes: unknown = user.encode(value)
      if (!types.isUint8Array(bytes))
        throw invalid('encoding.encode()', 'a Uint8Array as its answer', bytes)
      passWhole(bytes, bytesMax, -2)
    },
    read(kind, at, size) {
      if (kind !== USER) throw wrong(kind, '{ encode, decode }')
      return marked(() => user.decode(ownBytes(at, size)))
    },
  })
}

/** The encoding of an option; `shapes` are those of the store that it is for. */
export function encodingOf(option: unknown, shapes: Shapes): Encoding {
  if (option === undefined || option === 'value') return valueEncoding(shapes)
  if (option === 'string') return stringEncoding
  if (option === 'bytes') return bytesEncoding
  if (option === 'json') return jsonEncoding
  const user = option as Partial<UserEncoding<unknown>> | null
  if (
    typeof user === 'object' &&
    typeof user?.encode === 'function' &&
    typeof user.decode === 'function'
  ) {
    return userEncoding(user as UserEncoding<unknown>)
  }
  throw invalid('encoding', "'value', 'bytes', 'string', 'json' or { encode, decode }", option)
}
