// lib/collection/query.ts — what find() answers: a question that can be put any number of times, at once or in slices.
//
// A query crosses as bytes (request.ts) and documents come back by the batch. Asynchronously, slices of it run on a core thread, each of which
// brings no more than JavaScript decodes in a small part of a millisecond; within a transaction, whose edits belong to this thread, slices of a
// bounded number of looks run here, one each turn of the event loop.
import { VarveError } from '../errors.ts'
import { readDocuments } from './batch.ts'
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
import { checkNames } from '../options.ts'
import { unlessAborted } from '../aborting.ts'
import type { QuerySource } from './source.ts'
import {
  type Asked,
  checkCount,
  COUNTED,
  PAGED,
  readToken,
  requestOf,
  writeToken,
} from './request.ts'

const FIRST_BATCH = 64
const BATCH_MAX = 512
const SLICE_DOCUMENTS = 64
const SLICE_LOOKS = 2000
const UNBOUNDED = -1
const PAGE_MAX = 10_000

export interface PageOptions {
  /** How many documents, 1 to 10,000. */
  readonly size: number
  /** `next` of the page before; without it the first page. */
  readonly after?: string | undefined
}

export interface Page<T> {
  readonly items: readonly T[]
  /** For the next page; undefined behind the last one. A string that keeps its meaning for as long as the index that was walked is there. */
  readonly next: string | undefined
}

export interface AsyncOptions {
  readonly signal?: AbortSignal | undefined
}

/** How a query is answered: `explain()`. */
export interface Explanation {
  readonly way: 'index' | 'documents'
  readonly index?: string
  /** Bitmap, text and geo indexes whose answers were joined. */
  readonly indexes?: readonly string[]
  /** How many ranges of keys are walked. */
  readonly spans: number
  /** Entries in them, as far as they were counted. */
  readonly entries: number
  /** There are more. */
  readonly atLeast: boolean
  /** Documents are asked for what the walk does not say. */
  readonly filters: boolean
  readonly sorts: boolean
  /** Documents are read. */
  readonly reads: boolean
  /** Indexes that are not used, since they are being built. */
  readonly building: readonly string[]
}

// Of a view in which there was no such collection yet.
const NOTHING: Explanation = {
  way: 'documents',
  spans: 0,
  entries: 0,
  atLeast: false,
  filters: false,
  sorts: false,
  reads: false,
  building: [],
}

/** A lazy sequence of documents: each run reads the view of the moment at which it begins. */
export class Query<T> implements Iterable<T>, AsyncIterable<T> {
  /** A query is no promise. */
  declare readonly then?: 'a Query is no promise: await query.allAsync(), or call query.all()'
  readonly #source: QuerySource
  readonly #asked: Asked

  /** @internal */
  constructor(source: QuerySource, asked: Asked) {
    this.#source = source
    this.#asked = asked
    const defined = source.view()
    if (defined !== undefined) requestOf(defined, asked, 0) // INVALID here, where it was asked.
  }

  /** All of it, read at once. */
  all(): T[] {
    const all: T[] = []
    const run = this[Symbol.iterator]()
    while (run.fetch()) for (const item of run.batch) all.push(item)
    return all
  }

  /** The first of it, or undefined. */
  first(): T | undefined {
    const limit = Math.min(this.#asked.limit, 1)
    const item = new QueryRun<T>(this.#source, { ...this.#asked, limit }).next()
    return item.done === true ? undefined : item.value
  }

  [Symbol.iterator](): QueryRun<T> {
    return new QueryRun<T>(this.#source, this.#asked)
  }

  /** all(), without keeping the event loop waiting. */
  async allAsync(options: AsyncOptions = {}): Promise<T[]> {
    checkNames(options, ['signal'], 'allAsync')
    const all: T[] = []
    const read = async (): Promise<T[]> => {
      for await (const item of this) {
        if (options.signal?.aborted === true) break
        all.push(item)
      }
      return all
    }
    return unlessAborted(read(), options.signal, 'query')
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const run = new SlicedRun<T>(this.#source, this.#asked)
    try {
      for (let batch; (batch = await run.next()) !== undefined;) yield* batch
    } finally {
      run.close()
    }
  }

  /** Some of it, and a string by which it goes on, in this process or another. */
  page(options: PageOptions): Page<T> {
    checkNames(options, ['size', 'after'], 'page')
    const { size, after } = options
    checkCount(size, 'size', 1, PAGE_MAX)
    const left = Math.min(size, this.#asked.limit)
    const position = after === undefined ? this.#asked.after : readToken(this.#asked, after)
    const offset = position === undefined ? this.#asked.offset : 0
    const asked = { ...this.#asked, limit: left + 1, offset, after: position }
    const run = new QueryRun<T>(this.#source, asked, PAGED, left)
    try {
      const items: T[] = []
      while (items.length < left && run.fetch(left - items.length)) items.push(...run.batch)
      if (items.length < left || left === 0) return { items, next: undefined }
      const token = writeToken(this.#asked, run.position())
      return { items, next: run.fetch(1) ? token : undefined }
    } finally {
      run.return()
    }
  }

  /** How many documents it has; none is brought over. */
  count(): number {
    if (this.#source.view() === undefined) return 0
    return ask(this.#source, this.#asked, COUNTED, (size, asOf) =>
      this.#source.level.queryCount(size, asOf),
    )
  }

  /** How it is answered, without answering it. */
  explain(): Explanation {
    if (this.#source.view() === undefined) return NOTHING
    const json = ask(this.#source, this.#asked, 0, (size, asOf) =>
      this.#source.level.queryExplain(size, asOf),
    )
    return JSON.parse(json) as Explanation
  }
}

/** Puts a query where the addon finds it, and again if the collection has another definition meanwhile. */
function ask<A extends string | number>(
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
    if (answer === CONFLICT) source.refresh()
    else if (typeof answer === 'number' && answer < OK && answer !== GROW) throw lastError()
    else return answer as A
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
  #cursor = -1
  #size: number
  #at = 0
  #isFresh = true
  #isOver = false
  batch: T[] = []

  /** @internal Brings the first documents with it. */
  constructor(source: QuerySource, asked: Asked, flags = 0, first = asked.limit) {
    this.#source = source
    this.#asked = asked
    this.#size = first <= BATCH_MAX ? Math.max(1, first) : FIRST_BATCH
    if (source.view() === undefined) return
    const answer = ask<string>(source, asked, flags, (size, asOf) =>
      source.level.queryOpen(size, asOf, this.#size, UNBOUNDED),
    ) as string | number
    const isText = typeof answer === 'string'
    if (!isText || scratch.u32[MORE] === 1 || flags === PAGED) {
      this.#cursor = scratch.u32[CURSOR] ?? 0
      abandoned.register(this, { source, cursor: this.#cursor }, this)
    }
    if (isText) {
      this.#take(answer)
      return
    }
    growFor(answer)
    this.#next(this.#size)
  }

  #take(text: string): void {
    this.#isOver = scratch.u32[MORE] !== 1
    this.batch = readDocuments(this.#source.encoding, text, this.#asked.select)
    this.#size = Math.min(BATCH_MAX, this.#size * 4)
  }

  #next(size: number): void {
    while (true) {
      const answer = this.#source.level.queryNext(this.#cursor, size, UNBOUNDED)
      if (typeof answer === 'string') return this.#take(answer)
      growFor(answer)
    }
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

/** One run of a query in slices. */
class SlicedRun<T> {
  readonly #source: QuerySource
  readonly #asked: Asked
  readonly #cursor: number = -1
  #isOver = false

  constructor(source: QuerySource, asked: Asked) {
    this.#source = source
    this.#asked = asked
    this.#isOver = source.view() === undefined
    if (this.#isOver) return
    ask(source, asked, 0, (size, asOf) => source.level.queryOpen(size, asOf, 0, UNBOUNDED))
    this.#cursor = scratch.u32[CURSOR] ?? 0
    abandoned.register(this, { source, cursor: this.#cursor }, this)
  }

  /** The next documents, maybe none yet; undefined at the end. */
  async next(): Promise<T[] | undefined> {
    if (this.#isOver) return undefined
    if (this.#source.isTransaction) {
      await new Promise((resolve) => setImmediate(resolve))
      this.#source.asOf()
      const { level } = this.#source
      return this.#read(() => level.queryNext(this.#cursor, SLICE_DOCUMENTS, SLICE_LOOKS))
    }
    const slice = this.#source.level.querySlice(this.#cursor)
    if (typeof slice === 'number') throw lastError()
    const more = await this.#source.opening.reading(slice).catch((cause: unknown) => {
      throw errorOf(cause)
    })
    this.#source.asOf()
    const all: T[] = []
    do all.push(...this.#read(() => this.#source.level.queryTake(this.#cursor, BATCH_MAX)))
    while (!this.#isOver)
    this.#isOver = more === 0
    return all
  }

  // Whether that is all is asked for before anything is decoded.
  #read(call: () => string | number): T[] {
    while (true) {
      const answer = call()
      if (typeof answer !== 'string') {
        growFor(answer)
        continue
      }
      this.#isOver = scratch.u32[MORE] !== 1
      return readDocuments<T>(this.#source.encoding, answer, this.#asked.select)
    }
  }

  close(): void {
    abandoned.unregister(this)
    if (this.#cursor < 0 || this.#source.opening.isClosed) return
    this.#source.level.queryClose(this.#cursor)
  }
}

/** INVALID for what find() and its like do not know. */
export function checkAsked(options: unknown, known: readonly string[], where: string): void {
  checkNames(options, known, where)
  for (const [name, value] of Object.entries(options as object))
    if (value === undefined)
      throw new VarveError('INVALID', `${where}: ${name} is undefined: leave it out`)
}
