// lib/locking.ts — a transaction that locks, as its callback sees it: every call takes its lock first, and so answers by a promise.
//
// Beneath lies a transaction as transaction.ts has it, whose methods run when their lock is there. docs/transactions.md
import { refusal } from './conflict.ts'
import { type Encoding } from './encoding.ts'
import { invalid } from './errors.ts'
import type { ExpiryOptions } from './expiry.ts'
import type { NativeLevel } from './native.ts'
import {
  checkExpiry,
  checkLock,
  checkRange,
  type LockOptions,
  type RangeOptions,
} from './options.ts'
import { checkPreparedId } from './prepared.ts'
import type { Entry, Types } from './reading.ts'
import type { Receipt } from './settling.ts'
import { showAs } from './showing.ts'
import { TransactionLevel } from './transaction.ts'
import type { LockingPending } from './transaction/locking.ts'

/** A keyspace within a transaction that locks. What a call is given must not be changed before it has answered. */
export class LockingLevel<T extends Types = Entry> {
  static {
    showAs<LockingLevel>(this, 'LockingLevel', ({ pending }) => ({ isOpen: pending.isOpen }))
  }
  /** @internal */
  readonly pending: LockingPending
  readonly #inner: TransactionLevel<T>

  /** @internal */
  constructor(pending: LockingPending, level: NativeLevel, encoding: Encoding) {
    this.pending = pending
    this.#inner = new TransactionLevel<T>(pending, level, encoding)
  }

  #keyed<R>(key: T['key'], exclusive: boolean, then: (inner: TransactionLevel<T>) => R) {
    const inner = this.#inner
    return this.pending.locked(
      () => inner.lockKey(key, exclusive),
      () => then(inner),
    )
  }

  #ranged<R>(
    range: RangeOptions<T['key']>,
    exclusive: boolean,
    then: (inner: TransactionLevel<T>) => R,
  ) {
    const inner = this.#inner
    return this.pending.locked(
      () => inner.lockRange(range, exclusive),
      () => then(inner),
    )
  }

  /** The newest value of a key, or undefined. Others that lock may read it, too, and not write it before this ends. */
  get(key: T['key']): Promise<T['value'] | undefined> {
    return this.#keyed(key, false, (inner) => inner.get(key))
  }

  /** get() for whoever is going to write the key: no other that locks reads it meanwhile. */
  getForUpdate(key: T['key']): Promise<T['value'] | undefined> {
    return this.#keyed(key, true, (inner) => inner.get(key))
  }

  /** Whether a key has a value. */
  has(key: T['key']): Promise<boolean> {
    return this.#keyed(key, false, (inner) => inner.has(key))
  }

  /** The entries of a range. All of it is locked, whatever `limit` says: nobody else that locks adds to it or takes from it. */
  async entries(range: RangeOptions<T['key']> = {}): Promise<[T['key'], T['value']][]> {
    checkRange(range)
    return this.#ranged(range, false, (inner) => inner.range(range).toArray())
  }

  /** How many entries a range has, all of which is locked. */
  async count(range: RangeOptions<T['key']> = {}): Promise<number> {
    checkRange(range)
    return this.#ranged(range, false, (inner) => inner.count(range))
  }

  /**
   * Writes a value under a key: read back from here on, and visible to others after the commit. A `ttl` counts from when it has its lock;
   * without one or `expiresAt` the value stays, also where the key had one that would expire.
   */
  async put(key: T['key'], value: T['value'], options?: ExpiryOptions): Promise<void> {
    if (options !== undefined) checkExpiry(options)
    return this.#keyed(key, true, (inner) => inner.put(key, value, options))
  }

  /** Milliseconds until the value of a key expires; Infinity without an expiry, undefined when it is absent. */
  ttl(key: T['key']): Promise<number | undefined> {
    return this.#keyed(key, false, (inner) => inner.ttl(key))
  }

  /** Lets the value of a key stay; answers whether it would have expired. */
  persist(key: T['key']): Promise<boolean> {
    return this.#keyed(key, true, (inner) => inner.persist(key))
  }

  /** Removes a key; an absent one is no error. */
  delete(key: T['key']): Promise<void> {
    return this.#keyed(key, true, (inner) => inner.delete(key))
  }

  /** Deletes a whole range by one edit, however many keys it has. */
  async deleteRange(range: RangeOptions<T['key']>): Promise<void> {
    checkRange(range, 'deleteRange')
    return this.#ranged(range, true, (inner) => inner.deleteRange(range))
  }

  /** Adds to the number that is there. */
  increment(key: T['key'], by: number | bigint = 1): Promise<void> {
    return this.#keyed(key, true, (inner) => inner.increment(key, by))
  }

  /** Reads, changes and writes one key; answers the new value. A callback that answers undefined deletes the key. */
  async update(
    key: T['key'],
    change: (value: T['value'] | undefined) => T['value'] | undefined,
  ): Promise<T['value'] | undefined> {
    if (typeof change !== 'function')
      throw invalid('update', 'a function as its second argument', change)
    return this.#keyed(key, true, (inner) => inner.update(key, change))
  }

  /** Writes a value if the key has none, and answers whether it did. */
  putIfAbsent(key: T['key'], value: T['value']): Promise<boolean> {
    return this.#keyed(key, true, (inner) => inner.putIfAbsent(key, value))
  }

  /** Takes the lock of a key before it is needed: an exclusive one, unless `shared`. */
  async lock(key: T['key'], options?: LockOptions): Promise<void> {
    const shared = checkLock(options, 'lock')
    await this.#keyed(key, !shared, () => undefined)
  }

  /** Takes the lock of all keys of a range, there or not: an exclusive one, unless `shared`. */
  async lockRange(range: RangeOptions<T['key']>, options?: LockOptions): Promise<void> {
    checkRange(range, 'lockRange')
    const shared = checkLock(options, 'lockRange')
    await this.#ranged(range, !shared, () => undefined)
  }
}

/**
 * A transaction that locks: `mode: 'pessimistic'`. Each call waits until others have let go of what it is about, and then reads the newest
 * commit, with the transaction's own writes. After its end every method rejects with CLOSED.
 */
export class LockingTransaction<T extends Types = Entry> extends LockingLevel<T> {
  static {
    showAs<LockingTransaction>(this, 'LockingTransaction', ({ attempt, pending }) => ({
      attempt,
      isOpen: pending.isOpen,
    }))
  }
  /** Which try this is, from 1: a callback runs again after a deadlock, or after a conflict with a write that took no lock. */
  get attempt(): number {
    return this.pending.attempt
  }

  /** A savepoint, as Transaction.transaction(). What was locked within stays so. */
  async transaction<R>(fn: (tx: LockingTransaction<T>) => R): Promise<Awaited<R>> {
    if (typeof fn !== 'function') throw invalid('transaction', 'a function', fn)
    return await this.pending.nested(() => fn(this))
  }
}

/** A transaction that locks, and ends when you say so. */
export class OpenLockingTransaction<T extends Types = Entry>
  extends LockingTransaction<T>
  implements Disposable, AsyncDisposable
{
  readonly #durability: number

  /** @internal */
  constructor(pending: LockingPending, level: NativeLevel, encoding: Encoding, durability: number) {
    super(pending, level, encoding)
    this.#durability = durability
  }

  /**
   * Makes it visible, and lets its locks go; resolves when it is as durable as was asked. CONFLICT if a write that took no lock has changed
   * what it has read: then nothing has changed.
   */
  async commit(): Promise<Receipt> {
    const { opening } = this.pending
    const commit = this.pending.tryCommit()
    if (commit === undefined) throw refusal()
    return await opening.settling.promise(commit, this.#durability)
  }

  /**
   * The first of two steps, in place of commit(): the transaction is validated and made durable, and from then on no other commit changes what
   * it has read or will write (CONFLICT, reason 'prepared'), until `db.prepared(id)` is committed or rolled back, also after a crash. `id`: at
   * most 256 bytes of UTF-8; EXISTS if another is prepared under it. Whatever comes of it, the transaction has ended, and its locks go.
   */
  async prepare(id: string): Promise<Receipt> {
    checkPreparedId(id)
    const { opening } = this.pending
    const commit = this.pending.tryPrepare(id)
    if (commit === undefined) throw refusal()
    return await opening.settling.promise(commit, this.#durability)
  }

  /** Ends it; nothing has changed, and its locks go. Harmless after its end. */
  rollback(): void {
    this.pending.rollback()
  }

  [Symbol.dispose](): void {
    this.rollback()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rollback()
  }
}
