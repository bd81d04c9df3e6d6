// lib/transaction.ts — a transaction as its callback sees it: the methods of a store, answering at once. docs/transactions.md
import { encoded, type Encoding, writeAddend, writeValue } from './encoding.ts'
import { invalid, within } from './errors.ts'
import { type ExpiryOptions, expiryOf } from './expiry.ts'
import { refusal } from './conflict.ts'
import { ABSENT, EXPIRES, FAILED, lastError, type NativeLevel, scratch } from './native.ts'
import { checkBounds, checkExpiry, type RangeOptions } from './options.ts'
import { checkPreparedId } from './prepared.ts'
import { placeBounds, planOf } from './range.ts'
import { type Entry, Reading, type Types } from './reading.ts'
import type { Receipt } from './settling.ts'
import { showAs } from './showing.ts'
import type { Pending } from './transaction/pending.ts'
import type { BatchOperation } from './writing.ts'

/** A keyspace within a transaction: what it reads has the transaction's own writes in it, and what it writes nobody else sees yet. */
export class TransactionLevel<T extends Types = Entry> extends Reading<T> {
  static {
    showAs<TransactionLevel>(this, 'TransactionLevel', ({ pending }) => ({
      isOpen: pending.isOpen,
    }))
  }
  /** @internal */
  readonly pending: Pending

  /** @internal */
  constructor(pending: Pending, level: NativeLevel, encoding: Encoding) {
    super(pending.opening, level, encoding)
    this.pending = pending
  }

  /** @internal */
  asOf(): number {
    return this.pending.asOf()
  }

  /** @internal The addon's answer: whether the lock is there, or waited for. */
  lockKey(key: T['key'], exclusive: boolean): number {
    const number = this.pending.number()
    return this.level.transactionLock(this.key(key), exclusive ? 1 : 0, number)
  }

  /** @internal */
  lockRange(range: RangeOptions<T['key']>, exclusive: boolean): number {
    const plan = planOf(range)
    const number = this.pending.number()
    const endBytes = placeBounds(plan)
    return this.level.transactionLockRange(plan.begin.length, endBytes, exclusive ? 1 : 0, number)
  }

  // What every write begins with.
  #number(): number {
    const number = this.pending.number()
    const { shapes } = this.opening
    if (shapes.areWaiting) shapes.settle()
    return number
  }

  /**
   * Writes a value under a key: read back from here on, and visible to others after the commit. With `ttl`, which counts from this
   * call, or `expiresAt` it is there until then; without, it stays, also where the key had one that would expire.
   */
  put(key: T['key'], value: T['value'], options?: ExpiryOptions): void {
    if (options === undefined) return this.#put(key, value, 0)
    checkExpiry(options)
    this.#put(key, value, expiryOf(options))
  }

  #put(key: T['key'], value: T['value'], expires: number): void {
    const number = this.#number()
    const { level } = this
    writeValue(this.encoding, value, this.opening.commitBytesMax)
    const { value: passed, headBytes } = encoded
    const answer =
      expires === 0
        ? level.transactionPut(this.key(key), passed, headBytes, number)
        : level.transactionPut(this.key(key), passed, headBytes, number, expires)
    if (answer < 0) throw lastError()
  }

  /** Removes a key; an absent one is no error. */
  delete(key: T['key']): void {
    const number = this.#number()
    if (this.level.transactionDelete(this.key(key), number) < 0) throw lastError()
  }

  /** Deletes a whole range by one edit, however many keys it has. */
  deleteRange(range: RangeOptions<T['key']>): void {
    checkBounds(range)
    const plan = planOf(range)
    const number = this.#number()
    const answer = this.level.transactionDeleteRange(plan.begin.length, placeBounds(plan), number)
    if (answer < 0) throw lastError()
  }

  /**
   * Adds to the number that is there at the commit, whoever adds to it meanwhile: no conflict, unless get() or a range has read the key
   * here. INVALID if anything but a number is there, or for a bigint anything but a bigint.
   */
  increment(key: T['key'], by: number | bigint = 1): void {
    const number = this.#number()
    writeAddend(this.encoding, by, this.opening.commitBytesMax)
    const answer = this.level.transactionIncrement(this.key(key), encoded.headBytes, number)
    if (answer < 0) throw lastError()
  }

  /**
   * Reads, changes and writes one key; answers the new value, which expires when the one before it would. A callback that answers
   * undefined deletes the key.
   */
  update(
    key: T['key'],
    change: (value: T['value'] | undefined) => T['value'] | undefined,
  ): T['value'] | undefined {
    if (typeof change !== 'function')
      throw invalid('update', 'a function as its second argument', change)
    const before = this.get(key)
    const expires = before === undefined ? 0 : (scratch.f64[EXPIRES] ?? 0)
    const value = change(before)
    if (value === undefined) this.delete(key)
    else this.#put(key, value, expires)
    return value
  }

  /** Takes the expiry from a key; answers whether it had one. */
  persist(key: T['key']): boolean {
    const left = this.ttl(key)
    if (left === undefined || left === Infinity) return false
    this.#put(key, this.get(key), 0)
    return true
  }

  /** Writes a value if the key has none, and answers whether it did. Somebody else's write of the key is a conflict at every isolation. */
  putIfAbsent(key: T['key'], value: T['value']): boolean {
    if (this.#guard(key) !== undefined) return false
    this.put(key, value)
    return true
  }

  /** Writes a value if the key's version is this one, and answers whether it did; as putIfAbsent(). */
  putIfVersion(key: T['key'], value: T['value'], version: number): boolean {
    if (this.#guard(key) !== version) return false
    this.put(key, value)
    return true
  }

  // The version of a key that must not change before the commit, whatever the isolation.
  #guard(key: T['key']): number | undefined {
    const answer = this.level.has(this.key(key), this.asOf())
    if (answer === FAILED) throw lastError()
    const version = answer === ABSENT ? undefined : this.versionFound()
    if (this.level.transactionGuard(this.key(key), this.pending.number()) < 0) throw lastError()
    return version
  }

  /** Several edits, all of them or, where one is refused, none. */
  batch(operations: readonly BatchOperation<T>[]): void {
    if (!Array.isArray(operations)) throw invalid('batch', 'an array of operations', operations)
    this.pending.nested(() => {
      operations.forEach((operation, index) => {
        try {
          this.#apply(operation)
        } catch (error) {
          throw within(`batch[${index}]`, error)
        }
      })
    })
  }

  #apply(operation: BatchOperation<T> | undefined): void {
    const type: unknown = operation?.type
    if (operation?.type === 'put') {
      const { key, value } = operation
      this.#put(key, value, expiryOf(operation))
    } else if (operation?.type === 'delete') this.delete(operation.key)
    else throw invalid('type', "'put' or 'delete'", type)
  }
}

/**
 * A transaction. What it reads is as of its begin, with its own writes; what it writes becomes visible all at once, by its commit.
 * After its end every method is CLOSED.
 */
export class Transaction<T extends Types = Entry> extends TransactionLevel<T> {
  static {
    showAs<Transaction>(this, 'Transaction', ({ attempt, pending }) => ({
      attempt,
      isOpen: pending.isOpen,
    }))
  }
  /** Which try this is, from 1: a callback runs again after a conflict. */
  get attempt(): number {
    return this.pending.attempt
  }

  /**
   * A savepoint: runs `fn` and answers what it answers. If it throws, or its promise rejects, its writes are taken back and the
   * transaction goes on as if it had written nothing; what it read still counts.
   */
  transaction<R>(fn: (tx: Transaction<T>) => R): R {
    if (typeof fn !== 'function') throw invalid('transaction', 'a function', fn)
    return this.pending.nested(() => fn(this))
  }
}

/** A transaction that ends when you say so. */
export class OpenTransaction<T extends Types = Entry>
  extends Transaction<T>
  implements Disposable, AsyncDisposable
{
  readonly #durability: number

  /** @internal */
  constructor(pending: Pending, level: NativeLevel, encoding: Encoding, durability: number) {
    super(pending, level, encoding)
    this.#durability = durability
    forgotten.register(this, pending, this)
  }

  /** Makes it visible; resolves when it is as durable as was asked. CONFLICT if others wrote what it has read: then nothing has changed. */
  async commit(): Promise<Receipt> {
    forgotten.unregister(this)
    const commit = this.pending.tryCommit()
    if (commit === undefined) throw refusal()
    return await this.opening.settling.promise(commit, this.#durability)
  }

  /**
   * The first of two steps, in place of commit(): the transaction is validated and made durable, and from then on no other commit changes what
   * it has read or will write (CONFLICT, reason 'prepared'), until `db.prepared(id)` is committed or rolled back, also after a crash. `id`: at
   * most 256 bytes of UTF-8; EXISTS if another is prepared under it. Whatever comes of it, the transaction has ended.
   */
  async prepare(id: string): Promise<Receipt> {
    checkPreparedId(id)
    forgotten.unregister(this)
    const commit = this.pending.tryPrepare(id)
    if (commit === undefined) throw refusal()
    return await this.opening.settling.promise(commit, this.#durability)
  }

  /** Ends it; nothing has changed. Harmless after its end. */
  rollback(): void {
    forgotten.unregister(this)
    this.pending.rollback()
  }

  [Symbol.dispose](): void {
    this.rollback()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rollback()
  }
}

const forgotten = new FinalizationRegistry<Pending>((pending) => pending.rollback())
