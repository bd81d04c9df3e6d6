// lib/collection/field.ts — `t`: what fields are declared with.
//
//   t.string({ max: 80 })  .optional()  .nullable()  .default('x')  .computed((d) => …)  .references(Users)  .was('fullName')  .from((old) => …)
//
// A Field is a value that never changes; each of its methods answers another one. Options are checked where they are given, so that a
// mistake is reported at its line. What a field holds is data (`type`) and, apart from it, the functions that no catalog can keep.
import { invalid, VarveError } from '../errors.ts'
import type { Box, Point } from '../geo.ts'
import type { Key } from '../key.ts'
import { checkNames } from '../options.ts'
import type { OnDelete, Rules, TypeDescription, TypeKind } from './description.ts'
import { checkCount, checkDateRange, checkRange, patternOf } from './rules.ts'
import type { Documented, Fields } from './types.ts'

/** How a field stands in what insert() takes. */
export type Need = 'given' | 'optional' | 'filled' | 'computed'

/** A collection that a reference can name, whatever it holds. */
export interface Referable {
  readonly name: string
}

/** What a field is besides its type: all functions are here. */
export interface Ways {
  /** A value, or a function that makes one. */
  readonly fill?: { readonly value: unknown } | { readonly make: () => unknown } | undefined
  readonly generated?: 'uuid' | 'sequence' | undefined
  readonly compute?: ((document: never) => unknown) | undefined
  readonly was?: string | undefined
  readonly from?: ((old: never) => unknown) | undefined
  /** Of an object, or of what members are. */
  readonly fields?: Fields | undefined
  readonly members?: readonly Field[] | undefined
}

export interface ReferenceOptions {
  /** What happens to this document when the one it names is deleted. Default: 'restrict', the deletion is refused. */
  readonly onDelete?: OnDelete | undefined
}

export class Field<out V = unknown, out N extends Need = Need, out R = unknown> {
  /** For the compiler alone. */
  declare readonly '~value': V
  declare readonly '~need': N
  declare readonly '~reference': R
  readonly type: TypeDescription
  readonly ways: Ways

  constructor(type: TypeDescription, ways: Ways = {}) {
    this.type = type
    this.ways = ways
  }

  /** The field may be missing; `undefined` is the same as missing. */
  optional(): Field<V, 'optional', R> {
    return new Field({ ...this.type, optional: true }, this.ways)
  }

  /** The field may be null. */
  nullable(): Field<V | null, N, R> {
    return new Field({ ...this.type, nullable: true }, this.ways)
  }

  /** What insert() puts where the field is missing: a value, or what a function makes each time. */
  default(fill: V | (() => V)): Field<V, 'filled', R> {
    const made = typeof fill === 'function' ? { make: fill as () => unknown } : { value: fill }
    return new Field(this.type, { ...this.ways, fill: made })
  }

  /** Made of the rest of the document whenever it is written; it is never given. */
  computed<D>(compute: (document: D) => V): Field<V, 'computed', R> {
    if (typeof compute !== 'function') throw invalid('computed', 'a function', compute)
    return new Field(this.type, { ...this.ways, compute })
  }

  /** The key of a document of another collection: that one, declared before, or the name of one. */
  references<const T extends Referable | string>(
    target: T,
    options: ReferenceOptions = {},
  ): Field<V, N, T> {
    checkNames(options, ['onDelete'], 'references()')
    const { onDelete = 'restrict' } = options
    if (!['restrict', 'cascade', 'set null'].includes(onDelete))
      throw invalid('onDelete', "'restrict', 'cascade' or 'set null'", onDelete)
    const collection: unknown = typeof target === 'string' ? target : target?.name
    if (typeof collection !== 'string' || collection === '')
      throw invalid('references()', 'a collection or the name of one', target)
    return new Field({ ...this.type, reference: { collection, onDelete } }, this.ways)
  }

  /** The name this field had in the version before. */
  was(name: string): Field<V, N, R> {
    if (typeof name !== 'string' || name === '') throw invalid('was()', 'the name of a field', name)
    return new Field(this.type, { ...this.ways, was: name })
  }

  /** Makes a value of what this field held in the version before, where it had another type. */
  from(convert: (old: never) => V): Field<V, N, R> {
    if (typeof convert !== 'function') throw invalid('from()', 'a function', convert)
    return new Field(this.type, { ...this.ways, from: convert })
  }
}

/** A field that a key can be made of without being given. */
export class KeyField<out V = unknown, out N extends Need = Need> extends Field<V, N, undefined> {
  /** As the key: made at insert where it is missing. A uuid of version 7, or the next number. */
  generated(): Field<V, 'filled', undefined> {
    const generated = this.type.kind === 'uuid' ? 'uuid' : 'sequence'
    return new Field(this.type, { ...this.ways, generated })
  }
}

type Given<V> = Field<V, 'given', undefined>
type Member = Field<unknown, 'given' | 'filled' | 'computed'>

/** From `min` to `max`, both included. */
export interface RangeOptions<V> {
  readonly min?: V | undefined
  readonly max?: V | undefined
}

export interface SizeOptions {
  /** So many at least: units of a string, bytes, elements. */
  readonly min?: number | undefined
  readonly max?: number | undefined
}

export interface StringOptions extends SizeOptions {
  /** What a string must match somewhere: `^` and `$` are yours to write. */
  readonly pattern?: RegExp | undefined
}

const typeOf = (kind: TypeKind, rules?: Rules): TypeDescription => ({
  kind,
  optional: false,
  nullable: false,
  ...(rules === undefined || Object.values(rules).every((rule) => rule === undefined)
    ? {}
    : { rules }),
})

function sized(kind: TypeKind, options: SizeOptions): TypeDescription {
  checkNames(options, ['min', 'max'], `t.${kind}()`)
  return typeOf(kind, checkCount(`t.${kind}()`, options))
}

function membersOf(kind: TypeKind, member: unknown, options: SizeOptions): Field {
  if (!(member instanceof Field)) throw invalid(`t.${kind}()`, 'a field, as t.string()', member)
  if (member.type.optional)
    throw new VarveError('INVALID', `t.${kind}() of optional fields: use nullable()`)
  return new Field({ ...sized(kind, options), members: [member.type] }, { members: [member] })
}

const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** What fields are declared with. */
export const t = {
  string(options: StringOptions = {}): Given<string> {
    checkNames(options, ['min', 'max', 'pattern'], 't.string()')
    const rules = { ...checkCount('t.string()', options), pattern: patternOf(options.pattern) }
    return new Field(typeOf('string', rules))
  },

  /** An integer; from `min` to `max` in one or two bytes where they allow it. */
  int32(options: RangeOptions<number> = {}): KeyField<number, 'given'> {
    const isInt32 = (value: number) => (value | 0) === value
    const rules = checkRange('t.int32()', options, isInt32, `${INT32_MIN} to ${INT32_MAX}`)
    return new KeyField(typeOf('int32', rules))
  },

  /** A bigint. */
  int64(options: RangeOptions<bigint> = {}): KeyField<bigint, 'given'> {
    const isInt64 = (value: bigint) =>
      typeof value === 'bigint' && value >= INT64_MIN && value <= INT64_MAX
    const rules = checkRange('t.int64()', options, isInt64, 'bigints of 64 bits')
    return new KeyField(typeOf('int64', rules))
  },

  /** Any number but NaN. */
  float64(options: RangeOptions<number> = {}): Given<number> {
    const isNumber = (value: number) => typeof value === 'number' && value === value
    return new Field(typeOf('float64', checkRange('t.float64()', options, isNumber, 'numbers')))
  },

  boolean(): Given<boolean> {
    return new Field(typeOf('boolean'))
  },

  date(options: RangeOptions<Date> = {}): Given<Date> {
    return new Field(typeOf('date', checkDateRange('t.date()', options)))
  },

  bytes(options: SizeOptions = {}): Given<Uint8Array> {
    return new Field(sized('bytes', options))
  },

  /** A uuid as a string, which is stored as 16 bytes and comes back in lower case. */
  uuid(): KeyField<string, 'given'> {
    return new KeyField(typeOf('uuid'))
  },

  /** One of these strings, which is stored as its place among them. */
  enum<const T extends string>(values: readonly T[]): Given<T> {
    if (!Array.isArray(values) || values.length === 0 || values.length > 65_536)
      throw invalid('t.enum()', 'an array of 1 to 65536 strings', values)
    for (const value of values as readonly unknown[])
      if (typeof value !== 'string') throw invalid('t.enum()', 'an array of strings', value)
    if (new Set(values).size !== values.length)
      throw new VarveError('INVALID', 't.enum(): a value comes twice')
    return new Field({ ...typeOf('enum'), values: [...values] })
  },

  array<F extends Member>(element: F, options: SizeOptions = {}): Given<F['~value'][]> {
    return membersOf('array', element, options) as Given<F['~value'][]>
  },

  /** An object with any names, whose values are all of one type. */
  map<F extends Member>(
    member: F,
    options: SizeOptions = {},
  ): Given<{ [name: string]: F['~value'] }> {
    return membersOf('map', member, options) as Given<{ [name: string]: F['~value'] }>
  },

  object<S extends Fields>(fields: S): Given<Documented<S>> {
    return new Field({ ...typeOf('object'), fields: [] }, { fields })
  },

  optional<V, R>(field: Field<V, Need, R>): Field<V, 'optional', R> {
    return field.optional()
  },

  /** A value of one of these types: the first of them that takes it. */
  union<const T extends readonly [Member, Member, ...Member[]]>(
    alternatives: T,
  ): Given<T[number]['~value']> {
    if (!Array.isArray(alternatives) || alternatives.length < 2 || alternatives.length > 255)
      throw invalid('t.union()', 'an array of 2 to 255 fields', alternatives)
    for (const member of alternatives as readonly unknown[]) {
      if (!(member instanceof Field)) throw invalid('t.union()', 'an array of fields', member)
      if (member.type.optional || member.type.nullable)
        throw new VarveError('INVALID', 't.union(): optional() and nullable() are of the union')
    }
    const members = alternatives.map((member) => member.type)
    return new Field({ ...typeOf('union'), members }, { members: alternatives })
  },

  /** Any value at all (lib/value/FORMAT.md); V says what the compiler takes it for. */
  json<V = unknown>(): Given<V> {
    return new Field(typeOf('json'))
  },

  /** Any ordered key: null, a boolean, number, bigint, Date, string, Uint8Array or an array of these. */
  key<V extends Key = Key>(): Given<V> {
    return new Field(typeOf('key'))
  },

  point(): Given<Point> {
    return new Field(typeOf('point'))
  },

  box(): Given<Box> {
    return new Field(typeOf('box'))
  },

  /** So many floats. */
  vector(dimensions: number): Given<Float32Array> {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > 65_536)
      throw invalid('t.vector()', 'a count of dimensions from 1 to 65536', dimensions)
    return new Field({ ...typeOf('vector'), dimensions })
  },
} as const
