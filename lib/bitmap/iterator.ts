// lib/bitmap/iterator.ts — walking a bitmap by batches: one crossing for many members, and small batches first, so that
// looking at the first few is cheap.
import type { Batch, Kind, Member } from './members.ts'

const FIRST_COUNT = 32
const COUNT_MAX = 2048

/** Fills a batch from a member on, and answers how many it found. */
export type Fill<M extends Member> = (from: M, into: Batch<M>, reverse: boolean) => number

export class BitmapIterator<M extends Member> implements IterableIterator<M, undefined> {
  readonly #kind: Kind<M>
  readonly #fill: Fill<M>
  readonly #reverse: boolean
  #batch: Batch<M>
  #at = 0
  #count = 0
  /** Where the next batch begins; undefined when there is none. */
  #from: M | undefined

  constructor(kind: Kind<M>, fill: Fill<M>, from: M, reverse: boolean) {
    this.#kind = kind
    this.#fill = fill
    this.#from = from
    this.#reverse = reverse
    this.#batch = kind.batch(FIRST_COUNT)
  }

  next(): IteratorResult<M, undefined> {
    if (this.#at === this.#count && !this.#refill()) return { value: undefined, done: true }
    const value = this.#batch[this.#at++] as M
    return { value, done: false }
  }

  return(): IteratorResult<M, undefined> {
    this.#from = undefined
    this.#at = this.#count
    return { value: undefined, done: true }
  }

  [Symbol.iterator](): this {
    return this
  }

  #refill(): boolean {
    if (this.#from === undefined) return false
    if (this.#count === this.#batch.length) {
      this.#batch = this.#kind.batch(Math.min(this.#count * 4, COUNT_MAX))
    }
    this.#count = this.#fill(this.#from, this.#batch, this.#reverse)
    this.#at = 0
    const last = this.#batch[this.#count - 1]
    const isWhole = this.#count === this.#batch.length && last !== undefined
    this.#from = isWhole ? this.#kind.step(last, this.#reverse ? -1 : 1) : undefined
    return this.#count > 0
  }
}
