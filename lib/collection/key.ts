// lib/collection/key.ts — fields as ordered keys: the same as native/pure/codec/record/record_key.h.
//
// Most values are keys as they are. A uuid is its 16 bytes; an enum is its string. A collection's key is the value of its field, or an array
// of those of its fields.
import { invalid, isVarveError } from '../errors.ts'
import { encodeKey, type Key } from '../key.ts'
import type { Description, TypeDescription } from './description.ts'
import { columnAt } from './paths.ts'
import { problemOf } from './refusal.ts'
import { putUuid, uuidAt } from './uuid.ts'

/** A value of a type as it stands in keys and bounds; what is absent is null. The value is of the type. */
export function keyPart(type: TypeDescription | undefined, value: unknown): Key {
  if (value === undefined || value === null) return null
  if (type?.kind !== 'uuid') return value as Key
  const bytes = new Uint8Array(16)
  putUuid(value as string, bytes, 0)
  return bytes
}

/** The value that stands in a key so. */
export function partOfKey(type: TypeDescription | undefined, part: Key): unknown {
  return type?.kind === 'uuid' && part instanceof Uint8Array ? uuidAt(part, 0) : part
}

interface Step {
  readonly names: readonly string[]
  readonly type: TypeDescription | undefined
}

function stepsOf({ key, fields }: Description): Step[] {
  const paths = typeof key.on === 'string' ? [key.on] : key.on
  return paths.map((path) => {
    const type = columnAt(fields, path)?.type
    return {
      names: type?.kind !== undefined && !path.includes('.') ? [path] : path.split('.'),
      type,
    }
  })
}

function valueAt(document: unknown, names: readonly string[]): unknown {
  let value = document
  for (const name of names) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** Takes the key out of a document that is complete. INVALID where it has none. */
export function keyReaderOf(description: Description): (document: unknown) => Key {
  const steps = stepsOf(description)
  const read = (document: unknown, { names, type }: Step): Key => {
    const value = valueAt(document, names)
    checkPart(type, value, `document.${names.join('.')}`)
    return keyPart(type, value)
  }
  const [only] = steps
  if (typeof description.key.on === 'string') return (document) => read(document, only as Step)
  return (document) => steps.map((step) => read(document, step))
}

/** Makes of what a user calls a key the one of the store. INVALID where it can be none. */
export function keyWriterOf(description: Description): (key: unknown) => Key {
  const steps = stepsOf(description)
  const [only] = steps
  if (typeof description.key.on === 'string')
    return (key) => {
      checkPart(only?.type, key, 'key')
      return keyPart(only?.type, key)
    }
  return (key) => {
    if (!Array.isArray(key) || key.length !== steps.length)
      throw invalid('key', `an array of ${steps.length} values`, key)
    return steps.map(({ type }, index) => {
      const part: unknown = (key as readonly unknown[])[index]
      checkPart(type, part, `key[${index}]`)
      return keyPart(type, part)
    })
  }
}

/** The other way: what a user calls the key that is stored so. */
export function keyShower(description: Description): (key: Key) => unknown {
  const steps = stepsOf(description)
  const [only] = steps
  if (typeof description.key.on === 'string') return (key) => partOfKey(only?.type, key)
  return (key) => (key as readonly Key[]).map((part, index) => partOfKey(steps[index]?.type, part))
}

const KEY_BYTES_MAX = 65_536
let room: Uint8Array | undefined

function checkPart(type: TypeDescription | undefined, value: unknown, where: string): void {
  const problem = type === undefined ? problemOfAny(value, where) : problemOf(type, value, where)
  if (problem !== undefined) throw problem
}

// Of no declared type: any key but none at all.
function problemOfAny(value: unknown, where: string): unknown {
  if (value === undefined || value === null) return invalid(where, 'an ordered key', value)
  room ??= new Uint8Array(KEY_BYTES_MAX)
  try {
    encodeKey(value, where, room, 0)
    return undefined
  } catch (error) {
    return isVarveError(error) ? error : invalid(where, 'an ordered key', value)
  }
}
