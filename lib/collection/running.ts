// lib/collection/running.ts — runs of a query: at once, or in slices.
//
// A query crosses as bytes (request.ts) and documents come back by the batch. Asynchronously, slices of it run on a core thread, and what they
// bring is decoded in pieces: after a millisecond of them, or of what is done with the documents, the event loop has its turn. Within a
// transaction, whose edits belong to this thread, slices of a bounded number of looks run here, one each turn.
//
// With what is included (including.ts) documents come by slices, too, since nobody knows how many come along with one.
import { VarveError } from '../errors.ts'
import {
  CONFLICT,
  CURSOR,
  DATA_AT,
  errorOf,
  GROW,
  lastError,
  MORE,
  OK,
  scratch,
} from '../native.ts'
import { growFor } from '../range.ts'
import { readDocuments } from './batch.ts'
import { Assembly } from './including.ts'
import { type Asked, type Assembling, dividedOf, isNothing, PAGED, requestOf } from './request.ts'
import type { QuerySource } from './source.ts'
import { type Division, Found, selected } from './unconverted.ts'

const FIRST_BATCH = 64
export const BATCH_MAX = 512
const SLICE_DOCUMENTS = 64
const SLICE_LOOKS = 2000
const PIECE_DOCUMENTS = 32
/** Of decoding, or of what is done with documents, between two turns of the event loop. */
export const TURN_MS = 1
const UNBOUNDED = -1

/** Puts a query where the addon finds it, and again if a collection has another definition meanwhile. */
export function ask<A extends string | number | Uint8Array>(
  source: QuerySource,
  asked: Asked,
  flags: number,
  call: (size: number, asOf: number) => A | number,
): A {
  while (true) {
    const defined = source.view()
    if (defined === undefined) throw new VarveError('NOT_FOUND', 'the collection is not there')
    const request = requestOf(defined, asked, flags)
    scratch.grow(request.length)
    scratch.bytes.set(request, DATA_AT)
    const answer = call(request.length, source.asOf())
    if (answer === CONFLICT) {
      source.refresh()
      for (const inclusion of asked.inclusions) inclusion.source.refresh()
      asked.shape?.refresh()
    } else if (typeof answer === 'number' && answer < OK && answer !== GROW) throw lastError()
    else return answer as A
  }
}

/** The event loop's. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A slice on this thread, for Assembly; answers whether there are others. */
function gather(source: QuerySource, cursor: number, count: number, looks: number): boolean {
  const more = source.level.queryGather(cursor, count, looks)
  if (more < OK) throw lastError()
  return more === 1
}

/** The text of some documents that a slice has brought. */
function taken(source: QuerySource, cursor: number, count: number): string {
  while (true) {
    const text = source.level.queryTake(cursor, count)
    if (typeof text === 'string') return text
    growFor(text)
  }
}

interface Abandoned {
  readonly source: QuerySource
  readonly cursor: number
}

const abandoned = new FinalizationRegistry<Abandoned>(({ source, cursor }) => {
  source.level.queryClose(cursor)
})

/** One run of a query, on this thread. */
export class QueryRun<T> implements IterableIterator<T> {
  readonly #source: QuerySource
  readonly #asked: Asked
  #assembly: Assembling<T> | undefined
  #cursor = -1
  #size: number
  #at = 0
  #isFresh = true
  #isOver = false
  batch: T[] = []
  /** What of the query is asked here: then a paged one brings all that the core has found, documents whole. */
  divided: Division | undefined

  /** @internal Brings the first documents with it. */
  constructor(source: QuerySource, asked: Asked, flags = 0, first = asked.limit) {
    this.#source = source
    this.#asked = asked
    this.#size = first <= BATCH_MAX ? Math.max(1, first) : FIRST_BATCH
    if (isNothing(source, asked)) return
    const includes = asked.inclusions.length > 0 || asked.shape !== undefined
    const answer = ask<string>(source, asked, flags, (size, asOf) => {
      const defined = source.view()
      this.divided = defined && dividedOf(defined, asked)
      if (this.divided !== undefined) this.#size = flags === PAGED ? 1 : BATCH_MAX
      return source.level.queryOpen(size, asOf, includes ? 0 : this.#size, UNBOUNDED)
    }) as string | number
    const whole = this.divided === undefined ? asked : { ...asked, select: undefined }
    if (includes) this.#assembly = asked.shape?.assembly<T>() ?? new Assembly<T>(source, whole)
    const isText = typeof answer === 'string'
    if (!isText || scratch.u32[MORE] === 1 || flags === PAGED) {
      this.#cursor = scratch.u32[CURSOR] ?? 0
      abandoned.register(this, { source, cursor: this.#cursor }, this)
    }
    if (isText) {
      this.#take(answer)
    } else {
      if (!includes) growFor(answer)
      this.#next(this.#size)
    }
    if (this.divided !== undefined && flags !== PAGED) this.#findAll(this.divided)
  }

  #findAll(divided: Division): void {
    const found = new Found<T>(divided, this.#asked, this.#source.opening.commitBytesMax)
    found.add(this.batch)
    while (!this.#isOver && !found.isFull) {
      this.batch = []
      this.#next(BATCH_MAX)
      found.add(this.batch)
    }
    this.return()
    const items = found.take()
    const sorted = found.takeSorted().map(({ document }) => document)
    this.batch = [...items, ...sorted].map((document) => selected(document, this.#asked))
    this.#isOver = true
  }

  #take(text: string): void {
    this.#isOver = scratch.u32[MORE] !== 1
    const select = this.divided === undefined ? this.#asked.select : undefined
    this.batch = readDocuments(this.#source.encoding, text, select)
    this.#size = Math.min(BATCH_MAX, this.#size * 4)
  }

  #next(size: number): void {
    if (this.#assembly !== undefined) return this.#gather(size, this.#assembly)
    while (true) {
      const answer = this.#source.level.queryNext(this.#cursor, size, UNBOUNDED)
      if (typeof answer === 'string') return this.#take(answer)
      growFor(answer)
    }
  }

  #gather(size: number, assembly: Assembling<T>): void {
    this.#isOver = !gather(this.#source, this.#cursor, size, UNBOUNDED)
    assembly.begin?.(this.#cursor)
    do assembly.take(taken(this.#source, this.#cursor, BATCH_MAX), this.batch)
    while (scratch.u32[MORE] === 1)
    this.#size = Math.min(BATCH_MAX, this.#size * 4)
  }

  /** Brings a batch, or at first shows the one that is there; false at the end. */
  fetch(size = this.#size): boolean {
    if (this.#isFresh) {
      this.#isFresh = false
      return this.batch.length > 0
    }
    this.batch = []
    this.#at = 0
    if (this.#isOver || this.#cursor < 0) return false
    try {
      this.#source.asOf() // CLOSED where that is.
      this.#next(size)
    } catch (error) {
      this.return()
      throw error
    }
    return this.batch.length > 0
  }

  /** Where it goes on behind what was brought. */
  position(): Uint8Array {
    const position = this.#source.level.queryPosition(this.#cursor)
    if (typeof position === 'number') throw lastError()
    return position
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<T> {
    while (this.#at >= this.batch.length) {
      this.#isFresh = false
      if (!this.fetch()) {
        this.return()
        return { done: true, value: undefined }
      }
    }
    this.#isFresh = false
    return { done: false, value: this.batch[this.#at++] as T }
  }

  return(): IteratorResult<T> {
    if (this.#cursor >= 0) {
      abandoned.unregister(this)
      this.#source.level.queryClose(this.#cursor)
    }
    this.#cursor = -1
    this.batch = []
    this.#at = 0
    return { done: true, value: undefined }
  }
}

/** Slices of a query, one after the other: on a core thread, or within a transaction here, one each turn. */
export class Slices {
  readonly #source: QuerySource
  readonly cursor: number

  constructor(source: QuerySource, cursor: number) {
    this.#source = source
    this.cursor = cursor
    abandoned.register(this, { source, cursor }, this)
  }

  /** Whether there are others behind the one that is there now. */
  async next(): Promise<boolean> {
    const { level, isTransaction, opening } = this.#source
    if (isTransaction) {
      await turn()
      this.#source.asOf() // CLOSED where that is.
      return gather(this.#source, this.cursor, SLICE_DOCUMENTS, SLICE_LOOKS)
    }
    const slice = level.querySlice(this.cursor)
    if (typeof slice === 'number') throw lastError()
    const more = await opening.reading(slice).catch((cause: unknown) => {
      throw errorOf(cause)
    })
    this.#source.asOf()
    return more !== 0
  }

  close(): void {
    abandoned.unregister(this)
    if (!this.#source.opening.isClosed) this.#source.level.queryClose(this.cursor)
  }
}

/** One run of a query in slices. */
export class SlicedRun<T> {
  readonly #source: QuerySource
  readonly #asked: Asked
  readonly #assembly: Assembling<T>
  readonly #slices: Slices | undefined
  /** What of the query is asked here. */
  readonly #found: Found<T> | undefined
  #isOver = false

  constructor(source: QuerySource, asked: Asked) {
    this.#source = source
    this.#asked = asked
    this.#isOver = isNothing(source, asked)
    if (!this.#isOver) {
      ask(source, asked, 0, (size, asOf) => source.level.queryOpen(size, asOf, 0, UNBOUNDED))
      this.#slices = new Slices(source, scratch.u32[CURSOR] ?? 0)
    }
    const defined = source.view()
    const divided = defined && dividedOf(defined, asked)
    const whole = divided === undefined ? asked : { ...asked, select: undefined }
    this.#assembly = asked.shape?.assembly<T>() ?? new Assembly<T>(source, whole)
    if (divided !== undefined)
      this.#found = new Found<T>(divided, asked, source.opening.commitBytesMax)
  }

  /** The next documents, maybe none yet; undefined at the end. */
  async next(): Promise<T[] | undefined> {
    const found = this.#found
    if (found === undefined) return this.#bring()
    if (this.#isOver || found.isFull) return undefined
    found.add((await this.#bring()) ?? [])
    const sorted = this.#isOver ? found.takeSorted().map(({ document }) => document) : []
    return [...found.take(), ...sorted].map((document) => selected(document, this.#asked))
  }

  async #bring(): Promise<T[] | undefined> {
    if (this.#isOver || this.#slices === undefined) return undefined
    const { cursor } = this.#slices
    const more = await this.#slices.next()
    const all: T[] = []
    this.#assembly.begin?.(cursor)
    let since = performance.now()
    while (true) {
      const text = taken(this.#source, cursor, PIECE_DOCUMENTS)
      const isLast = scratch.u32[MORE] !== 1
      this.#assembly.take(text, all)
      if (isLast) break
      if (performance.now() - since < TURN_MS) continue
      await turn()
      this.#source.asOf()
      since = performance.now()
    }
    this.#isOver = !more
    return all
  }

  close(): void {
    this.#slices?.close()
  }
}
