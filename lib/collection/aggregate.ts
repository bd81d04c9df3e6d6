// lib/collection/aggregate.ts — figures of documents, by groups: typed, asked as bytes, answered as rows.
//
//   users.aggregate({ where, groupBy: 'city', values: { people: { count: true }, oldest: { max: 'age' } }, having: { people: { gte: 10 } } })
//     ──▶ [{ city: 'Rome', people: 12, oldest: 91 }, …]
//
// Documents are read in the core, none is decoded here: native/layer/collection/aggregate.h. A row crosses as an ordered key, so `having` and
// `orderBy` are bytes as conditions on documents are, of columns that are the names of a row.
import { invalid, VarveError } from '../errors.ts'
import { decodeKey, type Key } from '../key.ts'
import { CURSOR, lastError, scratch } from '../native.ts'
import { checkNames } from '../options.ts'
import type { Direction, Where } from './asking.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Column, Columns } from './columns.ts'
import type { TypeDescription, TypeKind } from './description.ts'
import { isNowhere, notForTheCore } from './free.ts'
import { partOfKey } from './key.ts'
import { isOrdered } from './operand.ts'
import { ask, Slices, turn, TURN_MS } from './running.ts'
import { type Asked, checkCount, columnAt, dividedOf, putOrder, type Queried } from './request.ts'
import type { QuerySource } from './source.ts'
import type { At, Flat, Refuse } from './types.ts'
import { isPlain, whereBytes } from './where.ts'

/** One figure of the documents of a group: what is null or absent is only in `count: true`. */
export type Measure<P = string> =
  | { readonly count: true | P }
  | { readonly distinct: P }
  | { readonly sum: P }
  | { readonly avg: P }
  | { readonly min: P }
  | { readonly max: P }

/** Intervals of `width` (of dates in milliseconds), one of which begins at `origin` (default 0). */
export interface Histogram<P = string> {
  readonly histogram: P
  readonly width: number
  readonly origin?: number
}

/** A field, several, or names with fields or intervals. */
export type GroupBy<P = string> = P | readonly P[] | { readonly [name: string]: P | Histogram<P> }

type Is<V, T, Sentence extends string> = unknown extends V
  ? unknown
  : [NonNullable<V>] extends [T]
    ? unknown
    : Refuse<Sentence>
type Checked<D, M> = M extends { readonly sum: infer P } | { readonly avg: infer P }
  ? Is<At<D, P>, number | bigint, 'sum and avg are of fields of numbers'>
  : M extends { readonly min: infer P } | { readonly max: infer P } | { readonly distinct: infer P }
    ? Is<At<D, P>, Key, 'min, max and distinct are of fields whose values have an order'>
    : unknown
/** What is wrong with figures, as sentences. */
export type CheckedMeasures<D, V> = { readonly [N in keyof V]: Checked<D, V[N]> }

type Grouped<V> = undefined extends V ? Exclude<V, undefined> | null : V
type GroupRow<D, G> = G extends string
  ? { [P in G]: Grouped<At<D, G>> }
  : G extends readonly (infer P extends string)[]
    ? { [Q in P]: Grouped<At<D, Q>> }
    : G extends object
      ? {
          -readonly [N in keyof G]: G[N] extends { readonly histogram: infer P }
            ? Grouped<At<D, P>>
            : Grouped<At<D, G[N]>>
        }
      : unknown
type Figure<D, M> = M extends { readonly count: unknown } | { readonly distinct: unknown }
  ? number
  : M extends { readonly sum: infer P }
    ? NonNullable<At<D, P>>
    : M extends { readonly avg: unknown }
      ? number | null
      : M extends { readonly min: infer P } | { readonly max: infer P }
        ? NonNullable<At<D, P>> | null
        : never

/** What aggregate() answers of a group. */
export type AggregateRow<D, V, G> = Flat<
  GroupRow<D, G> & { -readonly [N in keyof V]: Figure<D, V[N]> }
>

type RowOrder<R> = (keyof R & string) | { readonly [N in keyof R]?: Direction }

/** What aggregate() takes. */
export interface AggregateOptions<D, V, G, R = AggregateRow<D, V, G>> {
  readonly where?: Where<D>
  readonly groupBy?: G
  readonly values: V & CheckedMeasures<D, V>
  /** Which rows, by what is in them. */
  readonly having?: Where<R>
  /** Default: by their groups. */
  readonly orderBy?: RowOrder<R> | readonly RowOrder<R>[]
  readonly limit?: number
  readonly offset?: number
}

/** By groups an array of rows; else one. */
export type Aggregated<D, V, G> = [G] extends [undefined]
  ? AggregateRow<D, V, G>
  : AggregateRow<D, V, G>[]

const OPTIONS = ['where', 'groupBy', 'values', 'having', 'orderBy', 'limit', 'offset']
const OPS = { documents: 1, count: 2, distinct: 3, sum: 4, min: 5, max: 6, avg: 7 } as const
const WORDS = ['count', 'distinct', 'sum', 'avg', 'min', 'max'] as const
const GROUPS_MAX = 16
const MEASURES_MAX = 64
const NUMBERS: readonly TypeKind[] = ['int32', 'int64', 'float64']
const PLACED: readonly TypeKind[] = ['int32', 'float64', 'date']
const RESERVED = ['and', 'or', 'not', '__proto__']

type Given = Readonly<Record<string, unknown>>

interface Group {
  readonly name: string
  readonly column: Column
  readonly width: number
  readonly origin: number
}
interface Figured {
  readonly name: string
  readonly op: number
  readonly column: Column | undefined
}

/** Figures as they are asked for: INVALID for what are none. */
class Question {
  readonly #given: Given
  readonly #source: QuerySource
  #row: Columns = new Map()

  constructor(source: QuerySource, options: unknown) {
    checkNames(options, OPTIONS, 'aggregate')
    const given = options as Given
    for (const [name, value] of Object.entries(given))
      if (value === undefined)
        throw new VarveError('INVALID', `aggregate: ${name} is undefined: leave it out`)
    if (!isPlain(given['values']) || Object.keys(given['values']).length === 0)
      throw invalid(
        'values',
        'an object of figures, as { people: { count: true } }',
        given['values'],
      )
    for (const name of ['having', 'orderBy', 'limit', 'offset'])
      if (given['groupBy'] === undefined && name in given)
        throw new VarveError('INVALID', `${name}: it is of groups: groupBy`)
    this.#given = given
    this.#source = source
  }

  /** Puts it to the addon. */
  ask<A extends number | Uint8Array>(
    call: (size: number, asOf: number, request: Uint8Array) => A | number,
  ): A {
    const asked = { ...EVERYTHING, where: this.#given['where'] }
    return ask<A>(this.#source, asked, 0, (size, asOf) => {
      const queried = this.#source.view()
      const columns = queried?.columns ?? new Map<string, Column>()
      const groups = groupsOf(this.#given['groupBy'], columns)
      const figures = figuresOf(this.#given['values'] as Given, columns)
      if (queried !== undefined) checkConverted(queried, asked, [...groups, ...figures])
      this.#row = rowColumns(groups, figures)
      return call(size, asOf, requestOf(this.#given, groups, figures, this.#row))
    }) as A
  }

  /** The columns of a row, once it was asked. */
  columns(): readonly Column[] {
    return [...this.#row.values()]
  }

  /** An array of rows, or the only one. */
  answer(rows: readonly unknown[]): unknown {
    return this.#given['groupBy'] === undefined ? rows[0] : rows
  }

  /** Of a view in which there was no such collection yet. */
  nothing(): unknown {
    if (this.#given['groupBy'] !== undefined) return []
    return nothingOf(this.#given['values'] as Given)
  }
}

const EVERYTHING: Asked = {
  where: undefined,
  orderBy: undefined,
  select: undefined,
  limit: Infinity,
  offset: 0,
  after: undefined,
  inclusions: [],
}

/** An array of rows, or the only one, at once. */
export function aggregate(source: QuerySource, options: unknown): unknown {
  const question = new Question(source, options)
  if (source.view() === undefined) return question.nothing()
  const bytes = question.ask((size, asOf, request) =>
    source.level.queryAggregate(size, asOf, request),
  ) as Uint8Array
  return question.answer([...readRows(bytes, question.columns())])
}

/** The same in slices, while the event loop goes on. */
export async function aggregateAsync(
  source: QuerySource,
  options: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const question = new Question(source, options)
  if (source.view() === undefined) return question.nothing()
  question.ask((size, asOf, request) => source.level.queryAggregateOpen(size, asOf, request))
  const slices = new Slices(source, scratch.u32[CURSOR] ?? 0)
  try {
    while ((await slices.next()) && signal?.aborted !== true);
    if (signal?.aborted === true)
      throw new VarveError('ABORTED', 'query: aborted; nothing has changed')
    const bytes = source.level.queryRows(slices.cursor)
    if (typeof bytes === 'number') throw lastError()
    const rows: unknown[] = []
    let since = performance.now()
    for (const row of readRows(bytes, question.columns())) {
      rows.push(row)
      if (performance.now() - since < TURN_MS) continue
      await turn()
      since = performance.now()
    }
    return question.answer(rows)
  } finally {
    slices.close()
  }
}

// The core sums up what is stored, and asks for it.
function checkConverted(
  queried: Queried,
  asked: Asked,
  used: readonly { readonly column: Column | undefined }[],
): void {
  const columns = used.flatMap(({ column }) => (column === undefined ? [] : [column]))
  const divided = dividedOf(queried, asked)
  const free = columns.find(isNowhere)?.path ?? divided?.free[0]
  if (free !== undefined) throw notForTheCore(free)
  const converted = columns.find(({ number }) => queried.converting.has(number))
  const path = converted?.path ?? divided?.paths[0]
  if (path === undefined) return
  throw new VarveError('BUSY', `aggregate: ${path} is being converted; await ready()`)
}

// Of a view in which there was no such collection yet.
function nothingOf(values: Given): unknown {
  const zero = (measure: unknown): unknown =>
    isPlain(measure) && ('count' in measure || 'distinct' in measure || 'sum' in measure) ? 0 : null
  return Object.fromEntries(Object.entries(values).map(([name, one]) => [name, zero(one)]))
}

function groupsOf(groupBy: unknown, columns: Columns): readonly Group[] {
  if (groupBy === undefined) return []
  const isList = typeof groupBy === 'string' || Array.isArray(groupBy)
  if (!isList && !isPlain(groupBy))
    throw invalid('groupBy', 'a field, an array of fields, or an object of them', groupBy)
  const list: readonly unknown[] = Array.isArray(groupBy) ? groupBy : [groupBy]
  const entries: readonly (readonly [string, unknown, string])[] = isList
    ? list.map((path, i) => {
        const where = Array.isArray(groupBy) ? `groupBy[${i}]` : 'groupBy'
        return [String(path), path, where]
      })
    : Object.entries(groupBy).map(([name, by]) => [name, by, `groupBy.${name}`])
  if (entries.length === 0 || entries.length > GROUPS_MAX)
    throw new VarveError('INVALID', `groupBy: 1 to ${GROUPS_MAX} fields`)
  return entries.map(([name, by, where]) => groupOf(name, by, columns, where))
}

function groupOf(name: string, by: unknown, columns: Columns, where: string): Group {
  if (!isPlain(by)) return { name, column: ordered(by, columns, where), width: 0, origin: 0 }
  checkNames(by, ['histogram', 'width', 'origin'], where)
  const { histogram, width, origin = 0 } = by
  const column = columnAt(histogram, columns, `${where}.histogram`)
  if (!PLACED.includes(column.type.kind))
    throw invalid(`${where}.histogram`, 'a field of numbers or dates', column.type.kind)
  if (!isFinite(width as number) || typeof width !== 'number' || width <= 0)
    throw invalid(`${where}.width`, 'a number above 0', width)
  if (typeof origin !== 'number' || !isFinite(origin))
    throw invalid(`${where}.origin`, 'a number', origin)
  return { name, column, width, origin }
}

function ordered(path: unknown, columns: Columns, where: string): Column {
  const column = columnAt(path, columns, where)
  if (isOrdered(column.type)) return column
  throw invalid(`${where}: '${column.path}'`, 'of a type that has an order', column.type.kind)
}

function figuresOf(values: Given, columns: Columns): readonly Figured[] {
  const entries = Object.entries(values)
  if (entries.length > MEASURES_MAX)
    throw new VarveError('INVALID', `values: more than ${MEASURES_MAX} figures`)
  return entries.map(([name, measure]) => figureOf(name, measure, columns))
}

function figureOf(name: string, measure: unknown, columns: Columns): Figured {
  const where = `values.${name}`
  const words = isPlain(measure) ? Object.keys(measure) : []
  const word = WORDS.find((one) => one === words[0])
  if (!isPlain(measure) || word === undefined || words.length !== 1)
    throw invalid(where, `one of ${WORDS.join(', ')}, as { max: 'age' }`, measure)
  const path = measure[word]
  if (word === 'count' && path === true) return { name, op: OPS.documents, column: undefined }
  if (word === 'count')
    return { name, op: OPS.count, column: columnAt(path, columns, `${where}.count`) }
  const column = ordered(path, columns, `${where}.${word}`)
  if ((word === 'sum' || word === 'avg') && !NUMBERS.includes(column.type.kind))
    throw invalid(`${where}.${word}: '${column.path}'`, 'of numbers', column.type.kind)
  return { name, op: OPS[word], column }
}

const typeOf = (kind: TypeKind): TypeDescription => ({ kind, optional: false, nullable: false })

/** The names of a row as columns, for conditions and orders. */
function rowColumns(groups: readonly Group[], figures: readonly Figured[]): Columns {
  const columns = new Map<string, Column>()
  const add = (path: string, type: TypeDescription): void => {
    if (RESERVED.includes(path)) throw new VarveError('INVALID', `'${path}' cannot be in a row`)
    if (columns.has(path)) throw new VarveError('INVALID', `'${path}' would be twice in a row`)
    columns.set(path, { number: columns.size, id: columns.size, path, type, hidden: false })
  }
  for (const { name, column, width } of groups)
    add(name, width > 0 && column.type.kind === 'int32' ? typeOf('float64') : column.type)
  for (const { name, op, column } of figures) {
    const isBig = op === OPS.sum && column?.type.kind === 'int64'
    const isOwn = isBig || op === OPS.min || op === OPS.max
    add(name, isOwn && column !== undefined ? column.type : typeOf('float64'))
  }
  return columns
}

function requestOf(
  { having, orderBy, limit, offset = 0 }: Given,
  groups: readonly Group[],
  figures: readonly Figured[],
  row: Columns,
): Uint8Array {
  if (limit !== undefined) checkCount(limit, 'limit', 0, Number.MAX_SAFE_INTEGER)
  checkCount(offset, 'offset', 0, Number.MAX_SAFE_INTEGER)
  const to = new ByteWriter()
  to.count(groups.length)
  for (const { column, width, origin } of groups) {
    to.count(column.number)
    to.float(width)
    to.float(origin)
  }
  to.count(figures.length)
  for (const { op, column } of figures) {
    to.byte(op)
    to.count(column?.number ?? 0)
  }
  putOrder(orderBy, row, 'orderBy', to)
  to.float((limit as number | undefined) ?? -1)
  to.float(offset as number)
  to.raw(whereBytes(having, row, 'having'))
  return to.bytes()
}

function* readRows(bytes: Uint8Array, columns: readonly Column[]): Generator<unknown> {
  for (let at = 0; at < bytes.length;) {
    let size = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++] ?? 0
      size += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    const cells = decodeKey(bytes, at, at + size) as readonly Key[]
    at += size
    const shown = columns.map(({ path, type }, i) => [path, partOfKey(type, cells[i] ?? null)])
    yield Object.fromEntries(shown)
  }
}
