// lib/collection/declaration.ts — collection(): a declaration checked, and taken apart into data and functions.
//
//   collection('users', { key, schema, indexes })
//        ├─▶ description   data: fields, key, indexes (description.ts); what the catalog compares and keeps
//        └─▶ live          functions by path: defaults, computed fields, what indexes are made of, conversions, the validator
//
// A declaration is a value: it opens nothing, and may be shared by stores and threads of the same program.
//
// An index on a function, or on a path that is no column, is an index on a hidden field whose value is made when a document is written. So
// C++ knows indexes on columns alone.
import { invalid, VarveError } from '../errors.ts'
import { checkNames } from '../options.ts'
import { showAs } from '../showing.ts'
import type { Relation, Relations, Where } from './asking.ts'
import type { Description, FieldDescription, KeyDescription } from './description.ts'
import { describeFields } from './describe-fields.ts'
import { describeIndexes } from './describe-indexes.ts'
import { Field, type Referable } from './field.ts'
import { isWellFormed } from './path.ts'
import { columnAt, keyKinds } from './paths.ts'
import { isStandardSchema, type StandardSchema } from './standard.ts'
import type {
  CheckedIndexes,
  CollectionTypes,
  DocumentOf,
  Fields,
  IndexObject,
  IndexWord,
  KeyPath,
  Refuse,
  Schema,
} from './types.ts'

export type Indexes<D> = { readonly [name: string]: IndexWord | IndexObject<D, Where<D>> }
export type Free = Field<Record<string, unknown>, 'given', undefined>
/** A schema whose documents may have other fields, too. */
export type Marked<S, E> = E extends 'keep' ? S & { readonly '~extra': 'keep' } : S

export interface Declaration<K, S, X, E> {
  /** The field that is the key, or several: their values in an array. With dots: a field of an object. */
  readonly key: K
  /** Fields of `t`, a validator, or nothing: then documents are any objects. */
  readonly schema?: S
  readonly indexes?: X
  /** Fields that are not declared: refused (default), or kept. With a validator or without a schema they are kept. */
  readonly extra?: E
  /** Beside a validator: how some of its fields are stored. What is not named here is stored in a free form. */
  readonly storage?: Fields
  /** Fields that are declared no longer and whose data is to go: paths. Without this it is kept, and found again when they are declared again. */
  readonly drop?: readonly string[]
}

/** Functions that belong to a declaration. */
export interface Live {
  /** By path. */
  readonly fills: ReadonlyMap<
    string,
    { readonly value: unknown } | { readonly make: () => unknown }
  >
  readonly computed: ReadonlyMap<string, (document: never) => unknown>
  /** Values of hidden fields, by name. */
  readonly hidden: ReadonlyMap<string, (document: never) => unknown>
  /** The name a field had before, by path. */
  readonly was: ReadonlyMap<string, string>
  readonly from: ReadonlyMap<string, (old: never) => unknown>
  /** Paths whose data is to go. */
  readonly drop: ReadonlySet<string>
  /** Collections that references name, by path, where they were given as values. */
  readonly targets: ReadonlyMap<string, Referable>
  readonly validator: StandardSchema | undefined
}

export class Collection<
  out Name extends string = string,
  out S = unknown,
  out K = unknown,
  out X = unknown,
  out L = unknown,
> implements CollectionTypes<Name, S, K, X, L> {
  static {
    showAs<Collection>(this, 'Collection', ({ name, description, relations }) => ({
      name,
      key: description.key.on,
      fields: description.fields.map((field) => field.name),
      indexes: description.indexes.map((index) => index.name),
      relations: Object.keys(relations),
    }))
  }
  declare readonly '~schema': S
  declare readonly '~key': K
  declare readonly '~indexes': X
  declare readonly '~relations': L
  readonly name: Name
  readonly description: Description
  readonly live: Live
  /** What include knows beside the references of this collection. */
  readonly relations: Relations

  constructor(name: Name, description: Description, live: Live, relations: Relations) {
    this.name = name
    this.description = description
    this.live = live
    this.relations = relations
  }

  /**
   * The same collection, which knows documents of others that refer to its own: `Users.relate({ posts: { from: Posts, by: 'author' } })`. Only queries
   * differ; nothing of it is stored.
   */
  relate<const R extends Relations>(
    relations: R & CheckedRelations<R>,
  ): Collection<Name, S, K, X, R> {
    for (const [name, relation] of Object.entries(relations as Relations)) {
      checkNames(relation, ['from', 'by'], `relate(): ${name}`)
      const { from, by } = relation
      if (!(from instanceof Collection))
        throw invalid(`relate(): ${name}.from`, 'a collection', from)
      const column = columnAt(from.description.fields, by)
      if (column?.type.reference?.collection !== this.name)
        throw invalid(`relate(): ${name}.by`, `a field that references '${this.name}'`, by)
    }
    return new Collection(this.name, this.description, this.live, relations)
  }
}

type CheckedRelations<R> = {
  readonly [P in keyof R]: R[P] extends {
    readonly from: { readonly '~schema': infer S }
    readonly by: infer By
  }
    ? By extends Referring<S>
      ? unknown
      : Refuse<`'${By & string}' is no reference: there are '${Referring<S>}'`>
    : unknown
}
type Referring<S> = {
  [P in keyof S]: S[P] extends { readonly '~reference': undefined } ? never : P
}[keyof S] &
  string

/** Those that were named: where none are declared, none. */
type NamedIndexes<X> = string extends keyof X ? Record<never, never> : X

const DECLARED = ['key', 'schema', 'indexes', 'extra', 'storage', 'drop']

/** Declares a collection: a value, to be opened by `db.collection(Users)`. */
export function collection<
  const Name extends string,
  const K extends KeyPath<DocumentOf<Marked<S, E>>>,
  S extends Schema = Free,
  E extends 'refuse' | 'keep' = 'refuse',
  // Not nothing: without indexes there would be nothing to infer the parameters of their functions from.
  const X extends Indexes<DocumentOf<Marked<S, E>>> = Indexes<DocumentOf<Marked<S, E>>>,
>(
  name: Name,
  declaration: Declaration<K, S, X & CheckedIndexes<DocumentOf<Marked<S, E>>, X>, E>,
): Collection<Name, Marked<S, E>, K, NamedIndexes<X>, Record<never, never>> {
  checkName(name)
  checkNames(declaration, DECLARED, `collection '${name}'`)
  const { schema, storage } = declaration
  const isFree = schema === undefined || schema instanceof Field
  const validator = isStandardSchema(schema) ? schema : undefined
  if (storage !== undefined && validator === undefined)
    throw new VarveError('INVALID', `collection '${name}': storage is for a validator's schema`)
  const fields = isFree ? {} : validator === undefined ? (schema as Fields) : (storage ?? {})
  const extra = extraOf(name, declaration.extra, isFree || validator !== undefined)
  return named(name, () => {
    const described = describeFields(fields)
    const indexes = describeIndexes(declaration.indexes ?? {}, described.fields, extra)
    const all: readonly FieldDescription[] = [...described.fields, ...indexes.hiddenFields]
    checkSetNull(described.fields, described.live.computed.size > 0, declaration.indexes ?? {})
    const key = describeKey(declaration.key, described, extra)
    const description = { name, extra, fields: all, key, indexes: indexes.indexes } as const
    const drop = droppedOf(declaration.drop, described.fields)
    const live = { ...described.live, hidden: indexes.hidden, drop, validator }
    return new Collection(name, description, live, {})
  })
}

// The core sets a field to null by itself: what functions make of a document would stay as it was.
function checkSetNull(
  fields: readonly FieldDescription[],
  hasComputed: boolean,
  indexes: Readonly<Record<string, unknown>>,
): void {
  const path = pathOfSetNull(fields, '')
  const isFunction = (index: unknown): boolean =>
    typeof index === 'object' && index !== null && 'on' in index && typeof index.on === 'function'
  const what = hasComputed ? 'computed fields' : 'an index on a function'
  if (path === undefined || !(hasComputed || Object.values(indexes).some(isFunction))) return
  throw new VarveError('INVALID', `${path}: onDelete 'set null' cannot be beside ${what}`)
}

function pathOfSetNull(fields: readonly FieldDescription[], before: string): string | undefined {
  for (const { name, type } of fields) {
    if (type.reference?.onDelete === 'set null') return before + name
    const inside = type.kind === 'object' ? (type.fields ?? []) : []
    const inner = pathOfSetNull(inside, `${before}${name}.`)
    if (inner !== undefined) return inner
  }
  return undefined
}

const NAME_UNITS_MAX = 255

function checkName(name: unknown): void {
  const isOne = typeof name === 'string' && name.length > 0 && name.length <= NAME_UNITS_MAX
  if (!isOne || !isWellFormed(name))
    throw invalid('collection()', `a name of 1 to ${NAME_UNITS_MAX} characters`, name)
}

function named<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof VarveError)) throw error
    throw new VarveError(error.code, `collection '${name}': ${error.message}`, { cause: error })
  }
}

function extraOf(name: string, given: unknown, isFree: boolean): 'refuse' | 'keep' {
  if (given === undefined) return isFree ? 'keep' : 'refuse'
  if (given !== 'keep' && given !== 'refuse')
    throw invalid(`collection '${name}': extra`, "'refuse' or 'keep'", given)
  if (given === 'refuse' && isFree)
    throw invalid(`collection '${name}': extra`, "'keep' where fields are not declared", given)
  return given
}

function droppedOf(given: unknown, fields: readonly FieldDescription[]): ReadonlySet<string> {
  if (given === undefined) return new Set()
  const isOne = Array.isArray(given) && given.every((path: unknown) => typeof path === 'string')
  if (!isOne) throw invalid('drop', 'an array of fields', given)
  for (const path of given as readonly string[])
    if (columnAt(fields, path) !== undefined)
      throw new VarveError('INVALID', `drop: '${path}' is declared`)
  return new Set(given as readonly string[])
}

const KEY_PARTS_MAX = 16

function describeKey(
  given: unknown,
  { fields, generated }: ReturnType<typeof describeFields>,
  extra: 'refuse' | 'keep',
): KeyDescription {
  const paths: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (paths.length === 0 || paths.length > KEY_PARTS_MAX)
    throw invalid('key', `a field or an array of 1 to ${KEY_PARTS_MAX}`, given)
  for (const path of paths) checkKeyPart(path, fields, extra)
  for (const path of generated.keys())
    if (given !== path) throw new VarveError('INVALID', `${path}: only the key can be generated`)
  const on = Array.isArray(given) ? (paths as readonly string[]) : (given as string)
  return { on, generated: generated.get(given as string) }
}

function checkKeyPart(
  path: unknown,
  fields: readonly FieldDescription[],
  extra: 'refuse' | 'keep',
): void {
  if (typeof path !== 'string' || path === '') throw invalid('key', 'the name of a field', path)
  const column = columnAt(fields, path)
  if (column === undefined && extra === 'keep') return
  if (column === undefined) throw invalid('key', 'the name of a declared field', path)
  const { type } = column
  if (!keyKinds.has(type.kind))
    throw invalid(`key '${path}'`, 'of a type that has an order', type.kind)
  if (column.maybe) throw invalid(`key '${path}'`, 'never missing nor null', 'optional or nullable')
}
