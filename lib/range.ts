// lib/range.ts — ranges: iterables that fetch entries by the batch, each run on the view of its start.
import { VarveError } from './errors.ts'
import type { Encoding } from './encoding.ts'
import { decodeKey, type Key, type RangeBounds, rangeBounds } from './key.ts'
import {
  COUNT,
  CURSOR,
  DATA_AT,
  FAILED,
  GROW,
  KEY_AT,
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

const keyRoom = new Uint8Array(DATA_AT)

/** Where a range reads: a keyspace, its encoding, and as of when. */
export interface RangeSource {
  readonly level: NativeLevel
  readonly encoding: Encoding
  /** Leaves the commit to read as of in the scratch and answers 1, or answers 0 for the newest. Throws when closed. */
  asOf(): number
}

/** Puts bounds where the addon finds them; answers their sizes. */
export function placeRange(options: RangeOptions<unknown>): { begin: number; end: number } {
  const { begin, end } = rangeBounds(options as RangeBounds, keyRoom)
  scratch.bytes.set(begin, KEY_AT)
  if (end === undefined) return { begin: begin.length, end: 0 }
  scratch.bytes.set(end, DATA_AT)
  return { begin: begin.length, end: end.length }
}

export type RangeKind = 'entries' | 'keys' | 'values'

/**
 * A lazy sequence of entries, keys or values. It can be run any number of times; each run sees the store as it is when the run
 * begins, so that writing while iterating is safe.
 */
export class Range<T> implements Iterable<T>, AsyncIterable<T> {
  readonly #source: RangeSource
  readonly #options: RangeOptions<unknown>
  readonly #kind: RangeKind

  constructor(source: RangeSource, options: RangeOptions<unknown>, kind: RangeKind) {
    this.#source = source
    this.#options = options
    this.#kind = kind
  }

  [Symbol.iterator](): RangeIterator<T> {
    return new RangeIterator<T>(this.#source, this.#options, this.#kind)
  }

  /** The same in steps of the event loop: it breathes between batches. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const run = this[Symbol.iterator]()
    const signal = this.#options.signal
    try {
      while (run.fetch()) {
        signal?.throwIfAborted()
        yield* run.batch
        await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      run.return()
    }
  }

  toArray(): T[] {
    const all: T[] = []
    const run = this[Symbol.iterator]()
    while (run.fetch()) {
      for (const item of run.batch) all.push(item)
    }
    return all
  }

  first(): T | undefined {
    const run = new RangeIterator<T>(this.#source, { ...this.#options, limit: 1 }, this.#kind)
    const item = run.next()
    run.return()
    return item.done === true ? undefined : item.value
  }
}

const abandoned = new FinalizationRegistry<{ level: NativeLevel; cursor: number }>(
  ({ level, cursor }) => {
    level.rangeClose(cursor)
  },
)

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

  /** Brings the first entries with it: a range of one batch is one call of the addon. */
  constructor(source: RangeSource, options: RangeOptions<unknown>, kind: RangeKind) {
    this.#source = source
    this.#kind = kind
    this.#left = options.limit ?? Infinity
    this.#size = this.#left <= BATCH_MAX ? this.#left : FIRST_BATCH
    const text = this.#open(options)
    if (text !== undefined) this.#take(text)
    if (this.#cursor >= 0) {
      abandoned.register(this, { level: source.level, cursor: this.#cursor }, this)
    }
  }

  #open(options: RangeOptions<unknown>): string | undefined {
    while (true) {
      const asOf = this.#source.asOf()
      if (this.#left <= 0) return undefined
      const { begin, end } = placeRange(options)
      const text = this.#source.level.rangeOpen(
        begin,
        end,
        options.reverse === true ? 1 : 0,
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
    readEntries(this.batch, this.#kind, this.#source.encoding, text, count)
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<T> {
    if (this.#at >= this.batch.length && !this.#more()) return { done: true, value: undefined }
    return { done: false, value: this.batch[this.#at++] as T }
  }

  return(): IteratorResult<T> {
    this.#end()
    this.batch = []
    this.#at = 0
    return { done: true, value: undefined }
  }

  #end(): void {
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
    while (true) {
      const text = this.#source.level.rangeNext(cursor, Math.min(this.#size, this.#left))
      if (typeof text !== 'string') {
        growFor(text)
        continue
      }
      scratch.u32[CURSOR] = cursor
      this.#take(text)
      break
    }
    if (this.#cursor < 0 || this.#left <= 0) {
      this.#cursor = cursor
      this.#end()
    }
    return this.batch.length > 0
  }
}

/** After an answer that is no text: makes the room that was missing, or throws what failed. */
function growFor(answer: number): void {
  if (answer !== GROW) throw lastError()
  scratch.grow((scratch.u32[NEEDED_BYTES] ?? 0) + 1024)
}

/** Cuts a batch of the addon into what the caller asked for. */
function readEntries<T>(
  into: T[],
  kind: RangeKind,
  encoding: Encoding,
  text: string,
  count: number,
): void {
  const { u32, bytes } = scratch
  let raw = scratch.u32[NEEDED_BYTES] ?? 0
  let unit = 0
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
      into.push(key as T)
      continue
    }
    const headBytes = u32[cell + 2] ?? 0
    const units = u32[cell + 3] ?? 0
    const value = encoding.read(
      u32[cell + 1] ?? 0,
      raw,
      headBytes,
      text.substring(unit, unit + units),
    )
    raw += headBytes
    unit += units
    into.push((kind === 'values' ? value : [key, value]) as T)
  }
}

const MANY_MAX = 512

/** The values of many text keys, by one crossing for every 512 of them. */
export function getManyTexts(source: RangeSource, keys: readonly string[], into: unknown[]): void {
  for (let from = 0; from < keys.length;) {
    const asOf = source.asOf()
    const to = Math.min(keys.length, from + MANY_MAX)
    const some = from === 0 && to === keys.length ? keys : keys.slice(from, to)
    const { u32 } = scratch
    for (let i = 0; i < some.length; i++) u32[DATA_AT / 4 + i] = (some[i] ?? '').length
    const text = source.level.getMany(some.join(''), some.length, asOf)
    if (text === FAILED) throw lastError()
    if (typeof text !== 'string') throw new VarveError('IO', 'getMany: no answer')
    const count = scratch.u32[COUNT] ?? 0
    if (count === 0) {
      scratch.grow(scratch.bytes.length * 2)
      continue
    }
    readMany(into, source.encoding, text, count)
    from += count
  }
}

function readMany(into: unknown[], encoding: Encoding, text: string, count: number): void {
  const { u32 } = scratch
  let raw = u32[NEEDED_BYTES] ?? 0
  let unit = 0
  for (let i = 0, cell = DATA_AT / 4; i < count; i++, cell += 4) {
    const kind = u32[cell + 1] ?? 0
    if (kind === 0) {
      into.push(undefined)
      continue
    }
    const headBytes = u32[cell + 2] ?? 0
    const units = u32[cell + 3] ?? 0
    into.push(encoding.read(kind, raw, headBytes, text.substring(unit, unit + units)))
    raw += headBytes
    unit += units
  }
}
