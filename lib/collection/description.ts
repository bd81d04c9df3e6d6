// lib/collection/description.ts — a declaration as plain data: what the catalog keeps and C++ reads.
//
//   t.int32({ min: 0 }) … ──collection()──▶ Description ──writeDescription()──▶ bytes ──▶ catalog, native/pure/codec/record
//
// Functions (defaults that are made, computed fields, conversions) are no data: they are in `Live` (declaration.ts), by path, and only
// that they exist is described. Field ids are 0 until a description is made a version of a collection (numberFields()): they lead
// from a field to what it was in older versions, whatever its name.
//
// Bytes: native/pure/codec/record/FORMAT.md

export type TypeKind =
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'date'
  | 'uuid'
  | 'enum'
  | 'point'
  | 'box'
  | 'vector'
  | 'array'
  | 'map'
  | 'union'
  | 'object'
  | 'json'
  | 'key'

/** What happens to a document whose reference's document is deleted. */
export type OnDelete = 'restrict' | 'cascade' | 'set null'

export interface Rules {
  /** Of numbers and dates (milliseconds); of int64 a bigint. */
  readonly least?: number | bigint | undefined
  readonly greatest?: number | bigint | undefined
  /** Of strings (units), bytes, arrays and maps. */
  readonly shortest?: number | undefined
  readonly longest?: number | undefined
  readonly pattern?: { readonly source: string; readonly flags: string } | undefined
}

export interface TypeDescription {
  readonly kind: TypeKind
  readonly optional: boolean
  readonly nullable: boolean
  readonly rules?: Rules | undefined
  readonly reference?: { readonly collection: string; readonly onDelete: OnDelete } | undefined
  /** Of an enum. */
  readonly values?: readonly string[] | undefined
  /** Of a vector. */
  readonly dimensions?: number | undefined
  /** The type in an array or map, or the alternatives of a union. */
  readonly members?: readonly TypeDescription[] | undefined
  /** Of an object. */
  readonly fields?: readonly FieldDescription[] | undefined
}

export interface FieldDescription {
  readonly name: string
  readonly id: number
  readonly type: TypeDescription
  /** It has a default that is no function. */
  readonly hasDefault: boolean
  /** By a function, or a generated key. */
  readonly filled: boolean
  readonly computed: boolean
  /** No document shows it: an index is made of it. */
  readonly hidden: boolean
}

export type Generated = 'uuid' | 'sequence'

export interface KeyDescription {
  /** One path, whose value is the key; or an array of paths, whose values are. */
  readonly on: string | readonly string[]
  readonly generated?: Generated | undefined
}

export type IndexKind = 'ordered' | 'bitmap' | 'text' | 'geo'

export interface IndexDescription {
  readonly name: string
  readonly kind: IndexKind
  readonly unique: boolean
  /** An entry for each element of an array. */
  readonly multiple: boolean
  readonly revision: number
  readonly parts: readonly { readonly path: string; readonly descending: boolean }[]
  /** JSON of `where`; empty: every document. */
  readonly condition: string
  /** JSON of what else its kind has; empty: nothing. */
  readonly options: string
}

export interface Description {
  readonly name: string
  readonly extra: 'refuse' | 'keep'
  readonly fields: readonly FieldDescription[]
  readonly key: KeyDescription
  readonly indexes: readonly IndexDescription[]
  /** A record with the defaults that are no functions; undefined where there are none, or before it is a version. */
  readonly defaults?: Uint8Array | undefined
}
