// lib/collection/reading.ts — reading a collection: documents by their keys, and queries; as of now, of a snapshot, or within a transaction.
import { VarveError } from '../errors.ts'
import type { Encoding } from '../encoding.ts'
import type { FieldsOptions } from '../fields.ts'
import type { Key } from '../key.ts'
import { checkNames } from '../options.ts'
import type { Reading, Types } from '../reading.ts'
import { unlessAborted } from '../aborting.ts'
import { showAs } from '../showing.ts'
import {
  aggregate,
  aggregateAsync,
  type Aggregated,
  type AggregateOptions,
  type GroupBy,
  type Measure,
} from './aggregate.ts'
import type { Found, FindOptions, Relations, Selectable, Selected, Where } from './asking.ts'
import { type Defined, openCollection, type Opened } from './catalog.ts'
import { type Includable, inclusionsOf } from './including.ts'
import type { Along, CheckedAlong, JoinOptions, JoinRow } from './joined.ts'
import { joinedOf, JoinQuery } from './joining.ts'
import { Query } from './query.ts'
import { type Asked, checkCount, checkSelect, readToken, selectOf } from './request.ts'
import { type HitOf, searchOf, type SearchOptions, SearchQuery } from './scoring.ts'
import type { QuerySource } from './source.ts'
import type { CollectionTypes, Infer, InferKey, Path } from './types.ts'

/** What a declared collection is to the compiler. */
export type AnyTypes = CollectionTypes<string, unknown, unknown, unknown, unknown>

/** The keyspace that documents are read from. */
export interface DocumentTypes extends Types {
  readonly key: Key
  readonly value: unknown
}

export interface AsyncReadOptions {
  readonly signal?: AbortSignal | undefined
}

/** Of a document these fields alone: others are not decoded. */
export interface SelectOptions<F extends string> {
  readonly select: readonly F[]
}

/** Some documents: those that meet all conditions. */
export interface CountOptions<C extends AnyTypes> {
  readonly where?: Where<Infer<C>>
}

type Given = Readonly<Record<string, unknown>>

const SEARCH = ['where', 'score', 'select', 'limit', 'offset']
const JOIN = ['as', 'where', 'select', 'orderBy', 'limit', 'offset']
const FIND = ['where', 'orderBy', 'select', 'include', 'limit', 'offset', 'after']

/** Reading a collection. */
export abstract class DocumentsReading<in out C extends AnyTypes> {
  static {
    showAs<DocumentsReading<AnyTypes>>(this, 'Documents', ({ name }) => ({ collection: name }))
  }
  protected readonly opened: Opened
  /** Those that the declaration it was opened by knows: nothing of them is stored. */
  protected readonly relations: Relations
  protected readonly encoding: Encoding
  /** Its documents as values under keys. */
  protected readonly keyspace: Reading<DocumentTypes>

  protected constructor(
    opened: Opened,
    relations: Relations,
    encoding: Encoding,
    keyspace: Reading<DocumentTypes>,
  ) {
    this.opened = opened
    this.relations = relations
    this.encoding = encoding
    this.keyspace = keyspace
  }

  /** The definition that holds where this reads; undefined: there was none. */
  protected abstract defined(): Defined | undefined
  protected abstract refresh(): void
  protected abstract readonly isTransaction: boolean
  /** Another collection, read as of the same moment. */
  protected abstract beside(other: Opened): { source(): QuerySource }

  get name(): string {
    return this.opened.declared.name
  }

  protected key(key: unknown): Key {
    return this.opened.keyOf(key)
  }

  /** The document of a key, or undefined; with `select`, an object of these fields of it. */
  get(key: InferKey<C>): Infer<C> | undefined
  get<const F extends Selectable<Infer<C>>>(
    key: InferKey<C>,
    options: SelectOptions<F>,
  ): Selected<Infer<C>, F> | undefined
  get(key: InferKey<C>, options?: unknown): unknown {
    if (options === undefined) return this.keyspace.get(this.key(key))
    return this.keyspace.get(this.key(key), this.#fields(options, ['select'], 'get'))
  }

  /** A promise of what get() would answer now; the disk is read on another thread. */
  getAsync(key: InferKey<C>, options?: AsyncReadOptions): Promise<Infer<C> | undefined>
  getAsync<const F extends Selectable<Infer<C>>>(
    key: InferKey<C>,
    options: AsyncReadOptions & SelectOptions<F>,
  ): Promise<Selected<Infer<C>, F> | undefined>
  async getAsync(key: InferKey<C>, options: AsyncReadOptions = {}): Promise<unknown> {
    if (!('select' in options)) return this.keyspace.getAsync(this.key(key), options)
    const fields = this.#fields(options, ['select', 'signal'], 'getAsync')
    return this.keyspace.getAsync(this.key(key), { ...fields, signal: options.signal })
  }

  /** The documents of many keys, in their order, all from one view; undefined for absent ones. */
  getMany(keys: readonly InferKey<C>[]): (Infer<C> | undefined)[]
  getMany<const F extends Selectable<Infer<C>>>(
    keys: readonly InferKey<C>[],
    options: SelectOptions<F>,
  ): (Selected<Infer<C>, F> | undefined)[]
  getMany(keys: readonly InferKey<C>[], options?: unknown): unknown[] {
    const all = Array.from(keys, (key: unknown) => this.key(key))
    if (options === undefined) return this.keyspace.getMany(all)
    return this.keyspace.getMany(all, this.#fields(options, ['select'], 'getMany'))
  }

  #fields(options: unknown, known: readonly string[], where: string): FieldsOptions<string> {
    checkNames(options, known, where)
    const select = selectOf((options as { readonly select?: unknown }).select)
    if (select === undefined) throw new VarveError('INVALID', `${where}: select is undefined`)
    const queried = this.defined()
    if (queried !== undefined) checkSelect(select, queried)
    return { fields: select }
  }

  has(key: InferKey<C>): boolean {
    return this.keyspace.has(this.key(key))
  }

  /** The commit that wrote a document; undefined where there is none, 0 for what a transaction has written itself. */
  version(key: InferKey<C>): number | undefined {
    return this.keyspace.version(this.key(key))
  }

  /** The documents that meet all conditions: a query, which is lazy and can be run any number of times. */
  find<const O extends FindOptions<C>>(options: O & FindOptions<C> = {} as O): Query<Found<C, O>> {
    return new Query<Found<C, O>>(this.source(), this.#asked(options, FIND, 'find'))
  }

  /** The first of find(), or undefined. */
  findOne<const O extends FindOptions<C>>(
    options: O & FindOptions<C> = {} as O,
  ): Found<C, O> | undefined {
    return new Query<Found<C, O>>(this.source(), this.#asked(options, FIND, 'findOne')).first()
  }

  /** How many documents meet all conditions. */
  count(options: CountOptions<C> = {}): number {
    return new Query(this.source(), this.#asked(options, ['where'], 'count')).count()
  }

  /** Whether any document meets all conditions. */
  exists(options: CountOptions<C> = {}): boolean {
    const asked = this.#asked(options, ['where'], 'exists')
    return new Query(this.source(), { ...asked, limit: 1 }).count() > 0
  }

  /** Figures of the documents that meet all conditions: by groups an array of rows, else one. */
  aggregate<
    const V extends { readonly [name: string]: Measure<Path<Infer<C>>> },
    const G extends GroupBy<Path<Infer<C>>> | undefined = undefined,
  >(options: AggregateOptions<Infer<C>, V, G>): Aggregated<Infer<C>, V, G> {
    return aggregate(this.source(), options) as Aggregated<Infer<C>, V, G>
  }

  /** A promise of what aggregate() would answer now; documents are read on another thread, in slices. */
  aggregateAsync<
    const V extends { readonly [name: string]: Measure<Path<Infer<C>>> },
    const G extends GroupBy<Path<Infer<C>>> | undefined = undefined,
  >(
    options: AggregateOptions<Infer<C>, V, G>,
    how: AsyncReadOptions = {},
  ): Promise<Aggregated<Infer<C>, V, G>> {
    checkNames(how, ['signal'], 'aggregateAsync')
    const figures = aggregateAsync(this.source(), options, how.signal)
    return unlessAborted(figures as Promise<Aggregated<Infer<C>, V, G>>, how.signal, 'query')
  }

  /**
   * Rows that pair its documents with those that references and relations lead to: `posts.join({ author: { where: { city: 'Rome' } } })` answers
   * `{ posts, author }`. A document without a partner is in no row, unless that side is `kind: 'left'`.
   */
  join<
    const A extends Along<C['~schema'], C['~relations']>,
    const O extends JoinOptions<C, A, As>,
    const As extends string = C['name'],
  >(
    along: A & CheckedAlong<C['~schema'], C['~relations'], A>,
    options: O & JoinOptions<C, A, As> = {} as O,
  ): JoinQuery<JoinRow<C, A, O>> {
    const { where: _, orderBy: __, select: ___, ...asked } = askedOf(options, JOIN, 'join')
    const root = { id: this.opened.id, source: this.source() }
    const shape = joinedOf(along, options as object as Given, root, this.#includable())
    const nothing = { where: undefined, orderBy: undefined, select: undefined }
    return new JoinQuery<JoinRow<C, A, O>>(root.source, { ...asked, ...nothing, shape })
  }

  /**
   * The documents that are worth the most, by the rank of words, distance and age: `search({ where: { bio: { match } }, score: { text: 2, recency: { on,
   * half: '7d' } } })` answers `{ document, score, parts }`, the best first.
   */
  search<const O extends SearchOptions<C>>(
    options: O & SearchOptions<C>,
  ): SearchQuery<HitOf<C, O>> {
    askedOf(options, SEARCH, 'search')
    const source = this.source()
    return new SearchQuery<HitOf<C, O>>(source, searchOf(options as object as Given, source))
  }

  #asked(options: unknown, known: readonly string[], where: string): Asked {
    const asked = askedOf(options, known, where)
    const { include } = options as { readonly include?: unknown }
    return { ...asked, inclusions: inclusionsOf(include, this.#includable()) }
  }

  #includable(): Includable {
    const { declared, opening } = this.opened
    return {
      declared,
      relations: this.relations,
      beside: (other) => {
        const opened = openCollection(opening, other)
        return { id: opened.id, source: this.beside(opened).source() }
      },
    }
  }

  /** @internal */
  source(): QuerySource {
    const { opened, encoding } = this
    return {
      opening: opened.opening,
      level: opened.level,
      encoding,
      name: this.name,
      isTransaction: this.isTransaction,
      asOf: () => this.keyspace.asOf(),
      view: () => this.defined(),
      refresh: () => this.refresh(),
    }
  }
}

function askedOf(options: unknown, known: readonly string[], where: string): Asked {
  checkNames(options, known, where)
  const given = options as Readonly<Record<string, unknown>>
  for (const [name, value] of Object.entries(given))
    if (value === undefined)
      throw new VarveError('INVALID', `${where}: ${name} is undefined: leave it out`)
  const { where: conditions, orderBy, select, limit = Infinity, offset = 0, after } = given
  if (after !== undefined && 'offset' in given)
    throw new VarveError(
      'INVALID',
      `${where}: offset is for the first page: leave it out of one after`,
    )
  if (limit !== Infinity) checkCount(limit, 'limit', 0, Number.MAX_SAFE_INTEGER)
  checkCount(offset, 'offset', 0, Number.MAX_SAFE_INTEGER)
  const asked = {
    where: conditions,
    orderBy,
    select: selectOf(select),
    limit: limit as number,
    offset: offset as number,
    after: undefined,
    inclusions: [],
  }
  return after === undefined ? asked : { ...asked, after: readToken(asked, after) }
}
