// lib/fields.ts — asking for some fields of stored objects: the types that say what comes back, and the check.
//
// What comes back is a plain object with those of the fields that the stored one has, and nothing else. Why it is asked for by
// name: lib/value/fields.ts.
import type { Encoding } from './encoding.ts'
import { invalid } from './errors.ts'

type Opaque =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | readonly unknown[]
  | ArrayBufferView
  | ArrayBuffer
  | Date
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>

/** The names of the fields of V: none where V is no object; any where V is not known. */
export type FieldOf<V> = unknown extends V
  ? string
  : [Extract<V, Opaque>] extends [never]
    ? Extract<keyof V, string>
    : never

/** V with the fields K alone. */
export type FieldsOf<V, K extends string> = unknown extends V
  ? { readonly [name in K]?: unknown }
  : Pick<V, K & keyof V>

export interface FieldsOptions<K extends string> {
  /** Only these fields of a stored object, in a plain object; those that it does not have are missing there. */
  readonly fields: readonly K[]
}

/** The names that are wanted; undefined for everything. */
export function checkFields(fields: unknown): readonly string[] | undefined {
  if (fields === undefined) return undefined
  if (!Array.isArray(fields)) throw invalid('fields', 'an array of names', fields)
  const names: readonly unknown[] = fields
  for (let index = 0; index < names.length; index++) {
    const name = names[index]
    if (typeof name !== 'string') throw invalid(`fields[${index}]`, 'the name of a field', name)
  }
  return names as readonly string[]
}

/** An encoding that reads these fields alone. */
export function onlyFields(by: Encoding, names: readonly string[]): Encoding {
  return {
    ...by,
    read: (kind, at, size, text) => by.readFields(kind, at, size, text, names),
  }
}
