// lib/collection/query.ts — what find() answers: a question that can be put any number of times, at once or in slices.
//
// A query crosses as bytes (request.ts) and documents come back by the batch. Asynchronously, slices of it run on a core thread, and what they
// bring is decoded in pieces: after a millisecond of them, or of what is done with the documents, the event loop has its turn. Within a
// transaction, whose edits belong to this thread, slices of a bounded number of looks run here, one each turn.
//
// With what is included (including.ts) documents come by slices, too, since nobody knows how many come along with one.
import { VarveError } from '../errors.ts'
import { readDocuments } from './batch.ts'
import { Assembly } from './including.ts'
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
  dividedOf,
  PAGED,
  readToken,
  requestOf,
  writeToken,
} from './request.ts'
import { type Division, Found, positionBehind, selected } from './unconverted.ts'

const FIRST_BATCH = 64
const BATCH_MAX = 512
const SLICE_DOCUMENTS = 64
const SLICE_LOOKS = 2000
const PIECE_DOCUMENTS = 32
/** Of decoding, or of what is done with documents, between two turns of the event loop. */
const TURN_MS = 1
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
  /** Fields that are asked about in JavaScript, since documents of older versions are being converted. */
  readonly converting: readonly string[]
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
  converting: [],
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
      const run = new SlicedRun<T>(this.#source, this.#asked)
      try {
        for (let batch; (batch = await run.next()) !== undefined;) {
          if (options.signal?.aborted === true) break
          for (const item of batch) all.push(item)
        }
      } finally {
        run.close()
      }
      return all
    }
    return unlessAborted(read(), options.signal, 'query')
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const run = new SlicedRun<T>(this.#source, this.#asked)
    try {
      let since = performance.now()
      for (let batch; (batch = await run.next()) !== undefined;)
        for (const item of batch) {
          yield item
          if (performance.now() - since < TURN_MS) continue
          await turn()
          since = performance.now()
        }
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
      if (run.divided !== undefined) return this.#dividedPage(run, run.divided, asked)
      const items: T[] = []
      while (items.length < left && run.fetch(left - items.length)) items.push(...run.batch)
      if (items.length < left || left === 0) return { items, next: undefined }
      const token = writeToken(this.#asked, run.position())
      return { items, next: run.fetch(1) ? token : undefined }
    } finally {
      run.return()
    }
  }

  // Sorted here, or in the core's order and held against the rest one by one, so that the place behind each is known.
  #dividedPage(run: QueryRun<T>, divided: Division, asked: Asked): Page<T> {
    const left = asked.limit - 1
    const found = new Found<T>(divided, asked, this.#source.opening.commitBytesMax)
    if (divided.sortKey !== undefined) {
      while (run.fetch(BATCH_MAX)) found.add(run.batch)
      const all = found.takeSorted()
      const items = all.slice(0, left).map(({ document }) => selected(document, asked))
      const last = all[left - 1]
      if (all.length <= left || last === undefined) return { items, next: undefined }
      return { items, next: writeToken(this.#asked, positionBehind(last.key)) }
    }
    const items: T[] = []
    let token: string | undefined
    while (run.fetch(1)) {
      found.add(run.batch)
      const taken = found.take()
      if (taken.length > 0 && items.length === left) return { items, next: token }
      if (taken.length === 0) continue
      items.push(...taken.map((document) => selected(document, asked)))
      token = writeToken(this.#asked, run.position())
    }
    return { items, next: undefined }
  }

  /** How many documents it has; none is brought over, but where their fields are still being converted. */
  count(): number {
    if (this.#source.view() === undefined) return 0
    const count = ask(this.#source, this.#asked, COUNTED, (size, asOf) =>
      isDivided(this.#source, this.#asked) ? 0 : this.#source.level.queryCount(size, asOf),
    )
    return isDivided(this.#source, this.#asked) ? this.all().length : count
  }

  /** How it is answered, without answering it. */
  explain(): Explanation {
    if (this.#source.view() === undefined) return NOTHING
    const json = ask(this.#source, this.#asked, 0, (size, asOf) =>
      this.#source.level.queryExplain(size, asOf),
    )
    const explained = JSON.parse(json) as Explanation
    const defined = this.#source.view()
    const divided = defined && dividedOf(defined, this.#asked)
    if (divided === undefined) return { ...explained, converting: [] }
    const sorts = explained.sorts || divided.sortKey !== undefined
    return { ...explained, filters: true, sorts, reads: true, converting: divided.paths }
  }
}

function isDivided(source: QuerySource, asked: Asked): boolean {
  const defined = source.view()
  return defined !== undefined && dividedOf(defined, asked) !== undefined
}

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
    } else if (typeof answer === 'number' && answer < OK && answer !== GROW) throw lastError()
    else return answer as A
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

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
  #assembly: Assembly<T> | undefined
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
    if (source.view() === undefined) return
    const includes = asked.inclusions.length > 0
    const answer = ask<string>(source, asked, flags, (size, asOf) => {
      const defined = source.view()
      this.divided = defined && dividedOf(defined, asked)
      if (this.divided !== undefined) this.#size = flags === PAGED ? 1 : BATCH_MAX
      return source.level.queryOpen(size, asOf, includes ? 0 : this.#size, UNBOUNDED)
    }) as string | number
    const whole = this.divided === undefined ? asked : { ...asked, select: undefined }
    if (includes) this.#assembly = new Assembly<T>(source, whole)
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

  #gather(size: number, assembly: Assembly<T>): void {
    this.#isOver = !gather(this.#source, this.#cursor, size, UNBOUNDED)
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

/** One run of a query in slices. */
class SlicedRun<T> {
  readonly #source: QuerySource
  readonly #asked: Asked
  readonly #assembly: Assembly<T>
  readonly #cursor: number = -1
  /** What of the query is asked here. */
  readonly #found: Found<T> | undefined
  #isOver = false

  constructor(source: QuerySource, asked: Asked) {
    this.#source = source
    this.#asked = asked
    this.#isOver = source.view() === undefined
    if (!this.#isOver) {
      ask(source, asked, 0, (size, asOf) => source.level.queryOpen(size, asOf, 0, UNBOUNDED))
      this.#cursor = scratch.u32[CURSOR] ?? 0
      abandoned.register(this, { source, cursor: this.#cursor }, this)
    }
    const defined = source.view()
    const divided = defined && dividedOf(defined, asked)
    const whole = divided === undefined ? asked : { ...asked, select: undefined }
    this.#assembly = new Assembly<T>(source, whole)
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
    if (this.#isOver) return undefined
    const more = await this.#slice()
    this.#source.asOf() // CLOSED where that is.
    const all: T[] = []
    let since = performance.now()
    while (true) {
      const text = taken(this.#source, this.#cursor, PIECE_DOCUMENTS)
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

  async #slice(): Promise<boolean> {
    const { level, isTransaction, opening } = this.#source
    if (isTransaction) {
      await turn()
      this.#source.asOf()
      return gather(this.#source, this.#cursor, SLICE_DOCUMENTS, SLICE_LOOKS)
    }
    const slice = level.querySlice(this.#cursor)
    if (typeof slice === 'number') throw lastError()
    const more = await opening.reading(slice).catch((cause: unknown) => {
      throw errorOf(cause)
    })
    return more !== 0
  }

  close(): void {
    abandoned.unregister(this)
    if (this.#cursor < 0 || this.#source.opening.isClosed) return
    this.#source.level.queryClose(this.#cursor)
  }
}
