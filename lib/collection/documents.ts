// lib/collection/documents.ts — collections of an open store: at its newest, of a snapshot, and within a transaction.
import { unlessAborted } from '../aborting.ts'
import { invalid, VarveError, within } from '../errors.ts'
import { type Key, showKey } from '../key.ts'
import { Level } from '../level.ts'
import { LockingLevel } from '../locking.ts'
import { COMMIT, scratch, SEEN } from '../native.ts'
import type { HistoryReadOptions, KeyVersion } from '../history.ts'
import { checkNames, checkWrite, type WriteOptions } from '../options.ts'
import type { Types } from '../reading.ts'
import { Snapshot } from '../snapshot.ts'
import { TransactionLevel } from '../transaction.ts'
import { run } from '../transaction/run.ts'
import type { Pending } from '../transaction/pending.ts'
import type { Relations, Where } from './asking.ts'
import { build, type Listener } from './building.ts'
import { beginRewriting, type Defined, type Opened } from './catalog.ts'
import { documentEncoding, writtenEncoding } from './document-encoding.ts'
import { DocumentsLocking } from './locking.ts'
import { type AnyTypes, DocumentsReading, type DocumentTypes } from './reading.ts'
import type { Document } from './record.ts'
import type { Records } from './upgrade.ts'
import type { QuerySource } from './source.ts'
import type { Infer, InferInsert, InferKey } from './types.ts'
import {
  ALONE,
  changed,
  fillDocument,
  INSERT,
  type Mode,
  PUT,
  removeDocument,
  removeStored,
  UPDATE,
  writeDocument,
} from './writing.ts'
import { isPlain } from './where.ts'

/** Fields to put, or with undefined to remove. */
export type Patch<C extends AnyTypes> = { readonly [P in keyof Infer<C>]?: Infer<C>[P] | undefined }
/** A patch, or a function from the document to the new one. */
export type Update<C extends AnyTypes> = Patch<C> | ((document: Infer<C>) => Infer<C>)

/** Of a write of one document that somebody else may have written meanwhile. */
export interface VersionedWriteOptions extends WriteOptions {
  /** What `version()` told of the document when it was read: CONFLICT where it has been written since, or is gone. */
  readonly version?: number
}

/** Which documents are written: conditions, or `'all'`. */
export interface WhereOptions<C extends AnyTypes> {
  readonly where: Where<Infer<C>> | 'all'
}

export interface ReadyOptions {
  /** Hears how far it is: of what `ready()` waits for. */
  readonly onProgress?: Listener | undefined
  readonly signal?: AbortSignal | undefined
}

const TRIES_MAX = 100

/** A collection as of a snapshot, or of at(). */
export class DocumentsSnapshot<in out C extends AnyTypes> extends DocumentsReading<C> {
  protected readonly isTransaction = false
  #defined: Defined | undefined
  readonly #snapshot: Snapshot<DocumentTypes>
  #isKnown = false
  #old: Records | undefined

  /** @internal */
  constructor(opened: Opened, relations: Relations, snapshot: Snapshot<DocumentTypes>) {
    super(
      opened,
      relations,
      documentEncoding(() => this.#records()),
      snapshot,
    )
    this.#snapshot = snapshot
  }

  protected beside(other: Opened): { source(): QuerySource } {
    return new Documents(other, {}).in(this.#snapshot)
  }

  protected defined(): Defined | undefined {
    if (!this.#isKnown) this.#defined = this.opened.at(this.keyspace.asOf())
    this.#isKnown = true
    return this.#defined
  }

  protected refresh(): void {
    this.#isKnown = false
    this.#old = undefined
  }

  #records(): Records {
    const defined = this.defined()
    const { newest, records } = this.opened
    if (defined === undefined || defined.commit === newest.commit) return records
    return (this.#old ??= this.opened.recordsOf(defined))
  }
}

/** A collection within a transaction: everything answers at once, and nobody else sees it before the commit. */
export class DocumentsTransaction<in out C extends AnyTypes> extends DocumentsReading<C> {
  protected readonly isTransaction = true
  readonly #level: TransactionLevel<DocumentTypes>
  readonly #pending: Pending
  #defined: Defined | undefined

  /** @internal */
  constructor(opened: Opened, relations: Relations, level: TransactionLevel<DocumentTypes>) {
    super(
      opened,
      relations,
      documentEncoding(() => opened.records),
      level,
    )
    this.#level = level
    this.#pending = level.pending
  }

  protected beside(other: Opened): { source(): QuerySource } {
    return new Documents(other, {}).in(this.#level)
  }

  protected defined(): Defined {
    return this.#defined ?? this.opened.newest
  }

  // The newest definition may be newer than what the transaction reads.
  protected refresh(): void {
    this.opened.refresh()
    this.#defined = this.opened.at(this.#pending.asOf())
  }

  /** @internal The addon's answer: whether the exclusive lock of a document is there, or waited for. */
  lock(key: InferKey<C>): number {
    return this.#level.lockKey(this.key(key), true)
  }

  /** @internal CONFLICT unless the document of an ordered key is of that version; nobody writes it before the commit. */
  checkVersion(key: Key, version: unknown): void {
    if (!Number.isSafeInteger(version) || (version as number) < 1)
      throw invalid('version', 'a commit number that version() told', version)
    const now = this.keyspace.version(key)
    if (now === version) return
    const what = now === undefined ? 'is not there' : `is of version ${now}`
    const message = `${this.name}: ${showKey(key)} ${what}, not of version ${version as number}`
    throw new VarveError('CONFLICT', message, { reason: 'written', key })
  }

  #write(document: Document, mode: Mode): Infer<C> {
    writeDocument(this.opened, document, mode, this.#pending.asOf())
    return document as Infer<C>
  }

  /** Adds a document; answers it as it is stored. EXISTS if its key is taken, or what a unique index holds. */
  insert(document: InferInsert<C>): Infer<C> {
    this.#pending.number()
    return this.#write(fillDocument(this.opened, document), INSERT)
  }

  /** insert() of many; answers how many. */
  insertMany(documents: readonly InferInsert<C>[]): number {
    if (!Array.isArray(documents)) throw invalid('documents', 'an array of documents', documents)
    return this.#pending.nested(() => {
      documents.forEach((document: InferInsert<C>, index) => {
        try {
          this.insert(document)
        } catch (error) {
          throw within(`documents[${index}]`, error)
        }
      })
      return documents.length
    })
  }

  /** Adds a document, or puts it in the place of the one with its key. */
  put(document: InferInsert<C>): Infer<C> {
    this.#pending.number()
    return this.#write(fillDocument(this.opened, document), PUT)
  }

  /** Changes a document by a patch or a function; answers it as it is then. NOT_FOUND if there is none. */
  update(key: InferKey<C>, change: Update<C>): Infer<C> {
    const before = this.get(key)
    if (before === undefined) throw notFound(this.name, key)
    return this.#write(changed(this.opened, before as Document, change), UPDATE)
  }

  /** insert(), or update() of the document with this key by `change`: without one, by the fields that are given. */
  upsert(document: InferInsert<C>, change?: Update<C>): Infer<C> {
    const whole = fillDocument(this.opened, document)
    const before = this.keyspace.get(this.opened.codec.keyOf(whole) as never)
    if (before === undefined) return this.#write(whole, INSERT)
    return this.#write(changed(this.opened, before as Document, change ?? document), UPDATE)
  }

  /** Removes a document; answers whether it was there. */
  delete(key: InferKey<C>): boolean {
    return removeDocument(this.opened, key, this.#pending.asOf())
  }

  /** update() of every document that meets all conditions; answers how many. */
  updateWhere(options: WhereOptions<C>, change: Update<C>): number {
    return this.#each(options, 'updateWhere', (document) => {
      this.#write(changed(this.opened, document, change), UPDATE)
    })
  }

  /** delete() of every document that meets all conditions; answers how many. */
  deleteWhere(options: WhereOptions<C>): number {
    const { codec } = this.opened
    return this.#each(options, 'deleteWhere', (document) => {
      removeStored(this.opened, codec.keyOf(document), this.#pending.asOf())
    })
  }

  // All are found before the first is written.
  #each(options: WhereOptions<C>, name: string, write: (document: Document) => void): number {
    const where = checkedWhere(options, name)
    return this.#pending.nested(() => {
      const all = this.find(where === undefined ? {} : ({ where } as never)).all()
      for (const document of all) write(document as Document)
      return all.length
    })
  }
}

/** Refuses what names no documents: it would be all of them. */
function checkedWhere(options: unknown, name: string): unknown {
  checkNames(options, ['where'], name)
  const { where } = options as { readonly where?: unknown }
  if (where === 'all') return undefined
  if (isPlain(where) && Object.keys(where).length > 0) return where
  throw new VarveError(
    'INVALID',
    `${name}: where must have a condition; for all documents say where: 'all'`,
  )
}

const isVersioned = (options: unknown): options is VersionedWriteOptions =>
  typeof options === 'object' && options !== null && 'version' in options

const notFound = (name: string, key: unknown): VarveError =>
  new VarveError('NOT_FOUND', `${name}: ${showKey(key)} is not there`)

/** A collection of an open store. */
export class Documents<in out C extends AnyTypes> extends DocumentsReading<C> {
  protected readonly isTransaction = false
  readonly #level: Level<DocumentTypes>

  /** @internal */
  constructor(opened: Opened, relations: Relations) {
    const encoding = documentEncoding(() => opened.records)
    const level = new Level<DocumentTypes>(opened.opening, opened.level, encoding, [])
    super(opened, relations, encoding, level)
    this.#level = level
  }

  protected beside(other: Opened): { source(): QuerySource } {
    return new Documents(other, {})
  }

  protected defined(): Defined {
    return this.opened.newest
  }

  protected refresh(): void {
    this.opened.refresh()
  }

  /** This collection within a transaction of the same store; or as of the moment of a snapshot, or of at(). */
  in<S extends Types>(transaction: TransactionLevel<S>): DocumentsTransaction<C>
  in<S extends Types>(transaction: LockingLevel<S>): DocumentsLocking<C>
  in<S extends Types>(snapshot: Snapshot<S>): DocumentsSnapshot<C>
  in(within: unknown): unknown {
    if (within instanceof TransactionLevel) {
      const level = this.#level.in(within as TransactionLevel<DocumentTypes>)
      return new DocumentsTransaction<C>(this.opened, this.relations, level)
    }
    if (within instanceof LockingLevel) {
      const { pending } = this.#level.in(within as LockingLevel<DocumentTypes>)
      return new DocumentsLocking<C>(pending, this.#within(pending))
    }
    if (within instanceof Snapshot) {
      const snapshot = this.#level.in(within as Snapshot<DocumentTypes>)
      return new DocumentsSnapshot<C>(this.opened, this.relations, snapshot)
    }
    throw invalid('in', 'a transaction or snapshot of this store, or what at() answered', within)
  }

  /**
   * What a document was, newest first, deletions among them, back to the horizon of the store's `history`: each as its collection was declared when it
   * was written.
   */
  history(key: InferKey<C>, options?: HistoryReadOptions): KeyVersion<Infer<C>>[] {
    const { opening, level } = this.opened
    const encoding = writtenEncoding(() => this.opened.records)
    const written = new Level<DocumentTypes>(opening, level, encoding, [])
    return written.history(this.key(key), options) as KeyVersion<Infer<C>>[]
  }

  /** Adds a document; resolves to it as it is stored. EXISTS if its key is taken, or what a unique index holds. */
  insert(document: InferInsert<C>, options?: WriteOptions): Promise<Infer<C>> {
    return this.#written(document, INSERT, options)
  }

  /** Adds a document, or puts it in the place of the one with its key. */
  put(document: InferInsert<C>, options?: VersionedWriteOptions): Promise<Infer<C>> {
    if (isVersioned(options))
      return this.#versioned(
        () => this.#keyIn(document),
        options,
        (all) => all.put(document),
      )
    return this.#written(document, PUT, options)
  }

  #written(document: unknown, mode: Mode, options: WriteOptions | undefined): Promise<Infer<C>> {
    try {
      const durability = this.#admit(options)
      const whole = fillDocument(this.opened, document)
      writeDocument(this.opened, whole, mode, ALONE)
      return this.#settled(durability, options, whole as Infer<C>)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Changes a document by a patch or a function; resolves to it as it is then. NOT_FOUND if there is none. A function is called again when others
   * were faster, so it must do nothing but answer.
   */
  update(key: InferKey<C>, change: Update<C>, options?: VersionedWriteOptions): Promise<Infer<C>> {
    if (isVersioned(options))
      return this.#versioned(
        () => this.key(key),
        options,
        (all) => all.update(key, change),
      )
    try {
      const durability = this.#admit(options)
      const after = this.#updated(() => this.keyspace.get(this.key(key)), key, change)
      return this.#settled(durability, options, after)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #updated(read: () => unknown, key: unknown, change: unknown): Infer<C> {
    for (let tries = 1; ; tries++) {
      const before = read()
      const since = scratch.f64[SEEN] ?? 0
      if (before === undefined) throw notFound(this.name, key)
      const after = changed(this.opened, before as Document, change)
      try {
        writeDocument(this.opened, after, UPDATE, ALONE, since)
        return after as Infer<C>
      } catch (error) {
        if (!isWorthATry(error) || tries === TRIES_MAX) throw error
      }
    }
  }

  /** insert(), or update() of the document with this key by `change`: without one, by the fields that are given. */
  upsert(document: InferInsert<C>, change?: Update<C>, options?: WriteOptions): Promise<Infer<C>> {
    return this.#run(options, (documents) => documents.upsert(document, change))
  }

  /** insert() of many, as one commit; resolves to how many. When one is refused, nothing has changed. */
  insertMany(documents: readonly InferInsert<C>[], options?: WriteOptions): Promise<number> {
    return this.#run(options, (all) => all.insertMany(documents))
  }

  /** Removes a document; resolves to whether it was there. */
  delete(key: InferKey<C>, options?: VersionedWriteOptions): Promise<boolean> {
    if (isVersioned(options))
      return this.#versioned(
        () => this.key(key),
        options,
        (all) => all.delete(key),
      )
    try {
      const durability = this.#admit(options)
      const wasThere = removeDocument(this.opened, key, ALONE)
      return this.#settled(durability, options, wasThere)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** update() of every document that meets all conditions, as one commit; resolves to how many. */
  updateWhere(which: WhereOptions<C>, change: Update<C>, options?: WriteOptions): Promise<number> {
    return this.#run(options, (documents) => documents.updateWhere(which, change))
  }

  /** delete() of every document that meets all conditions, as one commit; resolves to how many. */
  deleteWhere(which: WhereOptions<C>, options?: WriteOptions): Promise<number> {
    return this.#run(options, (documents) => documents.deleteWhere(which))
  }

  /**
   * Resolves when every index is built, and every document converted whose declaration has changed; rejects with EXISTS where a unique index cannot be
   * built, and with what stands against a document in its newest form.
   */
  ready(options: ReadyOptions = {}): Promise<void> {
    try {
      checkNames(options, ['onProgress', 'signal'], 'ready')
      return unlessAborted(build(this.opened, options.onProgress), options.signal, 'ready')
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * ready(), and writes all documents of older versions in the newest form, too: without it, those that need no conversion are written so when they are
   * written next.
   */
  rewrite(options: ReadyOptions = {}): Promise<void> {
    try {
      beginRewriting(this.opened)
      return this.ready(options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #keyIn(document: unknown): Key {
    return this.opened.codec.keyOf(fillDocument(this.opened, document))
  }

  #versioned<R>(
    keyOf: () => Key,
    { version, ...options }: VersionedWriteOptions,
    fn: (documents: DocumentsTransaction<C>) => R,
  ): Promise<Awaited<R>> {
    return this.#run(options, (documents) => {
      documents.checkVersion(keyOf(), version)
      return fn(documents)
    })
  }

  #run<R>(
    options: WriteOptions | undefined,
    fn: (documents: DocumentsTransaction<C>) => R,
  ): Promise<Awaited<R>> {
    try {
      const durability = this.#admit(options)
      const { opening } = this.opened
      const settings = { ...opening.plainTransaction, durability, signal: options?.signal }
      return run(opening, (pending) => fn(this.#within(pending)), settings)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #within(pending: Pending): DocumentsTransaction<C> {
    const level = new TransactionLevel<DocumentTypes>(pending, this.opened.level, this.encoding)
    return new DocumentsTransaction<C>(this.opened, this.relations, level)
  }

  #admit(options: WriteOptions | undefined): number {
    const { opening } = this.opened
    opening.checkWrite()
    return checkWrite(options, opening.durability, opening.durabilityMax)
  }

  #settled<V>(durability: number, options: WriteOptions | undefined, value: V): Promise<V> {
    const { settling } = this.opened.opening
    const settled = settling.promise(scratch.f64[COMMIT] ?? 0, durability)
    const promise = unlessAborted(
      settled,
      options?.signal,
      'write',
      'the write itself has happened',
    )
    return promise.then(() => value)
  }
}

function isWorthATry(error: unknown): boolean {
  if (!(error instanceof VarveError)) return false
  return error.code === 'CONFLICT' && error.reason !== 'prepared'
}
