// lib/watch.ts — feeds: the commits of a keyspace in order, from any that is still held, and on as they are made.
import { beginBatch, endBatch } from './bytes.ts'
import type { Encoding } from './encoding.ts'
import { invalid, VarveError } from './errors.ts'
import { decodeKey, encodeKey, type Key } from './key.ts'
import {
  ANSWER,
  COUNT,
  DATA_AT,
  errorOf,
  HEAD_BYTES,
  lastError,
  NEEDED_BYTES,
  type NativeLevel,
  scratch,
} from './native.ts'
import type { Opening } from './opening.ts'
import { checkRange, type RangeOptions } from './options.ts'
import { growFor, keyRoom, placeBounds, planOf } from './range.ts'

export interface WatchOptions<K> extends Pick<
  RangeOptions<K>,
  'gt' | 'gte' | 'lt' | 'lte' | 'prefix' | 'signal'
> {
  /** Commits after this one; TRUNCATED when they are not kept any more. Default: the newest. */
  readonly from?: number | undefined
  /** Commits that are on the disk alone: none that a crash could take back. Default false. */
  readonly durable?: boolean | undefined
}

export type CommitEdit<K, V> =
  | {
      readonly type: 'put'
      readonly key: K
      readonly value: V
      /** When it expires, if it does. */
      readonly expires?: Date
    }
  | { readonly type: 'delete'; readonly key: K }
  | {
      readonly type: 'deleteRange'
      /** Whether a key was deleted by it, if it was there. */
      covers(key: K): boolean
    }

/** One commit: what it changed of the keyspace that is watched. */
export interface Commit<K = Key, V = unknown> {
  /** To go on behind it: `from`. */
  readonly commit: number
  readonly time: Date
  readonly edits: readonly CommitEdit<K, V>[]
}

const WATCH = ['gt', 'gte', 'lt', 'lte', 'prefix', 'signal', 'from', 'durable']
const KIND_DELETED = 0
const KIND_BEGIN = 254
const ENCODED_KEY = 0x80000000
const COUNT_MAX = 1024
const ROW_CELLS = 4

export function checkWatch(options: WatchOptions<unknown>): void {
  checkRange(options, 'watch', WATCH)
  const { from, durable } = options
  if (from !== undefined && !(Number.isSafeInteger(from) && from >= 0)) {
    throw invalid('from', 'the number of a commit', from)
  }
  if (durable !== undefined && typeof durable !== 'boolean') {
    throw invalid('durable', 'true or false', durable)
  }
}

/** A place among the encoded keys, on its own memory. */
class DeletedRange {
  readonly type = 'deleteRange'
  readonly #begin: Buffer
  readonly #end: Buffer

  constructor(begin: Uint8Array, end: Uint8Array) {
    this.#begin = Buffer.from(begin)
    this.#end = Buffer.from(end)
  }

  covers(key: Key): boolean {
    const bytes = keyRoom.subarray(0, encodeKey(key, 'key', keyRoom, 0))
    if (Buffer.compare(bytes, this.#begin) < 0) return false
    return this.#end.length === 0 || Buffer.compare(bytes, this.#end) < 0
  }
}

type Edit = CommitEdit<Key, unknown>

/** Edits as the addon left them: descriptors, raw parts and one text, as of a range. */
function readEdits(encoding: Encoding, text: string, expiries: Float64Array): Edit[] {
  const { u32, bytes } = scratch
  const count = u32[COUNT] ?? 0
  const edits: Edit[] = []
  let raw = u32[NEEDED_BYTES] ?? 0
  let unit = 0
  beginBatch(raw, u32[HEAD_BYTES] ?? 0)
  try {
    for (let i = 0, cell = DATA_AT / 4; i < count; i++, cell += 4) {
      const keyCell = u32[cell] ?? 0
      const kind = u32[cell + 1] ?? 0
      const size = keyCell >= ENCODED_KEY ? keyCell - ENCODED_KEY : 0
      if (kind === KIND_BEGIN) {
        const end = raw + size + ((u32[cell + 4] ?? 0) - ENCODED_KEY)
        edits.push(
          new DeletedRange(bytes.subarray(raw, raw + size), bytes.subarray(raw + size, end)),
        )
        raw = end
        i++
        cell += 4
        continue
      }
      const units = keyCell >= ENCODED_KEY ? 0 : keyCell
      const key =
        keyCell >= ENCODED_KEY
          ? decodeKey(bytes, raw, raw + size)
          : text.substring(unit, unit + units)
      raw += size
      unit += units
      if (kind === KIND_DELETED) {
        edits.push({ type: 'delete', key })
        continue
      }
      const headBytes = u32[cell + 2] ?? 0
      const own = u32[cell + 3] ?? 0
      const value = encoding.read(kind, raw, headBytes, text.substring(unit, unit + own))
      raw += headBytes
      unit += own
      const expires = expiries[i] ?? 0
      const put = { type: 'put', key, value } as const
      edits.push(expires === 0 ? put : { ...put, expires: new Date(expires) })
    }
  } finally {
    endBatch()
  }
  return edits
}

const abandoned = new FinalizationRegistry<{
  opening: Opening
  level: NativeLevel
  number: number
}>(({ opening, level, number }) => {
  if (!opening.isClosed) level.feedClose(number)
})

/** One pull through a feed: what `for await` runs over. Ends with CLOSED when the store is closed. */
export class Feed<K = Key, V = unknown> implements AsyncIterableIterator<Commit<K, V>> {
  readonly #opening: Opening
  readonly #level: NativeLevel
  readonly #encoding: Encoding
  readonly #signal: AbortSignal | undefined
  readonly #cells = new Float64Array(COUNT_MAX * (1 + ROW_CELLS))
  readonly #number: number
  #ready: Commit<K, V>[] = []
  #at = 0
  /** Edits of a commit of which more are to come. */
  #begun: Edit[] = []
  #last: Promise<unknown> = Promise.resolve()
  #wake: (() => void) | undefined
  #error: unknown
  #isOpen = true

  /** @internal */
  constructor(
    opening: Opening,
    level: NativeLevel,
    encoding: Encoding,
    options: WatchOptions<unknown>,
  ) {
    opening.check()
    checkWatch(options)
    const { from = -1, durable, signal, ...bounds } = options
    this.#opening = opening
    this.#level = level
    this.#encoding = encoding
    this.#signal = signal
    const plan = planOf(bounds)
    this.#number = level.feedOpen(plan.begin.length, placeBounds(plan), from, durable ? 1 : 0)
    if (this.#number < 0) throw lastError()
    abandoned.register(this, { opening, level, number: this.#number }, this)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (signal?.aborted === true) this.#onAbort()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Calls take turns. */
  next(): Promise<IteratorResult<Commit<K, V>>> {
    const next = this.#last.then(() => this.#next())
    this.#last = next.catch(() => undefined)
    return next
  }

  return(): Promise<IteratorResult<Commit<K, V>>> {
    this.#end()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** @internal Something has happened: there may be more. */
  progress(): void {
    this.#wake?.()
  }

  /** @internal What waits, and what comes, rejects with this. */
  fail(error: unknown): void {
    this.#error ??= error
    this.#end()
  }

  readonly #onAbort = () => {
    this.fail(new VarveError('ABORTED', 'watch: aborted', { cause: this.#signal?.reason }))
  }

  #end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    abandoned.unregister(this)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    if (!this.#opening.isClosed) this.#level.feedClose(this.#number)
    this.#ready = []
    this.#at = 0
    this.#wake?.()
  }

  async #next(): Promise<IteratorResult<Commit<K, V>>> {
    try {
      while (this.#isOpen) {
        const commit = this.#ready[this.#at]
        if (commit !== undefined) {
          this.#at++
          return { done: false, value: commit }
        }
        if (!this.#take()) await this.#more()
      }
    } catch (error) {
      this.fail(error)
    }
    const error = this.#error
    if (error === undefined) return { done: true, value: undefined }
    this.#error = undefined // Told once; then the feed is at its end.
    throw error
  }

  /** Until there is something to take, or the feed has ended. */
  async #more(): Promise<void> {
    const { feeds } = this.#opening
    feeds.add(this) // Only who waits is told, so that a forgotten feed can be collected.
    try {
      const polled = await this.#opening.reading(this.#level.feedPoll(this.#number))
      if (polled === 1 || !this.#isOpen) return
      const waited = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      if (this.#level.feedIsBehind(this.#number) === 0) await waited
    } catch (cause) {
      if (this.#isOpen) throw errorOf(cause)
    } finally {
      this.#wake = undefined
      feeds.delete(this)
    }
  }

  /** Brings what was polled, a batch of it; false when there is nothing. */
  #take(): boolean {
    this.#opening.check()
    this.#ready = []
    this.#at = 0
    let text = this.#level.feedTake(this.#number, this.#cells)
    while (typeof text === 'number') {
      growFor(text)
      text = this.#level.feedTake(this.#number, this.#cells)
    }
    const rows = scratch.u32[ANSWER] ?? 0
    const edits = readEdits(this.#encoding, text, this.#cells)
    let at = 0
    let entries = 0
    for (let row = 0, cell = COUNT_MAX; row < rows; row++, cell += ROW_CELLS) {
      const [commit = 0, time = 0, count = 0, isWhole = 0] = this.#cells.subarray(cell, cell + 4)
      entries += count
      const own = this.#begun
      for (let taken = 0; taken < count; at++) {
        const edit = edits[at]
        if (edit === undefined) break
        own.push(edit)
        taken += edit.type === 'deleteRange' ? 2 : 1
      }
      if (isWhole === 0) continue
      this.#begun = []
      this.#ready.push({ commit, time: new Date(time), edits: own as CommitEdit<K, V>[] })
    }
    return entries > 0
  }
}
