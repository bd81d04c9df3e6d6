// lib/collection/scoring.ts — queries by a score: rank of words, distance and age, mixed by weights.
//
//   places.search({ where: { bio: { match: 'quiet garden' } },
//                   score: { text: 2, distance: { on: 'at', from: here, half: '2km' }, recency: { on: 'opened', half: '30d' } } })
//     ──▶ [{ document, score: 2.41, parts: { text: { raw: 8.1, value: 0.92, weight: 2, share: 0.76 }, … } }, …]
//
// The core makes each document's score and keeps the best (native/layer/collection/score.h); what they are made of comes beside each page of
// documents, as numbers. A part is worth between 0 and 1, and what is absent nothing.
import { checkPoint } from '../geo/place.ts'
import type { Box, Point } from '../geo.ts'
import { invalid, VarveError } from '../errors.ts'
import { checkNames, parseTime } from '../options.ts'
import { showAs } from '../showing.ts'
import type { Selectable, Selected, SelectedBy, Where } from './asking.ts'
import { eachStored } from './batch.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Column, Columns } from './columns.ts'
import { isPlace, metresOf } from './places.ts'
import { checkExplain, type ExplainOptions, type Explanation, Lazy } from './query.ts'
import {
  type Asked,
  type Assembling,
  checkCount,
  checkSelect,
  columnAt,
  COUNTED,
  type Queried,
  selectOf,
  type Shape,
} from './request.ts'
import { ask } from './running.ts'
import type { QuerySource } from './source.ts'
import type { At, DocumentOf, Path } from './types.ts'
import { AND, isNodeOn, isPlain, MATCH, type Node, nodeBytes, whereNode } from './where.ts'

const SCORED = 16
const PARTS = ['text', 'distance', 'recency'] as const
const NUMBERS = 1 + 2 * PARTS.length
const HITS_MAX = 10_000
const HITS = 10

type PathTo<D, V> = {
  [P in Path<D>]: [NonNullable<At<D, P>>] extends [V] ? P : never
}[Path<D>]

/** What a document is worth: at least one part, each with a weight above 0 (of distance and recency by default 1). */
export interface ScoreOptions<D> {
  /** The weight of the `match` of `where`, that of the best one being worth 1. */
  readonly text?: number
  /** Half as much for each `half` (metres, or '2km') that a place is farther away. */
  readonly distance?: {
    readonly on: PathTo<D, Point | Box>
    readonly from: Point
    readonly half: number | string
    readonly weight?: number
  }
  /** Half as much for each `half` (milliseconds, or '7d') that a date is older than `now`. */
  readonly recency?: {
    readonly on: PathTo<D, Date>
    readonly half: number | string
    readonly weight?: number
    /** Default: now. */
    readonly now?: Date
  }
}

/** What search() takes. */
export interface SearchOptions<C extends { readonly '~schema': unknown }> {
  readonly where?: Where<DocumentOf<C['~schema']>>
  readonly score: ScoreOptions<DocumentOf<C['~schema']>>
  readonly select?: readonly Selectable<DocumentOf<C['~schema']>>[]
  /** The best so many, at most 10,000. Default: 10. */
  readonly limit?: number
  readonly offset?: number
}

/** One part of a score. */
export interface ScorePart {
  /** The rank of the words, metres, or milliseconds; null where there is none. */
  readonly raw: number | null
  /** Between 0 and 1. */
  readonly value: number
  readonly weight: number
  /** Of the score: all shares are 1 together, unless it is 0. */
  readonly share: number
}

/** A document with its score, and what that is made of. */
export interface Hit<D, P extends string = string> {
  readonly document: D
  readonly score: number
  readonly parts: { readonly [N in P]: ScorePart }
}

/** What search() answers. */
export type HitOf<C extends { readonly '~schema': unknown }, O> = O extends {
  readonly score: infer W
}
  ? Hit<Selected<DocumentOf<C['~schema']>, SelectedBy<O>>, keyof W & string>
  : never

/** A lazy sequence of hits, the best first: each run reads the view of the moment at which it begins. */
export class SearchQuery<T> extends Lazy<T> {
  static {
    showAs<SearchQuery<unknown>>(this, 'SearchQuery', (query) => query.shown())
  }

  /** How it is answered: without answering it, unless `run` is asked for. */
  explain(options: ExplainOptions = {}): Omit<Explanation, 'converting' | 'free'> | undefined {
    const runs = checkExplain(options)
    if (this.source.view() === undefined) return undefined
    const json = ask(this.source, this.asked, 0, (size, asOf) =>
      this.source.level.queryExplain(size, asOf, runs),
    )
    return JSON.parse(json) as Omit<Explanation, 'converting' | 'free'>
  }
}

type Given = Readonly<Record<string, unknown>>

interface Parts {
  readonly text: number
  readonly distance: { on: unknown; from: Point; half: number; weight: number } | undefined
  readonly recency: { on: unknown; now: number; half: number; weight: number } | undefined
}

/** A search as it is asked: INVALID for what is none. */
export function searchOf(given: Given, source: QuerySource): Asked {
  const { where, score, select, limit = HITS, offset = 0 } = given
  checkCount(limit, 'limit', 1, HITS_MAX)
  checkCount(offset, 'offset', 0, HITS_MAX)
  const parts = partsOf(score)
  return {
    where: undefined,
    orderBy: undefined,
    select: undefined,
    limit: limit as number,
    offset: offset as number,
    after: undefined,
    inclusions: [],
    shape: new Scored(parts, where, selectOf(select), source),
  }
}

function partsOf(score: unknown): Parts {
  if (!isPlain(score)) throw invalid('score', 'an object of parts', score)
  checkNames(score, PARTS, 'score')
  for (const [name, part] of Object.entries(score))
    if (part === undefined)
      throw new VarveError('INVALID', `score.${name} is undefined: leave it out`)
  if (Object.keys(score).length === 0)
    throw new VarveError('INVALID', `score: it has no part; known are ${PARTS.join(', ')}`)
  const { text, distance, recency } = score
  return {
    text: text === undefined ? 0 : weightOf(text, 'score.text'),
    distance: distance === undefined ? undefined : distanceOf(distance),
    recency: recency === undefined ? undefined : recencyOf(recency),
  }
}

function weightOf(weight: unknown, where: string): number {
  if (typeof weight === 'number' && weight > 0 && Number.isFinite(weight)) return weight
  throw invalid(where, 'a number above 0', weight)
}

function distanceOf(given: unknown) {
  const where = 'score.distance'
  checkNames(given, ['on', 'from', 'half', 'weight'], where)
  const { on, from, half, weight = 1 } = given as Given
  checkPoint(from, `${where}.from`)
  const metres = metresOf(half, `${where}.half`)
  return {
    on,
    from,
    half: positive(metres, `${where}.half`),
    weight: weightOf(weight, `${where}.weight`),
  }
}

function recencyOf(given: unknown) {
  const where = 'score.recency'
  checkNames(given, ['on', 'half', 'weight', 'now'], where)
  const { on, half, weight = 1, now = new Date() } = given as Given
  if (!(now instanceof Date) || Number.isNaN(now.getTime()))
    throw invalid(`${where}.now`, 'a date', now)
  return {
    on,
    now: now.getTime(),
    half: parseTime(half, `${where}.half`, "an age such as '7d', or milliseconds"),
    weight: weightOf(weight, `${where}.weight`),
  }
}

function positive(number: number, where: string): number {
  if (number > 0 && Number.isFinite(number)) return number
  throw invalid(where, 'more than 0', number)
}

/** A query whose documents come with their scores. */
class Scored implements Shape {
  readonly #parts: Parts
  readonly #where: unknown
  readonly #select: readonly string[] | undefined
  readonly #source: QuerySource

  constructor(
    parts: Parts,
    where: unknown,
    select: readonly string[] | undefined,
    source: QuerySource,
  ) {
    this.#parts = parts
    this.#where = where
    this.#select = select
    this.#source = source
  }

  isNothing(): boolean {
    return false
  }

  refresh(): void {}

  request(queried: Queried, asked: Asked, flags: number): Uint8Array {
    const { columns } = queried
    checkSelect(this.#select, queried)
    const where = whereNode(this.#where, columns)
    if (this.#parts.text > 0 && !asksWords(where))
      throw new VarveError('INVALID', 'score.text: `where` has no match that all have to meet')
    const place = placeColumn(this.#parts, columns)
    const time = timeColumn(this.#parts, columns)
    checkConverted(queried, where, [place, time])
    const isScored = flags !== COUNTED
    const to = new ByteWriter()
    to.byte(isScored ? flags | SCORED : flags)
    to.float(queried.commit)
    to.float(asked.limit)
    to.float(asked.offset)
    to.count(0)
    to.sized(new Uint8Array(0))
    to.count(0)
    if (isScored) putParts(this.#parts, place, time, to)
    to.raw(nodeBytes(where))
    return to.bytes()
  }

  assembly<T>(): Assembling<T> {
    const { text, distance, recency } = this.#parts
    const weights = [text, distance?.weight ?? 0, recency?.weight ?? 0]
    return new HitAssembly<T>(this.#source, this.#select, weights)
  }
}

function putParts(
  { text, distance, recency }: Parts,
  place: Column | undefined,
  time: Column | undefined,
  to: ByteWriter,
): void {
  for (const weight of [text, distance?.weight ?? 0, recency?.weight ?? 0]) to.float(weight)
  to.count(place?.number ?? 0)
  to.float(distance?.from.lat ?? 0)
  to.float(distance?.from.lng ?? 0)
  to.float(Infinity)
  to.float(distance?.half ?? 1)
  to.count(time?.number ?? 0)
  to.float(recency?.now ?? 0)
  to.float(recency?.half ?? 1)
}

const asksWords = ({ op, children = [] }: Node): boolean =>
  op === MATCH || (op === AND && children.some(({ op: one }) => one === MATCH))

function placeColumn({ distance }: Parts, columns: Columns): Column | undefined {
  if (distance === undefined) return undefined
  const column = columnAt(distance.on, columns, 'score.distance.on')
  if (isPlace(column.type)) return column
  throw invalid('score.distance.on', 'a field of points or boxes', column.type.kind)
}

function timeColumn({ recency }: Parts, columns: Columns): Column | undefined {
  if (recency === undefined) return undefined
  const column = columnAt(recency.on, columns, 'score.recency.on')
  if (column.type.kind === 'date') return column
  throw invalid('score.recency.on', 'a field of dates', column.type.kind)
}

// The core measures what is stored.
function checkConverted(
  { converting }: Queried,
  where: Node,
  used: readonly (Column | undefined)[],
): void {
  const column = used.find((one) => one !== undefined && converting.has(one.number))
  if (column === undefined && !isNodeOn(where, converting)) return
  throw new VarveError(
    'BUSY',
    `search: ${column?.path ?? 'where'} is being converted; await ready()`,
  )
}

/** Puts documents together with the numbers that came beside them. */
class HitAssembly<T> implements Assembling<T> {
  readonly #source: QuerySource
  readonly #select: readonly string[] | undefined
  readonly #weights: readonly number[]
  #scores = new Float64Array(0)
  #at = 0

  constructor(
    source: QuerySource,
    select: readonly string[] | undefined,
    weights: readonly number[],
  ) {
    this.#source = source
    this.#select = select
    this.#weights = weights
  }

  begin(cursor: number): void {
    const bytes = this.#source.level.queryScores(cursor)
    if (typeof bytes === 'number') return
    this.#scores = new Float64Array(new Uint8Array(bytes).buffer)
    this.#at = 0
  }

  take(text: string, to: T[]): void {
    const { encoding } = this.#source
    eachStored(text, (_, kind, at, size, own) => {
      const document =
        this.#select === undefined
          ? encoding.read(kind, at, size, own)
          : encoding.readFields(kind, at, size, own, this.#select)
      to.push(this.#hit(document) as T)
    })
  }

  #hit(document: unknown): Hit<unknown> {
    const numbers = this.#scores.subarray(this.#at, this.#at + NUMBERS)
    this.#at += NUMBERS
    const score = numbers[0] ?? 0
    const parts: Record<string, ScorePart> = {}
    PARTS.forEach((name, i) => {
      const weight = this.#weights[i] ?? 0
      if (weight === 0) return
      const [raw = NaN, value = 0] = numbers.subarray(1 + 2 * i)
      const share = score > 0 ? (weight * value) / score : 0
      parts[name] = { raw: Number.isNaN(raw) ? null : raw, value, weight, share }
    })
    return { document, score, parts }
  }
}
