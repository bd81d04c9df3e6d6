// lib/collection/scalar.ts — values of a fixed size: how each lies in a slot, or as a member.
//
// put() throws REFUSED at what is not of the type or breaks a rule; there is room already.
import { types } from 'node:util'

import { corrupt, isDetached, isObject, REFUSED, setField, sink, source } from '../value.ts'
import type { Rules, TypeDescription } from './description.ts'
import { putUuid, uuidAt } from './uuid.ts'

export { setField }

export interface SlotCodec {
  put(value: unknown, at: number): void
  take(at: number): unknown
}

export const DATE_MAX = 8.64e15

export function slotOf(
  type: TypeDescription,
  width: { readonly bytes: 1 | 2 | 4; readonly signed: boolean },
): SlotCodec {
  switch (type.kind) {
    case 'int32':
      return int32Of(type.rules, width)
    case 'int64':
      return int64Of(type.rules)
    case 'float64':
      return float64Of(type.rules)
    case 'date':
      return dateOf(type.rules)
    case 'enum':
      return enumOf(type.values ?? [])
    case 'uuid':
      return UUID
    case 'point':
      return POINT
    default:
      return BOX
  }
}

/** Whether a number is within `least` and `greatest`. */
export function rangeCheck({ least, greatest }: Rules = {}): (value: number | bigint) => boolean {
  const low = least ?? -Infinity
  const high = greatest ?? Infinity
  return (value) => value >= low && value <= high
}

function int32Of(
  rules: Rules | undefined,
  { bytes, signed }: { bytes: 1 | 2 | 4; signed: boolean },
): SlotCodec {
  const isFine = rangeCheck(rules)
  return {
    put(value, at) {
      if (typeof value !== 'number' || (value | 0) !== value || !isFine(value)) throw REFUSED
      if (bytes === 4) sink.view.setInt32(at, value, true)
      else if (bytes === 2) sink.view.setInt16(at, value, true)
      else sink.bytes[at] = value
    },
    take(at) {
      const { view } = source
      if (bytes === 4) return view.getInt32(at, true)
      if (bytes === 2) return signed ? view.getInt16(at, true) : view.getUint16(at, true)
      return signed ? view.getInt8(at) : view.getUint8(at)
    },
  }
}

export const INT64_MIN = -(2n ** 63n)
export const INT64_MAX = 2n ** 63n - 1n

function int64Of({ least = INT64_MIN, greatest = INT64_MAX }: Rules = {}): SlotCodec {
  return {
    put(value, at) {
      if (typeof value !== 'bigint' || value < least || value > greatest) throw REFUSED
      sink.view.setBigInt64(at, value, true)
    },
    take: (at) => source.view.getBigInt64(at, true),
  }
}

function float64Of(rules: Rules | undefined): SlotCodec {
  const isFine = rangeCheck(rules) // NaN is within nothing.
  return {
    put(value, at) {
      if (typeof value !== 'number' || !isFine(value)) throw REFUSED
      sink.view.setFloat64(at, value, true)
    },
    take: (at) => source.view.getFloat64(at, true),
  }
}

const timeOf = Date.prototype.getTime

/** Milliseconds of a date of any realm, NaN for what is none. */
export function millisecondsOf(value: unknown): number {
  if (typeof value !== 'object') return NaN
  try {
    return timeOf.call(value as Date)
  } catch {
    return NaN
  }
}

/** A stored date; CORRUPT if it can be none. */
export function dateAt(ms: number): Date {
  if (ms !== Math.trunc(ms) || Math.abs(ms) > DATE_MAX) throw corrupt('a date that is none')
  return new Date(ms)
}

function dateOf(rules: Rules | undefined): SlotCodec {
  const isFine = rangeCheck(rules)
  return {
    put(value, at) {
      const ms = millisecondsOf(value)
      if (!isFine(ms)) throw REFUSED
      sink.view.setFloat64(at, ms, true)
    },
    take: (at) => dateAt(source.view.getFloat64(at, true)),
  }
}

function enumOf(values: readonly string[]): SlotCodec {
  const numbers = new Map(values.map((value, number) => [value, number]))
  const isWide = values.length > 256
  return {
    put(value, at) {
      const number = numbers.get(value as string)
      if (number === undefined) throw REFUSED
      if (isWide) sink.view.setUint16(at, number, true)
      else sink.bytes[at] = number
    },
    take: (at) =>
      enumAt(values, isWide ? source.view.getUint16(at, true) : source.view.getUint8(at)),
  }
}

export function enumAt(values: readonly string[], number: number): string {
  const value = values[number]
  if (value === undefined) throw corrupt('an enum of no such value')
  return value
}

const UUID: SlotCodec = {
  put(value, at) {
    if (typeof value !== 'string' || !putUuid(value, sink.bytes, at)) throw REFUSED
  },
  take: (at) => uuidAt(source.bytes, at),
}

const isWithin = (degrees: unknown, most: number): degrees is number =>
  typeof degrees === 'number' && degrees >= -most && degrees <= most

const POINT: SlotCodec = {
  put(value, at) {
    const { lat, lng } = exactly(value, 2)
    if (!isWithin(lat, 90) || !isWithin(lng, 180)) throw REFUSED
    sink.view.setFloat64(at, lat, true)
    sink.view.setFloat64(at + 8, lng, true)
  },
  take: (at) => ({
    lat: source.view.getFloat64(at, true),
    lng: source.view.getFloat64(at + 8, true),
  }),
}

const BOX: SlotCodec = {
  put(value, at) {
    const { south, west, north, east } = exactly(value, 4)
    if (!isWithin(south, 90) || !isWithin(west, 180)) throw REFUSED
    if (!isWithin(north, 90) || !isWithin(east, 180) || south > north) throw REFUSED
    const { view } = sink
    view.setFloat64(at, south, true)
    view.setFloat64(at + 8, west, true)
    view.setFloat64(at + 16, north, true)
    view.setFloat64(at + 24, east, true)
  },
  take(at) {
    const { view } = source
    return {
      south: view.getFloat64(at, true),
      west: view.getFloat64(at + 8, true),
      north: view.getFloat64(at + 16, true),
      east: view.getFloat64(at + 24, true),
    }
  },
}

/** An object of so many fields, which its caller finds by their names. */
function exactly(value: unknown, count: number): Record<string, unknown> {
  const fields = fieldsOf(value)
  if (fields === undefined) throw REFUSED
  let left = count
  for (const _ in fields) left--
  if (left !== 0) throw REFUSED
  return fields
}

const ObjectPrototype = Object.prototype
// Object.prototype has fields that every object seems to have, because somebody put them there.
let isPolluted = false

/** Before documents are looked at. */
export function beginDocument(): void {
  isPolluted = false
  for (const _ in ObjectPrototype) isPolluted = true
}

/** The own fields of an object as a plain one: itself, if it is that. undefined for what is no object of fields. */
export function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  if (Object.getPrototypeOf(value) === ObjectPrototype && !isPolluted) {
    return value as Record<string, unknown>
  }
  if (!isObject(value)) return undefined
  return Object.assign(Object.create(null) as Record<string, unknown>, value)
}

/** Whether a string keeps its rules. */
export function stringCheck(rules: Rules | undefined): (value: string) => boolean {
  if (rules === undefined) return () => true
  const { shortest = 0, longest = Infinity, pattern } = rules
  const matches = pattern && new RegExp(pattern.source, pattern.flags)
  return (value) =>
    value.length >= shortest && value.length <= longest && (matches?.test(value) ?? true)
}

export const isBytes = (value: unknown): value is Uint8Array =>
  types.isUint8Array(value) && !(value.length === 0 && isDetached(value.buffer))

/** So many numbers that a vector can hold; undefined for anything else. */
export function floatsOf(value: unknown, dimensions: number): ArrayLike<number> | undefined {
  if (types.isFloat32Array(value) || types.isFloat64Array(value) || Array.isArray(value)) {
    const numbers = value as ArrayLike<unknown>
    if (numbers.length !== dimensions) return undefined
    for (let index = 0; index < dimensions; index++)
      if (
        !Number.isFinite(numbers[index]) ||
        !Number.isFinite(Math.fround(numbers[index] as number))
      )
        return undefined
    return numbers as ArrayLike<number>
  }
  return undefined
}

/** Two counts as bytes. */
export function countsOf(...counts: readonly number[]): number[] {
  const bytes: number[] = []
  for (const count of counts) {
    let rest = count
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    bytes.push(rest)
  }
  return bytes
}
