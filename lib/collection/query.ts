// lib/collection/query.ts — what find() answers: a question that can be put any number of times, at once or in slices: running.ts.
import { unlessAborted } from '../aborting.ts'
import { invalid } from '../errors.ts'
import { checkNames } from '../options.ts'
import { showAs } from '../showing.ts'
import {
  type Asked,
  checkCount,
  COUNTED,
  dividedOf,
  isNothing,
  PAGED,
  readToken,
  requestOf,
  writeToken,
} from './request.ts'
import { ask, BATCH_MAX, QueryRun, SlicedRun, turn, TURN_MS } from './running.ts'
import type { QuerySource } from './source.ts'
import { type Division, Found, positionBehind, selected } from './unconverted.ts'

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
  /** Ordered indexes whose rows are gathered before, so that only documents in all of them are read. */
  readonly narrowedBy?: readonly string[]
  /** How many ranges of keys are walked. */
  readonly spans: number
  /** Entries in them, as far as they were counted. */
  readonly entries: number
  /** There are more. */
  readonly atLeast: boolean
  /** Entries, or documents where these are walked, that are expected to be met: by a sample where they were not counted. */
  readonly estimate: number
  /** Documents among them that are expected to meet all conditions. */
  readonly matches: number
  /** What was really read: with `run`. */
  readonly read?: ReadFigures
  /** Documents are asked for what the walk does not say. */
  readonly filters: boolean
  readonly sorts: boolean
  /** Documents are read. */
  readonly reads: boolean
  /** Indexes that are not used, since they are being built. */
  readonly building: readonly string[]
  /** Fields that are asked about in JavaScript, since documents of older versions are being converted. */
  readonly converting: readonly string[]
  /** Fields that are asked about in JavaScript, since they lie in a free form and no index is on them. */
  readonly free: readonly string[]
}

export interface ExplainOptions {
  /** It is answered, too, and the explanation has what was read (false). */
  readonly run?: boolean
}

export interface ReadFigures {
  /** Entries, rows, or documents where these are walked. */
  readonly entries: number
  /** Documents, each as often as it was read. */
  readonly documents: number
  /** Documents that were asked for. */
  readonly matches: number
}

/** Whether explain() runs the query. */
export function checkExplain(options: ExplainOptions): number {
  checkNames(options, ['run'], 'explain')
  const { run = false } = options
  if (typeof run !== 'boolean') throw invalid('run', 'a boolean', run)
  return run ? 1 : 0
}

// Of a view in which there was no such collection yet.
const NOTHING: Explanation = {
  way: 'documents',
  spans: 0,
  entries: 0,
  atLeast: false,
  estimate: 0,
  matches: 0,
  filters: false,
  sorts: false,
  reads: false,
  building: [],
  converting: [],
  free: [],
}

/** A lazy sequence of what a query answers. */
export abstract class Lazy<T> implements Iterable<T>, AsyncIterable<T> {
  /** A query is no promise: there is nothing here, and the compiler says what to call. */
  declare readonly then: {
    readonly 'a Query is no promise': 'await query.allAsync(), or call query.all()'
  }
  static {
    showAs<Lazy<unknown>>(this, 'Lazy', (query) => query.shown())
  }
  /** @internal */
  protected readonly source: QuerySource
  /** @internal */
  protected readonly asked: Asked

  /** @internal */
  constructor(source: QuerySource, asked: Asked) {
    this.source = source
    this.asked = asked
    const defined = source.view()
    if (defined !== undefined) requestOf(defined, asked, 0) // INVALID here, where it was asked.
  }

  /** @internal What it asks, for whoever prints it. */
  shown(): Readonly<Record<string, unknown>> {
    const { where, orderBy, select, limit, offset, inclusions } = this.asked
    return {
      collection: this.source.name,
      where,
      orderBy,
      select,
      include: inclusions.length === 0 ? undefined : inclusions.map(({ name }) => name),
      limit: limit === Infinity ? undefined : limit,
      offset: offset === 0 ? undefined : offset,
    }
  }

  /** all(): by JSON.stringify() a query is what it answers. */
  toJSON(): T[] {
    return this.all()
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
    const limit = Math.min(this.asked.limit, 1)
    const item = new QueryRun<T>(this.source, { ...this.asked, limit }).next()
    return item.done === true ? undefined : item.value
  }

  [Symbol.iterator](): QueryRun<T> {
    return new QueryRun<T>(this.source, this.asked)
  }

  /** all(), without keeping the event loop waiting. */
  async allAsync(options: AsyncOptions = {}): Promise<T[]> {
    checkNames(options, ['signal'], 'allAsync')
    const all: T[] = []
    const read = async (): Promise<T[]> => {
      const run = new SlicedRun<T>(this.source, this.asked)
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
    const run = new SlicedRun<T>(this.source, this.asked)
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

  /** How many it has; none is brought over, but where fields are still being converted. */
  count(): number {
    if (isNothing(this.source, this.asked)) return 0
    const count = ask(this.source, this.asked, COUNTED, (size, asOf) =>
      isDivided(this.source, this.asked) ? 0 : this.source.level.queryCount(size, asOf),
    )
    return isDivided(this.source, this.asked) ? this.all().length : count
  }
}

/** A lazy sequence of documents: each run reads the view of the moment at which it begins. */
export class Query<T> extends Lazy<T> {
  static {
    showAs<Query<unknown>>(this, 'Query', (query) => query.shown())
  }
  /** Some of it, and a string by which it goes on, in this process or another. */
  page(options: PageOptions): Page<T> {
    checkNames(options, ['size', 'after'], 'page')
    const { size, after } = options
    checkCount(size, 'size', 1, PAGE_MAX)
    const left = Math.min(size, this.asked.limit)
    const position = after === undefined ? this.asked.after : readToken(this.asked, after)
    const offset = position === undefined ? this.asked.offset : 0
    const asked = { ...this.asked, limit: left + 1, offset, after: position }
    const run = new QueryRun<T>(this.source, asked, PAGED, left)
    try {
      if (run.divided !== undefined) return this.#dividedPage(run, run.divided, asked)
      const items: T[] = []
      while (items.length < left && run.fetch(left - items.length)) items.push(...run.batch)
      if (items.length < left || left === 0) return { items, next: undefined }
      const token = writeToken(this.asked, run.position())
      return { items, next: run.fetch(1) ? token : undefined }
    } finally {
      run.return()
    }
  }

  // Sorted here, or in the core's order and held against the rest one by one, so that the place behind each is known.
  #dividedPage(run: QueryRun<T>, divided: Division, asked: Asked): Page<T> {
    const left = asked.limit - 1
    const found = new Found<T>(divided, asked, this.source.opening.commitBytesMax)
    if (divided.sortKey !== undefined) {
      while (run.fetch(BATCH_MAX)) found.add(run.batch)
      const all = found.takeSorted()
      const items = all.slice(0, left).map(({ document }) => selected(document, asked))
      const last = all[left - 1]
      if (all.length <= left || last === undefined) return { items, next: undefined }
      return { items, next: writeToken(this.asked, positionBehind(last.key)) }
    }
    const items: T[] = []
    let token: string | undefined
    while (run.fetch(1)) {
      found.add(run.batch)
      const taken = found.take()
      if (taken.length > 0 && items.length === left) return { items, next: token }
      if (taken.length === 0) continue
      items.push(...taken.map((document) => selected(document, asked)))
      token = writeToken(this.asked, run.position())
    }
    return { items, next: undefined }
  }

  /** How it is answered: without answering it, unless `run` is asked for. */
  explain(options: ExplainOptions = {}): Explanation {
    const runs = checkExplain(options)
    if (this.source.view() === undefined) return NOTHING
    const json = ask(this.source, this.asked, 0, (size, asOf) =>
      this.source.level.queryExplain(size, asOf, runs),
    )
    const explained = JSON.parse(json) as Explanation
    const defined = this.source.view()
    const divided = defined && dividedOf(defined, this.asked)
    if (divided === undefined) return { ...explained, converting: [], free: [] }
    const { paths, free, sortKey } = divided
    const sorts = explained.sorts || sortKey !== undefined
    const converting = paths.filter((path) => !free.includes(path))
    return { ...explained, filters: true, sorts, reads: true, converting, free }
  }
}

function isDivided(source: QuerySource, asked: Asked): boolean {
  const defined = source.view()
  return defined !== undefined && dividedOf(defined, asked) !== undefined
}
