// lib/opening.ts — what one opening of a store has, shared by its keyspaces and snapshots: whether it is still open, who
// waits for what, and who listens.
import { encoding } from './encoding.ts'
import { VarveError } from './errors.ts'
import { type Stall, Listeners } from './events.ts'
import {
  COMMIT,
  errorOf,
  HELD_MS,
  lastError,
  LONGEST_MS,
  type NativeStore,
  scratch,
  WAIT_COUNT,
} from './native.ts'
import {
  type CheckedOpen,
  type Logger,
  plainTransaction,
  type TransactionSettings,
} from './options.ts'
import { Settling } from './settling.ts'
import { LockWaits } from './transaction/waits.ts'
import type { Shapes } from './value.ts'

export class Opening {
  readonly native: NativeStore
  readonly settling: Settling
  readonly locks: LockWaits
  readonly shapes: Shapes
  readonly durability: number
  readonly durabilityMax: number
  readonly commitBytesMax: number
  readonly plainTransaction: TransactionSettings
  readonly listeners = new Listeners()
  isClosed = false
  /** A batch is being gathered: there is one room for it, and its operations may have getters. */
  isGathering = false
  /** Callbacks of transactions that are running: a write beside their transaction would commit apart from it. */
  callbacks = 0
  /** What watches. */
  readonly feeds = new Set<{ progress(): void; fail(error: unknown): void }>()
  /** Flushes, compactions and conversions under way. */
  works = 0
  /** Conversions that were begun here, by number. */
  readonly conversions = new Set<number>()
  /** close() was called. */
  isClosing = false
  readonly #underWay = new Set<Promise<unknown>>()
  #hasFailed = false
  #lastStall = 0
  #lastTrouble = 0

  constructor(native: NativeStore, checked: CheckedOpen, shapes: Shapes) {
    this.native = native
    this.durability = checked.durability
    this.durabilityMax = checked.durabilityMax
    this.commitBytesMax = Math.floor(checked.memory / 4)
    this.plainTransaction = plainTransaction(checked.durability)
    this.settling = new Settling(native, this.feeds)
    this.locks = new LockWaits(native)
    this.shapes = shapes
  }

  /** Something has happened on another thread, or a write was held on this one. */
  progress(logger: Logger | undefined): void {
    if (this.isClosed) return
    this.settling.progress()
    this.locks.progress()
    for (const feed of this.feeds) feed.progress()
    this.#tellStall(logger)
    this.#tellTroubles(logger)
    if (this.#hasFailed || this.native.progress() >= 0) return
    this.#hasFailed = true
    const error = lastError()
    logger?.error?.(error.message)
    this.listeners.tell('error', error)
  }

  #tellStall(logger: Logger | undefined): void {
    const answer = this.native.stall(this.#lastStall)
    if (answer === 0) return
    const { f64 } = scratch
    this.#lastStall = f64[COMMIT] ?? 0
    const stall: Stall = {
      reason: answer === 1 ? 'flush' : 'compaction',
      heldMs: f64[HELD_MS] ?? 0,
      longestMs: f64[LONGEST_MS] ?? 0,
      waits: f64[WAIT_COUNT] ?? 0,
    }
    const ms = Math.round(stall.heldMs)
    logger?.warn?.(`varve: writers were held for ${ms} ms of a second: ${stall.reason} is behind`)
    this.listeners.tell('stall', stall)
  }

  #tellTroubles(logger: Logger | undefined): void {
    while (this.native.trouble(this.#lastTrouble) < 0) {
      this.#lastTrouble = scratch.f64[COMMIT] ?? 0
      const error = lastError()
      logger?.warn?.(error.message)
      this.listeners.tell('error', error)
    }
  }

  check(): void {
    if (this.isClosed) throw new VarveError('CLOSED', 'the store is closed')
    if (encoding.underWay) {
      throw new VarveError(
        'INVALID',
        'nothing may use a store while a key or value is encoded or decoded',
      )
    }
  }

  /** What every write outside of transactions begins with. */
  checkWrite(): void {
    this.check()
    if (this.callbacks > 0) {
      throw new VarveError(
        'INVALID',
        "within a transaction's callback a write by the store would be a commit apart; use tx",
      )
    }
  }

  /** A slow call: closing waits for it. */
  async work(run: () => Promise<unknown>): Promise<void> {
    this.check()
    this.works++
    try {
      await this.#kept(run())
    } catch (cause) {
      throw errorOf(cause)
    } finally {
      this.works--
    }
  }

  /** A read on another thread: closing waits for it, too, but closeSync() lets it end with CLOSED. */
  reading<V>(read: Promise<V>): Promise<V> {
    return this.#kept(read)
  }

  async #kept<V>(promise: Promise<V>): Promise<V> {
    this.#underWay.add(promise)
    try {
      return await promise
    } finally {
      this.#underWay.delete(promise)
    }
  }

  /** Ends what watches, waits for a lock or converts, with CLOSED. */
  endWaiting(): void {
    this.isClosing = true
    this.locks.endAll()
    for (const number of this.conversions) this.native.convertAbort(number)
    for (const feed of [...this.feeds]) feed.fail(new VarveError('CLOSED', 'the store is closed'))
  }

  /** Resolves when every write has settled, and no slow call or read is under way. */
  async quiet(): Promise<void> {
    do {
      await this.settling.drained()
      await Promise.allSettled(this.#underWay)
    } while (this.#underWay.size > 0 || !this.settling.isIdle)
  }
}
