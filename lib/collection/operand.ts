// lib/collection/operand.ts — a value that a field is compared with, as the ordered key that C++ makes of the field.
//
// Where it stands in an array, which is how parts of indexes have it: native/pure/codec/FORMAT.md.
import { encodeKey, type Key } from '../key.ts'
import { invalid, VarveError } from '../errors.ts'
import { keyRoom } from '../range.ts'
import { keyPart } from './key.ts'
import { keyKinds } from './paths.ts'
import { isUuid } from './uuid.ts'
import type { TypeDescription, TypeKind } from './description.ts'

const EXPECTED: Partial<Readonly<Record<TypeKind, string>>> = {
  boolean: 'true or false',
  int32: 'a number',
  float64: 'a number',
  int64: 'a bigint',
  string: 'a string',
  enum: 'a string',
  bytes: 'a Uint8Array',
  date: 'a Date',
  uuid: 'a uuid',
}

function fits(kind: TypeKind, value: unknown): boolean {
  switch (kind) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'int32':
    case 'float64':
      return typeof value === 'number' && value === value
    case 'int64':
      return typeof value === 'bigint'
    case 'string':
    case 'enum':
      return typeof value === 'string'
    case 'bytes':
      return value instanceof Uint8Array
    case 'date':
      return value instanceof Date && !Number.isNaN(value.getTime())
    case 'uuid':
      return isUuid(value)
    default:
      return kind === 'key' && value !== null && value !== undefined
  }
}

function keyValue(type: TypeDescription, value: unknown, where: string): Key {
  if (value === undefined)
    throw new VarveError('INVALID', `${where} is undefined, which is no condition: leave it out`)
  if (fits(type.kind, value)) return keyPart(type, value)
  throw invalid(where, EXPECTED[type.kind] ?? 'a value that has an order', value)
}

/** The bytes of a key as an element; of its own memory. */
export function operandOf(type: TypeDescription, value: unknown, where: string): Uint8Array {
  const end = encodeKey([keyValue(type, value, where)], where, keyRoom, 0)
  return keyRoom.slice(1, end - 1)
}

/** What all keys of strings begin with that begin so. */
export function prefixOperand(value: unknown, where: string): Uint8Array {
  if (typeof value !== 'string') throw invalid(where, 'a string', value)
  const end = encodeKey([value], where, keyRoom, 0)
  return keyRoom.slice(1, end - 2)
}

export const isOrdered = (type: TypeDescription): boolean => keyKinds.has(type.kind)
