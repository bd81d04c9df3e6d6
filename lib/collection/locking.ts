// lib/collection/locking.ts — a collection within a transaction that locks: every call answers by a promise, when it has the locks of what it is about.
//
// Which keys and entries of indexes a call reads and writes is known when it has done so: it tries, locks them, and tries again if others have
// written there meanwhile. Beneath lies the collection as a transaction that does not lock has it (documents.ts).
import type { LockingPending } from '../transaction/locking.ts'
import type { Aggregated, AggregateOptions, GroupBy, Measure } from './aggregate.ts'
import type { Found, FindOptions } from './asking.ts'
import type { DocumentsTransaction, Update, WhereOptions } from './documents.ts'
import type { Along, CheckedAlong, JoinOptions, JoinRow } from './joined.ts'
import type { JoinExplanation, JoinQuery } from './joining.ts'
import type { Explanation, Lazy, Page, PageOptions, Query } from './query.ts'
import type { AnyTypes, AsyncReadOptions, CountOptions } from './reading.ts'
import type { HitOf, SearchOptions, SearchQuery } from './scoring.ts'
import type { Infer, InferInsert, InferKey, Path } from './types.ts'

/** What is asked within a transaction that locks: lazy, and each run answers by a promise. */
export abstract class LockingLazy<T, Q extends Lazy<T>> {
  /** A query is no promise. */
  declare readonly then?: 'a query is no promise: await query.all()'
  /** @internal */
  protected readonly pending: LockingPending
  /** @internal */
  protected readonly query: Q

  /** @internal */
  constructor(pending: LockingPending, query: Q) {
    this.pending = pending
    this.query = query
  }

  /** All of it. Whoever locks and would change the answer waits until this transaction has ended. */
  all(): Promise<T[]> {
    return this.pending.tried(() => this.query.all())
  }

  /** The first of it, or undefined. */
  first(): Promise<T | undefined> {
    return this.pending.tried(() => this.query.first())
  }

  /** How many it has. */
  count(): Promise<number> {
    return this.pending.tried(() => this.query.count())
  }
}

/** What find() answers within a transaction that locks. */
export class LockingQuery<T> extends LockingLazy<T, Query<T>> {
  static {
    showAs<LockingQuery<unknown>>(this, 'LockingQuery', (locking) => locking.query.shown())
  }

  /** Some of it, and a string by which it goes on. */
  page(options: PageOptions): Promise<Page<T>> {
    return this.pending.tried(() => this.query.page(options))
  }

  /** How it is answered, without answering it: no lock. */
  explain(): Explanation {
    return this.query.explain()
  }
}

/** What join() answers within a transaction that locks. */
export class LockingJoin<T> extends LockingLazy<T, JoinQuery<T>> {
  static {
    showAs<LockingJoin<unknown>>(this, 'LockingJoin', (locking) => locking.query.shown())
  }

  /** How it is answered, without answering it: no lock. */
  explain(): JoinExplanation {
    return this.query.explain()
  }
}

/** What search() answers within a transaction that locks. */
export class LockingSearch<T> extends LockingLazy<T, SearchQuery<T>> {
  static {
    showAs<LockingSearch<unknown>>(this, 'LockingSearch', (locking) => locking.query.shown())
  }

  /** How it is answered, without answering it: no lock. */
  explain(): Omit<Explanation, 'converting' | 'free'> | undefined {
    return this.query.explain()
  }
}

/** A collection within a transaction that locks. What a call is given must not be changed before it has answered. */
export class DocumentsLocking<in out C extends AnyTypes> {
  static {
    showAs<DocumentsLocking<AnyTypes>>(this, 'DocumentsLocking', ({ name }) => ({
      collection: name,
    }))
  }
  readonly #pending: LockingPending
  readonly #inner: DocumentsTransaction<C>

  /** @internal */
  constructor(pending: LockingPending, inner: DocumentsTransaction<C>) {
    this.#pending = pending
    this.#inner = inner
  }

  get name(): string {
    return this.#inner.name
  }

  #tried<R>(call: (inner: DocumentsTransaction<C>) => R | Promise<R>): Promise<R> {
    return this.#pending.tried(() => call(this.#inner))
  }

  /** The newest document of a key, or undefined. Others that lock may read it, too, and not write it before this ends. */
  get(key: InferKey<C>): Promise<Infer<C> | undefined> {
    return this.#tried((inner) => inner.get(key))
  }

  /** get() for whoever is going to write the document: no other that locks reads it meanwhile. */
  getForUpdate(key: InferKey<C>): Promise<Infer<C> | undefined> {
    return this.#pending.locked(
      () => this.#inner.lock(key),
      () => this.#inner.get(key),
    )
  }

  /** The documents of many keys, in their order; undefined for absent ones. */
  getMany(keys: readonly InferKey<C>[]): Promise<(Infer<C> | undefined)[]> {
    return this.#tried((inner) => inner.getMany(keys))
  }

  has(key: InferKey<C>): Promise<boolean> {
    return this.#tried((inner) => inner.has(key))
  }

  /** The documents that meet all conditions: a query, which is lazy and can be run any number of times. */
  find<const O extends FindOptions<C>>(
    options: O & FindOptions<C> = {} as O,
  ): LockingQuery<Found<C, O>> {
    return new LockingQuery<Found<C, O>>(this.#pending, this.#inner.find(options))
  }

  /** The first of find(), or undefined. */
  findOne<const O extends FindOptions<C>>(
    options: O & FindOptions<C> = {} as O,
  ): Promise<Found<C, O> | undefined> {
    return this.#tried((inner) => inner.findOne(options))
  }

  /** How many documents meet all conditions. */
  count(options: CountOptions<C> = {}): Promise<number> {
    return this.#tried((inner) => inner.count(options))
  }

  /** Whether any document meets all conditions. */
  exists(options: CountOptions<C> = {}): Promise<boolean> {
    return this.#tried((inner) => inner.exists(options))
  }

  /** Figures of the documents that meet all conditions: by groups an array of rows, else one. */
  aggregate<
    const V extends { readonly [name: string]: Measure<Path<Infer<C>>> },
    const G extends GroupBy<Path<Infer<C>>> | undefined = undefined,
  >(options: AggregateOptions<Infer<C>, V, G>): Promise<Aggregated<Infer<C>, V, G>> {
    return this.#tried((inner) => inner.aggregate(options))
  }

  /** aggregate() in slices, each in a turn of its own: other calls of the transaction wait for it. */
  aggregateAsync<
    const V extends { readonly [name: string]: Measure<Path<Infer<C>>> },
    const G extends GroupBy<Path<Infer<C>>> | undefined = undefined,
  >(
    options: AggregateOptions<Infer<C>, V, G>,
    how: AsyncReadOptions = {},
  ): Promise<Aggregated<Infer<C>, V, G>> {
    return this.#tried((inner) => inner.aggregateAsync(options, how))
  }

  /** Rows that pair its documents with those that references and relations lead to. */
  join<
    const A extends Along<C['~schema'], C['~relations']>,
    const O extends JoinOptions<C, A, As>,
    const As extends string = C['name'],
  >(
    along: A & CheckedAlong<C['~schema'], C['~relations'], A>,
    options: O & JoinOptions<C, A, As> = {} as O,
  ): LockingJoin<JoinRow<C, A, O>> {
    return new LockingJoin(this.#pending, this.#inner.join<A, O, As>(along, options))
  }

  /** The documents that are worth the most, by the rank of words, distance and age. */
  search<const O extends SearchOptions<C>>(
    options: O & SearchOptions<C>,
  ): LockingSearch<HitOf<C, O>> {
    return new LockingSearch(this.#pending, this.#inner.search(options))
  }

  /** Adds a document; resolves to it as it is stored. EXISTS if its key is taken, or what a unique index holds. */
  insert(document: InferInsert<C>): Promise<Infer<C>> {
    return this.#tried((inner) => inner.insert(document))
  }

  /** insert() of many; resolves to how many. When one is refused, nothing has changed. */
  insertMany(documents: readonly InferInsert<C>[]): Promise<number> {
    return this.#tried((inner) => inner.insertMany(documents))
  }

  /** Adds a document, or puts it in the place of the one with its key. */
  put(document: InferInsert<C>): Promise<Infer<C>> {
    return this.#tried((inner) => inner.put(document))
  }

  /**
   * Changes a document by a patch or a function; resolves to it as it is then. NOT_FOUND if there is none. A function is called again when others
   * were faster, so it must do nothing but answer.
   */
  update(key: InferKey<C>, change: Update<C>): Promise<Infer<C>> {
    return this.#tried((inner) => inner.update(key, change))
  }

  /** insert(), or update() of the document with this key by `change`: without one, by the fields that are given. */
  upsert(document: InferInsert<C>, change?: Update<C>): Promise<Infer<C>> {
    return this.#tried((inner) => inner.upsert(document, change))
  }

  /** Removes a document; resolves to whether it was there. */
  delete(key: InferKey<C>): Promise<boolean> {
    return this.#tried((inner) => inner.delete(key))
  }

  /** update() of every document that meets all conditions; resolves to how many. */
  updateWhere(options: WhereOptions<C>, change: Update<C>): Promise<number> {
    return this.#tried((inner) => inner.updateWhere(options, change))
  }

  /** delete() of every document that meets all conditions; resolves to how many. */
  deleteWhere(options: WhereOptions<C>): Promise<number> {
    return this.#tried((inner) => inner.deleteWhere(options))
  }
}
import { showAs } from '../showing.ts'
