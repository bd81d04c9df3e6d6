// lib/collection/types.ts — what the compiler knows of a collection: its documents, keys, indexes and references.
//
// A schema becomes a document type once (DocumentOf); all that may be asked of it (asking.ts) is mapped from that type. So a schema of `t`
// and one of a validator ask alike, and what a hover shows is fields. A misuse is refused by a type that is a sentence.
import type { Point, Box } from '../geo.ts'
import type { Key } from '../key.ts'
import type { Field } from './field.ts'
import type { StandardInput, StandardOutput, StandardSchema } from './standard.ts'

/** Fields by name. */
export type Fields = { readonly [name: string]: Field }
/** What a document may be: fields, a validator, or any object (`t.json<Log>()`). */
export type Schema = Fields | StandardSchema | Field

/** The same type, shown as its fields. */
export type Flat<T> = { [P in keyof T]: T[P] } & {}

type NamesOf<S, N> = {
  [P in keyof S]: S[P] extends { readonly '~need': N } ? P : never
}[keyof S]
type Value<F> = F extends { readonly '~value': infer V } ? V : never

/** Documents with these fields. */
export type Documented<S> = Flat<
  { -readonly [P in NamesOf<S, 'given' | 'filled' | 'computed'>]: Value<S[P]> } & {
    -readonly [P in NamesOf<S, 'optional'>]?: Value<S[P]>
  }
>
/** What insert() takes of them: what is filled in may be left out, what is computed must be. */
export type Inserted<S> = Flat<
  { -readonly [P in NamesOf<S, 'given'>]: Value<S[P]> } & {
    -readonly [P in NamesOf<S, 'filled' | 'optional'>]?: Value<S[P]>
  }
>

/** Beside fields that are declared: others, which may be anything. */
export type Kept<D, S> = S extends { readonly '~extra': 'keep' }
  ? D & { [name: string]: unknown }
  : D

export type DocumentOf<S> = S extends StandardSchema
  ? StandardOutput<S>
  : S extends Field<infer V>
    ? V
    : Kept<Documented<S>, S>
export type InsertOf<S> = S extends StandardSchema
  ? StandardInput<S>
  : S extends Field<infer V>
    ? V
    : Kept<Inserted<S>, S>

type Scalar = string | number | bigint | boolean | symbol | null | undefined

/** What a path does not lead into. */
export type Leaf =
  | Scalar
  | Date
  | Point
  | Box
  | ArrayBufferView
  | ArrayBuffer
  | readonly unknown[]
  | ((...given: never) => unknown)

type Deeper = { 0: never; 1: 0; 2: 1; 3: 2; 4: 3 }

/** Names of fields, and of fields in objects with dots between, four deep. */
export type Path<D, Depth extends keyof Deeper = 3> = unknown extends D
  ? string
  : string extends keyof D
    ? string
    : {
        [P in keyof D & string]: D[P] extends Scalar ? P : P | Inner<P, Exclude<D[P], Leaf>, Depth>
      }[keyof D & string]

type Inner<P extends string, V, Depth extends keyof Deeper> = [V] extends [never]
  ? never
  : Depth extends 0
    ? never
    : `${P}.${Path<V, Deeper[Depth]>}`

/** The type at a path. */
export type At<D, P> = P extends keyof D
  ? D[P]
  : P extends `${infer Head}.${infer Rest}`
    ? Head extends keyof D
      ? At<NonNullable<D[Head]>, Rest>
      : unknown
    : unknown

export type KeyPath<D> = Path<D> | readonly Path<D>[]
/** The key of a collection: the value of its field, or an array of those of its fields. */
export type KeyOf<D, K> = K extends readonly unknown[]
  ? { readonly [I in keyof K]: At<D, K[I]> }
  : At<D, K>

// ---- indexes

export type IndexWord = 'ordered' | 'unique' | 'bitmap' | 'text' | 'geo'

export interface IndexObject<D, W = unknown> {
  /** A path, several, or a function that makes a key (or, with `multiple`, an array of keys) of a document. */
  readonly on: Path<D> | readonly Path<D>[] | ((document: D) => unknown)
  /** Default: 'ordered'. */
  readonly kind?: Exclude<IndexWord, 'unique'> | undefined
  /** No two documents may have the same there; documents that lack a part, or have null there, do not count. */
  readonly unique?: boolean | undefined
  /** Which of the paths are in descending order. */
  readonly descending?: readonly Path<D>[] | undefined
  /** Only documents that meet this condition are in the index. */
  readonly where?: W | undefined
  /** An entry for each element. Default: where `on` is an array of the declaration. */
  readonly multiple?: boolean | undefined
  /** To be raised when the function in `on` or `where` comes to mean something else. */
  readonly revision?: number | undefined
  /** Of 'text', as `TextIndex` has them. */
  readonly languages?: readonly string[] | undefined
  readonly stopWords?: readonly string[] | undefined
}

/** What nothing is: the compiler shows the sentence. */
export type Refuse<Sentence extends string> = { readonly [' ']: Sentence }
type Is<V, T> = [NonNullable<V>] extends [T] ? true : false
type MemberOf<V> = NonNullable<V> extends readonly (infer M)[] ? M : V

/** Whether an index of this kind can be on such values: else a sentence that says why not. */
type Fits<V, Kind> = unknown extends V
  ? unknown
  : Kind extends 'text'
    ? Is<MemberOf<V>, string> extends true
      ? unknown
      : Refuse<'a text index is on strings'>
    : Kind extends 'geo'
      ? Is<V, Point | Box> extends true
        ? unknown
        : Refuse<'a geo index is on points or boxes'>
      : Is<MemberOf<V>, Key> extends true
        ? unknown
        : Refuse<'this index is on fields whose values have an order: no objects, places or json'>

/** What is wrong with an index, as a sentence; unknown if nothing is. */
type Checked<D, Name, I> = I extends IndexWord
  ? Name extends Path<D>
    ? Fits<At<D, Name>, I>
    : Refuse<`no field is called '${Name & string}': an index of another name has { on }`>
  : [Exclude<keyof I, keyof IndexObject<D>>] extends [never]
    ? I extends { readonly on: infer On extends string; readonly kind?: infer Kind }
      ? Fits<At<D, On>, Kind>
      : unknown
    : Refuse<`an index has no option '${Exclude<keyof I, keyof IndexObject<D>> & string}'`>
export type CheckedIndexes<D, X> = { readonly [N in keyof X]: Checked<D, N, X[N]> }

// ---- collections

/** A collection as a value: what collection() answers. */
export interface CollectionTypes<
  Name = string,
  S = unknown,
  K = unknown,
  X = unknown,
  L = unknown,
> {
  /** For the compiler alone. */
  readonly '~schema': S
  readonly '~key': K
  readonly '~indexes': X
  readonly '~relations': L
  readonly name: Name
}

/** The documents of a collection. */
export type Infer<C extends { readonly '~schema': unknown }> = DocumentOf<C['~schema']>
/** What insert() takes: generated keys and defaults are optional. */
export type InferInsert<C extends { readonly '~schema': unknown }> = InsertOf<C['~schema']>
/** The key of a collection. */
export type InferKey<C extends { readonly '~schema': unknown; readonly '~key': unknown }> = KeyOf<
  Infer<C>,
  C['~key']
>
/** The names of its indexes. */
export type IndexName<C extends { readonly '~indexes': unknown }> = keyof C['~indexes'] & string
