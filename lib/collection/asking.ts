// lib/collection/asking.ts — the types of conditions, orders, selections and inclusions, mapped from a document type.
//
// A bare value means `eq`. What may be asked of a field follows from its values: there is no `match` on a number. `undefined` is never a
// condition; exact optional types would say so only to those who switch them on, so it is checked when a query is made.
import type { Area, Box, Point } from '../geo.ts'
import type { FieldOf } from '../fields.ts'
import type { DocumentOf, Flat, Path } from './types.ts'

interface Same<V> {
  readonly eq?: V
  readonly ne?: V
  readonly in?: readonly V[]
  readonly notIn?: readonly V[]
  readonly isNull?: boolean
}
interface Ordered<V> extends Same<V> {
  readonly gt?: V
  readonly gte?: V
  readonly lt?: V
  readonly lte?: V
  /** From the first to the second, both included. */
  readonly between?: readonly [V, V]
}
interface Worded<V> extends Ordered<V> {
  readonly startsWith?: string
  /** Words, by the text index of the field. */
  readonly match?: string
}
interface Having<M> {
  readonly has?: M
  readonly hasAny?: readonly M[]
  readonly hasAll?: readonly M[]
  readonly isNull?: boolean
  readonly match?: M extends string ? string : never
}
interface Placed {
  readonly near?: Point
  /** A distance as '5km' or in metres with `near`; else a box or polygon. */
  readonly within?: string | number | Area
  readonly isNull?: boolean
}
interface Known {
  readonly isNull?: boolean
}

/** What may be asked of values of a type. */
export type Condition<V> = unknown extends V ? unknown : V | null | OperatorsOf<NonNullable<V>>

type OperatorsOf<V> = [V] extends [string]
  ? Worded<V>
  : [V] extends [number | bigint | Date]
    ? Ordered<V>
    : [V] extends [boolean]
      ? Same<V>
      : [V] extends [readonly (infer M)[]]
        ? Having<M>
        : [V] extends [Point | Box]
          ? Placed
          : [V] extends [ArrayBufferView]
            ? Ordered<V>
            : [V] extends [object]
              ? string extends keyof V
                ? Known
                : Where<V>
              : Ordered<V>

/** Which documents: all conditions at once. */
export type Where<D> = { readonly [P in keyof D]?: Condition<D[P]> } & {
  readonly and?: readonly Where<D>[]
  readonly or?: readonly Where<D>[]
  readonly not?: Where<D>
}

export type Direction = 'asc' | 'desc'
type OrderStep<D> = Path<D> | { readonly [P in Path<D>]?: Direction }
/** A path, `{ path: 'desc' }`, or several of these in turn. */
export type OrderBy<D> = OrderStep<D> | readonly OrderStep<D>[]

/** Fields of documents that may be selected. */
export type Selectable<D> = FieldOf<D>
/** Documents with these fields alone. */
export type Selected<D, F> = [F] extends [string] ? Flat<Pick<D, F & keyof D>> : D

// ---- relations

/** Many documents of another collection, which refer to this one by a field. */
export interface Relation<C = unknown, B = string> {
  readonly from: C
  readonly by: B
}
export type Relations = { readonly [name: string]: Relation }

export type ReferencesOf<S> = {
  [
    P in keyof S as S[P] extends { readonly '~reference': { readonly '~schema': unknown } }
      ? P
      : never
  ]: S[P] extends { readonly '~reference': infer C } ? C : never
}

/** What may be included: the document that a reference names, the documents of a relation. */
export type Include<S, L> = [keyof ReferencesOf<S> | keyof L] extends [never]
  ? { readonly [name: string]: never }
  : Includable<S, L>

type Includable<S, L> = {
  readonly [P in keyof ReferencesOf<S>]?: true
} & {
  readonly [P in keyof L]?: true | IncludeOptions<RelatedDocument<L[P]>>
}

export interface IncludeOptions<D> {
  readonly where?: Where<D>
  readonly orderBy?: OrderBy<D>
  readonly limit?: number
}

/** The collection of a relation. */
export type FromOf<R> = R extends { readonly from: infer C } ? C : never
type RelatedDocument<R> = R extends { readonly from: { readonly '~schema': infer S } }
  ? DocumentOf<S>
  : never
type ReferredDocument<C> = C extends { readonly '~schema': infer S } ? DocumentOf<S> : never

/** A document with what was included: instead of a reference the document it names, or null; of a relation an array. */
export type Included<D, S, L, I> = [I] extends [undefined]
  ? D
  : Flat<
      Omit<D, keyof I> & {
        [P in keyof I & keyof ReferencesOf<S>]: ReferredDocument<ReferencesOf<S>[P]> | null
      } & { [P in keyof I & keyof L]: RelatedDocument<L[P]>[] }
    >

/** What find() takes, of a collection C. */
export interface FindOptions<
  C extends { readonly '~schema': unknown; readonly '~relations': unknown },
> {
  readonly where?: Where<DocumentOf<C['~schema']>>
  readonly orderBy?: OrderBy<DocumentOf<C['~schema']>>
  readonly select?: readonly Selectable<DocumentOf<C['~schema']>>[]
  readonly include?: Include<C['~schema'], C['~relations']>
  readonly limit?: number
  readonly offset?: number
  /** `next` of a page of a query with the same `where` and `orderBy`: what comes behind it. */
  readonly after?: string
}

export type SelectedBy<O> = O extends { readonly select: readonly (infer F)[] } ? F : undefined
type IncludedBy<O> = O extends { readonly include: infer I } ? I : undefined

/** What find() answers for these options. */
export type Found<
  C extends { readonly '~schema': unknown; readonly '~relations': unknown },
  O,
> = Included<
  Selected<DocumentOf<C['~schema']>, SelectedBy<O>>,
  C['~schema'],
  C['~relations'],
  IncludedBy<O>
>
