// lib/writing.ts — writing one keyspace: each call is checked, applied and visible when it returns, and its promise settles when
// the write is as durable as was asked.
import { isDeepStrictEqual } from 'node:util'

import { unlessAborted } from './aborting.ts'
import { refusal } from './conflict.ts'
import { encoded, writeAddend, writeValue } from './encoding.ts'
import { invalid, VarveError, within } from './errors.ts'
import { type ExpiryOptions, expiryOf } from './expiry.ts'
import { COMMIT, EXPIRES, FAILED, lastError, type NativeLevel, scratch, SEEN } from './native.ts'
import {
  checkBounds,
  checkWrite,
  DURABILITY_NAMES,
  type PutOptions,
  type RangeOptions,
  type WriteOptions,
} from './options.ts'
import { placeBounds, planOf } from './range.ts'
import { Reading, type Types } from './reading.ts'
import type { Receipt } from './settling.ts'

export type BatchOperation<T extends Types> =
  | ({ readonly type: 'put'; readonly key: T['key']; readonly value: T['value'] } & ExpiryOptions)
  | { readonly type: 'delete'; readonly key: T['key'] }
/** Edits gathered one by one, written as one commit by write(). */
export class Batch<T extends Types> {
  readonly #operations: BatchOperation<T>[] = []
  readonly #write: (
    operations: readonly BatchOperation<T>[],
    options?: WriteOptions,
  ) => Promise<Receipt>

  /** @internal */
  constructor(
    write: (operations: readonly BatchOperation<T>[], options?: WriteOptions) => Promise<Receipt>,
  ) {
    this.#write = write
  }

  get size(): number {
    return this.#operations.length
  }

  put(key: T['key'], value: T['value'], expiry?: ExpiryOptions): this {
    this.#operations.push({ type: 'put', key, value, ...expiry })
    return this
  }

  delete(key: T['key']): this {
    this.#operations.push({ type: 'delete', key })
    return this
  }

  write(options?: WriteOptions): Promise<Receipt> {
    return this.#write(this.#operations.splice(0), options)
  }
}
const UPDATE_TRIES_MAX = 100

// What is prepared stays so for longer than a few tries.
function isWorthATry({ code, reason }: VarveError): boolean {
  return code === 'CONFLICT' && reason !== 'prepared'
}

/** A keyspace that can be written. */
export abstract class Writing<T extends Types> extends Reading<T> {
  /** What every write begins with: answers the number of its durability. */
  #admit(options: WriteOptions | undefined, puts = false): number {
    this.opening.checkWrite()
    const { shapes } = this.opening
    if (shapes.areWaiting) shapes.settle()
    return checkWrite(options, this.opening.durability, this.opening.durabilityMax, puts)
  }

  /** Runs a write; whatever refuses it rejects the promise, and nothing has changed. */
  #commit(options: WriteOptions | undefined, write: () => number): Promise<Receipt> {
    try {
      const durability = this.#admit(options)
      if (write() < 0) return Promise.reject(refusal())
      return this.#promise(durability, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #promise(durability: number, signal: AbortSignal | undefined): Promise<Receipt> {
    const promise = this.opening.settling.promise(scratch.f64[COMMIT] ?? 0, durability)
    return unlessAborted(promise, signal, 'write', 'the write itself has happened')
  }

  /** The synchronous family: the write has been made, and is waited for here. */
  #waited(durability: number): Receipt {
    const commit = scratch.f64[COMMIT] ?? 0
    if (this.opening.native.waitFor(durability) < 0) throw lastError()
    return { commit, durability: DURABILITY_NAMES[durability] ?? 'disk' }
  }

  #put(key: T['key'], value: T['value'], options: PutOptions | undefined): number {
    const expires = options === undefined ? 0 : expiryOf(options)
    writeValue(this.encoding, value, this.opening.commitBytesMax)
    if (expires === 0) return this.level.put(this.key(key), encoded.value, encoded.headBytes)
    return this.level.put(this.key(key), encoded.value, encoded.headBytes, expires)
  }

  // Put and delete are written out: a closure for each call would be a good part of their cost.
  /**
   * Writes a value under a key; visible at once, settled when it is as durable as was asked. With `ttl` or `expiresAt` it is there
   * until then; without, it stays, also where the key had one that would expire.
   */
  put(key: T['key'], value: T['value'], options?: PutOptions): Promise<Receipt> {
    try {
      const durability = this.#admit(options, true)
      if (this.#put(key, value, options) < 0) return Promise.reject(refusal())
      return this.#promise(durability, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** put(), waited for here. */
  putSync(key: T['key'], value: T['value'], options?: PutOptions): Receipt {
    const durability = this.#admit(options, true)
    if (this.#put(key, value, options) < 0) throw refusal()
    return this.#waited(durability)
  }

  /** Removes a key; an absent one is no error. */
  delete(key: T['key'], options?: WriteOptions): Promise<Receipt> {
    try {
      const durability = this.#admit(options)
      if (this.level.delete(this.key(key)) < 0) return Promise.reject(refusal())
      return this.#promise(durability, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** delete(), waited for here. */
  deleteSync(key: T['key'], options?: WriteOptions): Receipt {
    const durability = this.#admit(options)
    if (this.level.delete(this.key(key)) < 0) throw refusal()
    return this.#waited(durability)
  }

  /** Deletes a whole range by one edit, however many keys it has. */
  deleteRange(range: RangeOptions<T['key']>, options?: WriteOptions): Promise<Receipt> {
    return this.#commit(options, () => {
      checkBounds(range)
      const plan = planOf(range)
      return this.level.deleteRange(plan.begin.length, placeBounds(plan))
    })
  }

  /**
   * Reads, changes and writes one key as one step, whoever else writes it: when another worker was faster, the callback is called
   * again with what is there by then, so it must do nothing but answer the new value. Resolves to that value, which expires when
   * the one before it would. A callback that answers undefined deletes the key; CONFLICT when others were faster 100 times.
   */
  async update(
    key: T['key'],
    change: (value: T['value'] | undefined) => T['value'] | undefined,
    options?: WriteOptions,
  ): Promise<T['value'] | undefined> {
    if (typeof change !== 'function')
      throw invalid('update', 'a function as its second argument', change)
    const durability = this.#admit(options)
    for (let tries = 1; ; tries++) {
      const before = this.get(key)
      const since = scratch.f64[SEEN] ?? 0
      const expires = before === undefined ? 0 : (scratch.f64[EXPIRES] ?? 0)
      const value = change(before)
      if (this.#writeIf(key, value, since, expires) >= 0) {
        await this.#promise(durability, options?.signal)
        return value
      }
      const error = refusal()
      if (!isWorthATry(error) || tries === UPDATE_TRIES_MAX) throw error
    }
  }

  /**
   * Adds to the number under a key, 1 if nothing else is said, and resolves to the sum. What is absent is zero; INVALID if anything
   * but a number is there, or for a bigint anything but a bigint. Nobody's write of the key is in its way, but that of a
   * prepared transaction which is not `increment()`.
   */
  increment(key: T['key'], by?: number, options?: WriteOptions): Promise<number>
  increment(key: T['key'], by: bigint, options?: WriteOptions): Promise<bigint>
  async increment(
    key: T['key'],
    by: number | bigint = 1,
    options?: WriteOptions,
  ): Promise<number | bigint> {
    const durability = this.#admit(options)
    const sum = this.#increment(key, by)
    await this.#promise(durability, options?.signal)
    return sum
  }

  /** increment(), waited for here. */
  incrementSync(key: T['key'], by?: number, options?: WriteOptions): number
  incrementSync(key: T['key'], by: bigint, options?: WriteOptions): bigint
  incrementSync(key: T['key'], by: number | bigint = 1, options?: WriteOptions): number | bigint {
    const durability = this.#admit(options)
    const sum = this.#increment(key, by)
    this.#waited(durability)
    return sum
  }

  #increment(key: T['key'], by: number | bigint): number | bigint {
    writeAddend(this.encoding, by, this.opening.commitBytesMax)
    const answer = this.level.increment(this.key(key), encoded.headBytes)
    if (answer === FAILED) throw refusal()
    return this.answered(answer) as number | bigint
  }

  /** Writes a value if the key has none; resolves to whether it did. */
  putIfAbsent(key: T['key'], value: T['value'], options?: WriteOptions): Promise<boolean> {
    const put = (since: number): number => this.#putIf(key, value, since, 0)
    return this.#writeWhen(() => this.version(key) === undefined, put, options)
  }

  /** Writes a value if the version of the key, which `version()` tells, is still this one; resolves to whether it did. */
  putIfVersion(
    key: T['key'],
    value: T['value'],
    version: number,
    options?: WriteOptions,
  ): Promise<boolean> {
    if (!Number.isSafeInteger(version) || version < 1)
      return Promise.reject(invalid('version', 'a commit number that version() told', version))
    const put = (since: number): number => this.#putIf(key, value, since, 0)
    return this.#writeWhen(() => this.version(key) === version, put, options)
  }

  /**
   * Writes a value if the key has one that is deeply equal to `expected` (undefined: has none); resolves to whether it did. A value of
   * undefined deletes the key.
   */
  compareAndSwap(
    key: T['key'],
    expected: T['value'] | undefined,
    value: T['value'] | undefined,
    options?: WriteOptions,
  ): Promise<boolean> {
    const write = (since: number): number => this.#writeIf(key, value, since, 0)
    return this.#writeWhen(() => isDeepStrictEqual(this.get(key), expected), write, options)
  }

  // A conflict may be by a write that changed nothing of what was asked: then it is looked at again.
  async #writeWhen(
    holds: () => boolean,
    write: (since: number) => number,
    options: WriteOptions | undefined,
  ): Promise<boolean> {
    const durability = this.#admit(options)
    for (let tries = 1; ; tries++) {
      if (!holds()) return false
      if (write(scratch.f64[SEEN] ?? 0) >= 0) {
        await this.#promise(durability, options?.signal)
        return true
      }
      const error = refusal()
      if (!isWorthATry(error) || tries === UPDATE_TRIES_MAX) throw error
    }
  }

  #writeIf(key: T['key'], value: T['value'] | undefined, since: number, expires: number): number {
    if (value !== undefined) return this.#putIf(key, value, since, expires)
    this.opening.check()
    return this.level.deleteIf(this.key(key), since)
  }

  #putIf(key: T['key'], value: T['value'], since: number, expires: number): number {
    this.opening.check() // The callback may have closed the store.
    writeValue(this.encoding, value, this.opening.commitBytesMax)
    return this.level.putIf(this.key(key), encoded.value, encoded.headBytes, since, expires)
  }

  /** Takes the expiry from a key; resolves to whether it had one. */
  async persist(key: T['key'], options?: WriteOptions): Promise<boolean> {
    const durability = this.#admit(options)
    const answer = this.level.persist(this.key(key))
    if (answer < 0) throw lastError()
    if (answer > 0) await this.#promise(durability, options?.signal)
    return answer > 0
  }

  /** Several edits as one commit: given as an array, or gathered by `batch().put(…).delete(…).write()`. */
  batch(): Batch<T>
  batch(operations: readonly BatchOperation<T>[], options?: WriteOptions): Promise<Receipt>
  batch(
    operations?: readonly BatchOperation<T>[],
    options?: WriteOptions,
  ): Batch<T> | Promise<Receipt> {
    if (operations === undefined) return new Batch((all, given) => this.batch(all, given))
    return this.#commit(options, () => this.#gather(operations))
  }

  /** batch() of an array, waited for here. */
  batchSync(operations: readonly BatchOperation<T>[], options?: WriteOptions): Receipt {
    const durability = this.#admit(options)
    if (this.#gather(operations) < 0) throw refusal()
    return this.#waited(durability)
  }

  #gather(operations: readonly BatchOperation<T>[]): number {
    if (!Array.isArray(operations)) throw invalid('batch', 'an array of operations', operations)
    if (this.opening.isGathering) throw new VarveError('INVALID', 'batch: within a batch')
    this.opening.isGathering = true
    const { level } = this
    const { shapes } = this.opening
    let index = 0
    try {
      for (; index < operations.length; index++) {
        if (this.#add(level, operations[index]) < 0) throw lastError()
        if (shapes.areWaiting) shapes.settle()
      }
    } catch (error) {
      level.batchClear()
      throw within(`batch[${index}]`, error)
    } finally {
      this.opening.isGathering = false
    }
    return level.batchCommit()
  }

  #add(level: NativeLevel, operation: BatchOperation<T> | undefined): number {
    const type: unknown = operation?.type
    if (operation?.type === 'put') {
      const { key, value } = operation // First: getters may use the scratch that value and key go to.
      const expires = expiryOf(operation)
      writeValue(this.encoding, value, this.opening.commitBytesMax)
      return level.batchPut(this.key(key), encoded.value, encoded.headBytes, expires)
    }
    if (operation?.type === 'delete') return level.batchDelete(this.key(operation.key))
    throw invalid('type', "'put' or 'delete'", type)
  }
}
