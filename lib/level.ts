// lib/level.ts — a keyspace: the store's own, or a sublevel's with its types and encoding.
import { unlessAborted } from './aborting.ts'
import { type AnyEncoding, type Encoding, encodingOf, type ValueOf } from './encoding.ts'
import { invalid } from './errors.ts'
import { encodeKey } from './key.ts'
import { checkHistory, type HistoryReadOptions, type KeyVersion } from './history.ts'
import { LockingLevel, LockingTransaction, OpenLockingTransaction } from './locking.ts'
import { getManyAtOnce } from './many.ts'
import {
  ABSENT,
  COMMIT,
  EXPIRES,
  GROW,
  KEY_AT,
  lastError,
  type NativeLevel,
  type NativeStore,
  scratch,
  TIME,
} from './native.ts'
import type { Opening } from './opening.ts'
import {
  BEGIN,
  type BeginOptions,
  checkSublevel,
  checkTransaction,
  type Pessimistic,
  type SublevelOptions,
  TRANSACTION,
  TRANSACTION_SYNC,
  type TransactionOptions,
  type TransactionSettings,
  type TransactionSyncOptions,
} from './options.ts'
import { growFor } from './range.ts'
import { areTexts, type Entry, type Types } from './reading.ts'
import { showAs } from './showing.ts'
import { holdNow, holdPast, holdShared, Snapshot } from './snapshot.ts'
import { OpenTransaction, Transaction, TransactionLevel } from './transaction.ts'
import { LockingPending } from './transaction/locking.ts'
import { Pending } from './transaction/pending.ts'
import { run, runSync } from './transaction/run.ts'
import { Feed, type WatchOptions } from './watch.ts'
import { Writing } from './writing.ts'

/** A keyspace: the store's own, or a sublevel's. */
export class Level<T extends Types = Entry> extends Writing<T> {
  static {
    showAs<Level>(this, 'Level', (level) => ({ sublevel: level.#path.join(' / ') }))
  }
  readonly #path: readonly string[]

  /** @internal */
  constructor(opening: Opening, level: NativeLevel, encoding: Encoding, path: readonly string[]) {
    super(opening, level, encoding)
    this.#path = path
  }

  /** @internal */
  asOf(): number {
    this.opening.check()
    return 0
  }

  /** @internal */
  override manyOf(keys: readonly T['key'][], fields: readonly string[] | undefined): unknown[] {
    const all: readonly unknown[] = keys
    const values = areTexts(all) ? getManyAtOnce(this.sourceOf(fields), all) : undefined
    if (values !== undefined) return values
    const snapshot = this.snapshot()
    try {
      return snapshot.manyOf(keys, fields)
    } finally {
      snapshot.close()
    }
  }

  /** What this keyspace holds now, kept as it is; or what a snapshot of this store shows whose `id` this is. */
  snapshot(id?: string): Snapshot<T> {
    const hold = id === undefined ? holdNow(this.opening) : holdShared(this.opening, id)
    return new Snapshot<T>(this.opening, this.level, this.encoding, hold)
  }

  /**
   * What this keyspace held after a commit, given by its number, or by a date: then after the last commit of that second. How far
   * back that goes is the store's `history`: TRUNCATED beyond it.
   */
  at(when: number | Date): Snapshot<T> {
    return new Snapshot<T>(this.opening, this.level, this.encoding, holdPast(this.opening, when))
  }

  /**
   * The versions of a key, newest first, deletions among them, back to the one that was there at the horizon of the store's
   * `history`. What was deleted before is not told of.
   */
  history(key: T['key'], options?: HistoryReadOptions): KeyVersion<T['value']>[] {
    this.opening.check()
    const limit = checkHistory(options)
    const horizon = this.opening.native.horizon()
    const versions: KeyVersion<T['value']>[] = []
    let below = Number.MAX_SAFE_INTEGER
    while (versions.length < limit && below > horizon) {
      const answer = this.level.version(this.key(key), below)
      if (answer === GROW) {
        growFor(answer)
        continue
      }
      const commit = scratch.f64[COMMIT] ?? 0
      const time = new Date(scratch.f64[TIME] ?? 0)
      const expires = scratch.f64[EXPIRES] ?? 0
      below = commit
      if (answer !== ABSENT) {
        const value = this.answered(answer)
        const version = { commit, time, deleted: false, value } as const
        versions.push(expires === 0 ? version : { ...version, expires: new Date(expires) })
      } else if (commit > horizon) {
        versions.push({ commit, time, deleted: true })
      }
    }
    return versions
  }

  /**
   * Runs `fn` as a transaction and resolves to what it answered, when its commit is as durable as was asked. A callback that answers at
   * once cannot be interleaved with other JavaScript of its thread; an asynchronous one can, and other workers may write meanwhile: if
   * they wrote what it has read, it runs again, up to `retries` times, and then rejects with CONFLICT. So it must do nothing that counts
   * outside of `tx`; `tx.attempt` tells how often it ran. When it throws, nothing has changed. With `mode: 'pessimistic'` every call of `tx`
   * waits for its lock, and the callback runs again only after a deadlock, or a conflict with a write that took no lock.
   */
  transaction<R>(
    fn: (tx: Snapshot<T>) => R,
    options: TransactionOptions & { readonly readOnly: true },
  ): Promise<Awaited<R>>
  transaction<R>(
    fn: (tx: LockingTransaction<T>) => R,
    options: TransactionOptions & Pessimistic,
  ): Promise<Awaited<R>>
  transaction<R>(fn: (tx: Transaction<T>) => R, options?: TransactionOptions): Promise<Awaited<R>>
  transaction<R>(fn: (tx: never) => R, options?: TransactionOptions): Promise<Awaited<R>> {
    try {
      const settings = this.#settings(fn, options, TRANSACTION)
      if (settings.readOnly) return this.#readOnly(fn as (tx: Snapshot<T>) => R, settings)
      const make = fn as (tx: Transaction<T> | LockingTransaction<T>) => R
      return run(this.opening, (pending) => make(this.#within(pending)), settings)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** transaction() of a callback that answers at once, waited for here. */
  transactionSync<R>(fn: (tx: Transaction<T>) => R, options?: TransactionSyncOptions): R {
    const settings = this.#settings(fn, options, TRANSACTION_SYNC)
    const { value } = runSync(this.opening, (pending) => fn(this.#plain(pending)), settings)
    if (this.opening.native.waitFor(settings.durability) < 0) throw lastError()
    return value
  }

  /** A transaction that ends by its commit() or rollback(), or with its scope: `await using tx = db.begin()`. */
  begin(options: BeginOptions & Pessimistic): OpenLockingTransaction<T>
  begin(options?: BeginOptions): OpenTransaction<T>
  begin(options: BeginOptions = {}): OpenTransaction<T> | OpenLockingTransaction<T> {
    const settings = this.#settings(() => undefined, options, BEGIN)
    const { isolation, durability, lockTimeoutMs } = settings
    if (lockTimeoutMs !== undefined) {
      const locking = new LockingPending(this.opening, 1, { timeoutMs: lockTimeoutMs, age: 0 })
      return new OpenLockingTransaction<T>(locking, this.level, this.encoding, durability)
    }
    const pending = new Pending(this.opening, isolation, 1)
    return new OpenTransaction<T>(pending, this.level, this.encoding, durability)
  }

  #within(pending: Pending): Transaction<T> | LockingTransaction<T> {
    if (!(pending instanceof LockingPending)) return this.#plain(pending)
    return new LockingTransaction<T>(pending, this.level, this.encoding)
  }

  #plain(pending: Pending): Transaction<T> {
    return new Transaction<T>(pending, this.level, this.encoding)
  }

  #settings(fn: unknown, options: unknown, known: readonly string[]): TransactionSettings {
    this.opening.checkWrite()
    if (typeof fn !== 'function') throw invalid('transaction', 'a function', fn)
    if (options === undefined) return this.opening.plainTransaction
    return checkTransaction(options, known, this.opening.durability, this.opening.durabilityMax)
  }

  // What it has read is as durable as was asked before it is told of.
  async #readOnly<R>(
    fn: (tx: Snapshot<T>) => R,
    { durability, signal }: TransactionSettings,
  ): Promise<Awaited<R>> {
    const snapshot = this.snapshot()
    try {
      const answer = await unlessAborted(Promise.resolve(fn(snapshot)), signal, 'transaction')
      await this.opening.settling.promise(snapshot.commit, durability)
      return answer
    } finally {
      snapshot.close()
    }
  }

  /**
   * This keyspace within a transaction of any keyspace of the same store; or as of the moment of a snapshot, or of at(). It ends with that
   * one.
   */
  in<S extends Types>(within: TransactionLevel<S>): TransactionLevel<T>
  in<S extends Types>(within: LockingLevel<S>): LockingLevel<T>
  in<S extends Types>(within: Snapshot<S>): Snapshot<T>
  in<S extends Types>(
    within: TransactionLevel<S> | LockingLevel<S> | Snapshot<S>,
  ): TransactionLevel<T> | LockingLevel<T> | Snapshot<T> {
    if (within instanceof LockingLevel && within.pending.opening === this.opening) {
      within.pending.number()
      return new LockingLevel<T>(within.pending, this.level, this.encoding)
    }
    if (within instanceof TransactionLevel && within.pending.opening === this.opening) {
      within.pending.number() // CLOSED after its end.
      return new TransactionLevel<T>(within.pending, this.level, this.encoding)
    }
    if (within instanceof Snapshot && within.hold.opening === this.opening) {
      return new Snapshot<T>(this.opening, this.level, this.encoding, within.hold)
    }
    throw invalid('in', 'a transaction or snapshot of this store, or what at() answered', within)
  }

  /**
   * The commits that change this keyspace, or a range of it, in order and each whole: those after `from`, and on as they are made.
   * A consumer that is slow keeps no writer waiting: it reads the log later. Breaking out of the loop ends the feed.
   */
  watch(options: WatchOptions<T['key']> = {}): Feed<T['key'], T['value']> {
    return new Feed<T['key'], T['value']>(this.opening, this.level, this.encoding, options)
  }

  /** A keyspace of its own within this one, with its own types and encoding. Ranges of this level do not show it. */
  sublevel<const E extends AnyEncoding>(
    name: string,
    options: { readonly encoding: E },
  ): Level<Entry<ValueOf<E>>>
  sublevel<S extends Types = Entry>(name: string, options?: SublevelOptions<S['value']>): Level<S>
  sublevel<S extends Types>(name: string, options: SublevelOptions<S['value']> = {}): Level<S> {
    this.opening.check()
    if (typeof name !== 'string' || name === '')
      throw invalid('name', 'the name of a sublevel', name)
    checkSublevel(options)
    const path = [...this.#path, name]
    const id = this.opening.native.sublevelId(encodeKey(path, 'name', scratch.key, 0))
    if (id < 0) throw lastError()
    const prefix = Buffer.alloc(5, 0x11)
    prefix.writeUInt32BE(id === 0 ? 0xffffffff : id, 1)
    return new Level<S>(
      this.opening,
      openLevel(this.opening.native, prefix),
      encodingOf(options.encoding, this.opening.shapes),
      path,
    )
  }
}

/** The functions of the keyspace whose stored keys begin with `prefix`. */
export function openLevel(native: NativeStore, prefix: Uint8Array): NativeLevel {
  scratch.bytes.set(prefix, KEY_AT)
  const level = native.level(prefix.length)
  if (typeof level === 'number') throw lastError()
  return level
}
