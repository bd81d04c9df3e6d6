// lib/range.ts — ranges: iterables that fetch entries by the batch, each run on the view of its start.
import { beginBatch, endBatch } from './bytes.ts'
import { VarveError } from './errors.ts'
import { type Encoding, marked } from './encoding.ts'
import { decodeKey, type Key, type RangeBounds, rangeBounds } from './key.ts'
import {
  COUNT,
  CURSOR,
  DATA_AT,
  GROW,
  HEAD_BYTES,
  KEY_AT,
  KEY_BYTES_MAX,
  lastError,
  MORE,
  type NativeLevel,
  NEEDED_BYTES,
  scratch,
} from './native.ts'
import type { RangeOptions } from './options.ts'

const FIRST_BATCH = 64
const BATCH_MAX = 512
const ENCODED_KEY = 0x80000000

/** Where keys are encoded that are not to be read by the addon at once. */
export const keyRoom = new Uint8Array(KEY_BYTES_MAX)

/** Where a range reads: a keyspace, its encoding, and as of when. */
export interface RangeSource {
  readonly level: NativeLevel
  readonly encoding: Encoding
  /** Leaves the commit to read as of in the scratch and answers 1, or answers 0 for the newest. Throws when closed. */
  asOf(): number
}

/** What a range asks for, checked; its bounds are bytes of its own, so that it can be run any number of times. */
export interface RangePlan {
  readonly begin: Uint8Array
  readonly end: Uint8Array | undefined
  readonly reverse: boolean
  readonly limit: number
  readonly signal: AbortSignal | undefined
}

export function planOf(options: RangeOptions<unknown>): RangePlan {
  const { begin, end } = marked(() => rangeBounds(options as RangeBounds, keyRoom))
  const { reverse, limit, signal } = options
  return { begin, end, reverse: reverse === true, limit: limit ?? Infinity, signal }
}

/** Puts bounds where the addon finds them; answers the size of the end. */
export function placeBounds({ begin, end }: RangePlan): number {
  scratch.bytes.set(begin, KEY_AT)
  if (end === undefined) return 0
  scratch.bytes.set(end, DATA_AT)
  return end.length
}

export type RangeKind = 'entries' | 'keys' | 'values'

/**
 * A lazy sequence of entries, keys or values. It can be run any number of times; each run sees the store as it is when the run
 * begins, so that writing and deleting while iterating is safe. Leaving a loop early ends its run.
 */
export class Range<T> implements Iterable<T>, AsyncIterable<T> {
  readonly #source: RangeSource
  readonly #plan: RangePlan
  readonly #kind: RangeKind

  /** @internal */
  constructor(source: RangeSource, plan: RangePlan, kind: RangeKind) {
    this.#source = source
    this.#plan = plan
    this.#kind = kind
  }

  [Symbol.iterator](): RangeIterator<T> {
    return new RangeIterator<T>(this.#source, this.#plan, this.#kind)
  }

  /** The same in steps of the event loop: it breathes between batches. Rejects with ABORTED when `signal` fires. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const { signal } = this.#plan
    throwIfAborted(signal)
    const run = this[Symbol.iterator]()
    try {
      while (run.fetch()) {
        for (const item of run.batch) {
          throwIfAborted(signal)
          yield item
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      run.return()
    }
  }

  /** All of it, read at once. */
  toArray(): T[] {
    const all: T[] = []
    const run = this[Symbol.iterator]()
    while (run.fetch()) {
      for (const item of run.batch) all.push(item)
    }
    return all
  }

  /** The first of it, or undefined when there is none. */
  first(): T | undefined {
    const plan = { ...this.#plan, limit: Math.min(this.#plan.limit, 1) }
    const item = new RangeIterator<T>(this.#source, plan, this.#kind).next()
    return item.done === true ? undefined : item.value
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new VarveError('ABORTED', 'range: aborted', { cause: signal.reason })
}

const abandoned = new FinalizationRegistry<{ level: NativeLevel; cursor: number }>(
  ({ level, cursor }) => {
    level.rangeClose(cursor)
  },
)

/** One run of a range. Its cursor is closed at its end, by return(), by an error, or when it is collected. */
export class RangeIterator<T> implements IterableIterator<T> {
  readonly #source: RangeSource
  readonly #kind: RangeKind
  /** Of the addon, while there is more to read; else -1. */
  #cursor = -1
  #left: number
  #size: number
  #at = 0
  #isFresh = true
  /** What was brought last. */
  batch: T[] = []

  /** @internal Brings the first entries with it: a range of one batch is one call of the addon. */
  constructor(source: RangeSource, plan: RangePlan, kind: RangeKind) {
    this.#source = source
    this.#kind = kind
    this.#left = plan.limit
    this.#size = this.#left <= BATCH_MAX ? this.#left : FIRST_BATCH
    const text = this.#open(plan)
    if (text !== undefined) this.#take(text)
    if (this.#cursor >= 0) {
      abandoned.register(this, { level: source.level, cursor: this.#cursor }, this)
    }
  }

  #open(plan: RangePlan): string | undefined {
    while (true) {
      const asOf = this.#source.asOf()
      if (this.#left <= 0) return undefined
      const endBytes = placeBounds(plan)
      const text = this.#source.level.rangeOpen(
        plan.begin.length,
        endBytes,
        plan.reverse ? 1 : 0,
        this.#kind === 'keys' ? 0 : 1,
        asOf,
        this.#size,
        this.#size === this.#left ? 1 : 0,
      )
      if (typeof text === 'string') return text
      growFor(text)
    }
  }

  #take(text: string): void {
    const { u32 } = scratch
    const count = u32[COUNT] ?? 0
    this.#cursor = u32[MORE] === 1 ? (u32[CURSOR] ?? 0) : -1
    this.#left -= count
    this.#size = Math.min(BATCH_MAX, this.#size * 4)
    try {
      this.batch = readEntries(this.#kind, this.#source.encoding, text, count)
    } catch (error) {
      this.return()
      throw error
    }
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<T> {
    if (this.#at >= this.batch.length && !this.#more()) return { done: true, value: undefined }
    return { done: false, value: this.batch[this.#at++] as T }
  }

  return(): IteratorResult<T> {
    this.#close()
    this.batch = []
    this.#at = 0
    return { done: true, value: undefined }
  }

  #close(): void {
    if (this.#cursor < 0) return
    this.#source.level.rangeClose(this.#cursor)
    abandoned.unregister(this)
    this.#cursor = -1
  }

  /** Brings a batch, or, at first, shows the one that is there; false at the end. */
  fetch(): boolean {
    if (!this.#isFresh) return this.#more()
    this.#isFresh = false
    return this.batch.length > 0
  }

  #more(): boolean {
    this.batch = []
    this.#at = 0
    const cursor = this.#cursor
    if (cursor < 0) return false
    const text = this.#next(cursor)
    const isLast = scratch.u32[MORE] !== 1
    scratch.u32[MORE] = 1
    scratch.u32[CURSOR] = cursor
    this.#take(text)
    if (isLast || this.#left <= 0) this.#close()
    return this.batch.length > 0
  }

  #next(cursor: number): string {
    try {
      while (true) {
        const text = this.#source.level.rangeNext(cursor, Math.min(this.#size, this.#left))
        if (typeof text === 'string') return text
        growFor(text)
      }
    } catch (error) {
      this.return()
      throw error
    }
  }
}

/** After an answer that is no text: makes the room that was missing, or throws what failed. */
export function growFor(answer: number): void {
  if (answer !== GROW) throw lastError()
  scratch.grow((scratch.u32[NEEDED_BYTES] ?? 0) + 1024)
}

/** Cuts a batch of the addon into what the caller asked for. */
function readEntries<T>(kind: RangeKind, encoding: Encoding, text: string, count: number): T[] {
  const { u32, bytes } = scratch
  const items: T[] = []
  let raw = u32[NEEDED_BYTES] ?? 0
  let unit = 0
  beginBatch(raw, u32[HEAD_BYTES] ?? 0)
  try {
    for (let i = 0, cell = DATA_AT / 4; i < count; i++, cell += 4) {
      const keyCell = u32[cell] ?? 0
      let key: Key = null
      if (keyCell >= ENCODED_KEY) {
        const size = keyCell - ENCODED_KEY
        if (kind !== 'values') key = decodeKey(bytes, raw, raw + size)
        raw += size
      } else {
        if (kind !== 'values') key = text.substring(unit, unit + keyCell)
        unit += keyCell
      }
      if (kind === 'keys') {
        items[i] = key as T
        continue
      }
      const headBytes = u32[cell + 2] ?? 0
      const units = u32[cell + 3] ?? 0
      const own = units === 0 ? '' : text.substring(unit, unit + units)
      const value = encoding.read(u32[cell + 1] ?? 0, raw, headBytes, own)
      raw += headBytes
      unit += units
      items[i] = (kind === 'values' ? value : [key, value]) as T
    }
  } finally {
    endBatch()
  }
  return items
}
