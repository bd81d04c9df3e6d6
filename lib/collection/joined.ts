// lib/collection/joined.ts — the types of joins: what may be joined, what a row is, what it may be sorted by.
//
// A row has a document under the name of each side: the collection's own for the one that was asked, the reference's or relation's for the others,
// unless `as` says another. They lie side by side, however deep `along` goes.
import type {
  Direction,
  FromOf,
  ReferencesOf,
  Selectable,
  Selected,
  SelectedBy,
  Where,
} from './asking.ts'
import type { DocumentOf, Flat, Path, Refuse } from './types.ts'

interface Sided {
  readonly '~schema': unknown
  readonly '~relations': unknown
}

type DocumentIn<C> = C extends { readonly '~schema': infer S } ? DocumentOf<S> : never

/** The collection at the other end of a reference or relation. */
type OtherEnd<S, L, P> = P extends keyof ReferencesOf<S>
  ? ReferencesOf<S>[P]
  : P extends keyof L
    ? FromOf<L[P]>
    : never

/** References and relations that are joined. */
export type Along<S, L> = {
  readonly [P in keyof ReferencesOf<S>]?: true | JoinSide<ReferencesOf<S>[P]>
} & {
  readonly [P in keyof L]?: true | JoinSide<FromOf<L[P]>>
}

export interface JoinSide<C> {
  /** Rows that lack this side: none, or with null there. Default: 'inner'. */
  readonly kind?: 'inner' | 'left'
  /** Its name in rows. Default: that of the reference or relation. */
  readonly as?: string
  readonly where?: Where<DocumentIn<C>>
  readonly select?: readonly Selectable<DocumentIn<C>>[]
  /** What hangs on it. */
  readonly along?: C extends Sided ? Along<C['~schema'], C['~relations']> : never
}

/** What is no reference or relation, as sentences. */
export type CheckedAlong<S, L, A> = {
  readonly [P in keyof A]: P extends keyof ReferencesOf<S> | keyof L
    ? unknown
    : Refuse<`no reference or relation is called '${P & string}'`>
}

type Named<O, Name> = O extends { readonly as: infer As extends string } ? As : Name
type Intersected<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void
  ? I
  : never

type Without<O> = O extends { readonly kind: 'left' } ? null : never
/** Sides under their names; `Missing` is null where they hang on one that may be. */
type Rows<S, L, A, Missing> = {
  -readonly [P in keyof A as Named<A[P], P>]:
    Selected<DocumentIn<OtherEnd<S, L, P>>, SelectedBy<A[P]>> | Missing | Without<A[P]>
} & Intersected<
  {
    [P in keyof A]: A[P] extends { readonly along: infer B }
      ? OtherEnd<S, L, P> extends infer C extends Sided
        ? Rows<C['~schema'], C['~relations'], B, Missing | Without<A[P]>>
        : unknown
      : unknown
  }[keyof A]
>
/** Whole documents of sides under their names. */
type Wholes<S, L, A> = {
  [P in keyof A as Named<A[P], P>]: DocumentIn<OtherEnd<S, L, P>>
} & Intersected<
  {
    [P in keyof A]: A[P] extends { readonly along: infer B }
      ? OtherEnd<S, L, P> extends infer C extends Sided
        ? Wholes<C['~schema'], C['~relations'], B>
        : unknown
      : unknown
  }[keyof A]
>

interface Root extends Sided {
  readonly name: string
}

/** What join() answers. */
export type JoinRow<C extends Root, A, O> = Flat<
  {
    [P in Named<O, C['name']> & string]: Selected<DocumentOf<C['~schema']>, SelectedBy<O>>
  } & Rows<C['~schema'], C['~relations'], A, never>
>

type PathsOf<R> = { [N in keyof R & string]: `${N}.${Path<R[N]>}` }[keyof R & string]
type JoinPath<C extends Root, A, As extends string> =
  `${As}.${Path<DocumentOf<C['~schema']>>}` | PathsOf<Wholes<C['~schema'], C['~relations'], A>>
type JoinStep<P extends string> = P | { readonly [Q in P]?: Direction }

/** What join() takes beside the sides. */
export interface JoinOptions<C extends Root, A, As extends string = C['name']> {
  /** The name of the collection's own documents in rows. Default: its own. */
  readonly as?: As
  /** Of its own documents, as `select` is. */
  readonly where?: Where<DocumentOf<C['~schema']>>
  readonly select?: readonly Selectable<DocumentOf<C['~schema']>>[]
  /** Paths behind the names of sides, as 'author.name'. */
  readonly orderBy?: JoinStep<JoinPath<C, A, As>> | readonly JoinStep<JoinPath<C, A, As>>[]
  /** Of rows. */
  readonly limit?: number
  readonly offset?: number
}
