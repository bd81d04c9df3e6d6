// lib/collection/request.ts — a query as bytes: native/binding/query.cc tells which.
import { invalid, VarveError } from '../errors.ts'
import type { Key } from '../key.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Column, Columns } from './columns.ts'
import type { Description } from './description.ts'
import { isNowhere, notForTheCore } from './free.ts'
import type { Inclusion } from './including.ts'
import { isOrdered } from './operand.ts'
import type { QuerySource } from './source.ts'
import { type Division, divisionOf, type OrderPart } from './unconverted.ts'
import { isPlain, type Node, nodeBytes, whereNode } from './where.ts'

export const COUNTED = 1
export const PAGED = 2
const AFTER = 4
export const ORDERS_MAX = 16
const TOKEN_HASH_BYTES = 4

/** What is asked, as it was given, but for defaults. */
export interface Asked {
  readonly where: unknown
  readonly orderBy: unknown
  readonly limit: number
  readonly offset: number
  readonly select: readonly string[] | undefined
  readonly after: Uint8Array | undefined
  readonly inclusions: readonly Inclusion[]
  /** What is answered where that is not documents. */
  readonly shape?: Shape
}

/** Puts together what comes, however many crossings it comes by. */
export interface Assembling<T> {
  /** A slice is there, of this query. */
  begin?(cursor: number): void
  take(text: string, to: T[]): void
}

/** A query whose answer is not documents. */
export interface Shape {
  /** Of a view that lacks what it needs. */
  isNothing(): boolean
  refresh(): void
  request(queried: Queried, asked: Asked, flags: number): Uint8Array
  assembly<T>(): Assembling<T>
}

/** Whether there is nothing to ask: no such collection in the view yet. */
export const isNothing = ({ view }: QuerySource, { shape }: Asked): boolean =>
  view() === undefined || shape?.isNothing() === true

/** The definition that a query is held against, by its commit. */
export interface Queried {
  readonly commit: number
  readonly columns: Columns
  readonly description: Pick<Description, 'extra'>
  /** While documents are rewritten: the columns whose values have to be converted. */
  readonly converting: ReadonlySet<number>
  /** The key of a document. */
  readonly keyOf: (document: unknown) => Key
}

/** What of a query is asked in JavaScript: of free forms, and of documents that are to be converted; undefined: nothing. */
export function dividedOf(queried: Queried, asked: Asked): Division | undefined {
  const { where, orderBy, shape } = asked
  const { converting, columns, description } = queried
  const isWhole = converting.size === 0 && description.extra === 'refuse'
  if (isWhole || shape !== undefined) return undefined
  const order = orderOf(orderBy, columns, 'orderBy')
  return divisionOf(queried, whereNode(where, columns), order)
}

export function requestOf(queried: Queried, asked: Asked, flags: number): Uint8Array {
  if (asked.shape !== undefined) return asked.shape.request(queried, asked, flags)
  checkSelect(asked.select, queried)
  const divided = dividedOf(queried, asked)
  if (divided !== undefined) return dividedRequest(queried, asked, flags, divided)
  const order = flags === COUNTED ? [] : orderOf(asked.orderBy, queried.columns, 'orderBy')
  return bytesOf(queried, asked, flags, order, whereNode(asked.where, queried.columns))
}

// Without an end: which documents count is not known to the core.
function dividedRequest(queried: Queried, asked: Asked, flags: number, divided: Division) {
  const sorts = divided.sortKey !== undefined
  const after = sorts ? undefined : asked.after
  const order = sorts ? [] : orderOf(asked.orderBy, queried.columns, 'orderBy')
  const all = { ...asked, limit: Infinity, offset: 0, after }
  return bytesOf(queried, all, flags, order, divided.asked)
}

function bytesOf(
  queried: Queried,
  asked: Asked,
  flags: number,
  order: readonly OrderPart[],
  where: Node,
): Uint8Array {
  const to = new ByteWriter()
  to.byte(flags | (asked.after === undefined ? 0 : AFTER))
  to.float(queried.commit)
  to.float(Number.isFinite(asked.limit) ? asked.limit : -1)
  to.float(asked.offset)
  putParts(order, to)
  to.sized(asked.after ?? new Uint8Array(0))
  const inclusions = asked.inclusions.filter(({ view }) => view() !== undefined)
  to.count(inclusions.length)
  for (const inclusion of inclusions) inclusion.write(to, queried.columns)
  to.raw(nodeBytes(where))
  return to.bytes()
}

export function selectOf(select: unknown, where = 'select'): readonly string[] | undefined {
  if (select === undefined) return undefined
  const isOne =
    Array.isArray(select) &&
    select.length > 0 &&
    select.every((name: unknown) => typeof name === 'string')
  if (!isOne) throw new VarveError('INVALID', `${where} must be an array of fields`)
  return select as readonly string[]
}

/** INVALID where it names a field that no document of the definition has. */
export function checkSelect(
  select: readonly string[] | undefined,
  { columns, description }: Queried,
  where = 'select',
): void {
  if (select === undefined || description.extra === 'keep') return
  select.forEach((name, index) => {
    const column = columns.get(name)
    if (column === undefined || column.hidden || name.includes('.'))
      throw unknownField(name, topLevel(columns), `${where}[${index}]`)
  })
}

const topLevel = (columns: Columns): readonly string[] =>
  [...columns.values()]
    .filter(({ hidden, path }) => !hidden && !path.includes('.'))
    .map(({ path }) => path)

const unknownField = (path: string, known: readonly string[], where: string): VarveError =>
  new VarveError('INVALID', `${where}: no field '${path}'; known are ${known.join(', ')}`)

/** An order as bytes: a count, and columns with their directions. */
export function putOrder(orderBy: unknown, columns: Columns, where: string, to: ByteWriter): void {
  putParts(orderOf(orderBy, columns, where), to)
}

function putParts(order: readonly OrderPart[], to: ByteWriter): void {
  to.count(order.length)
  for (const { column, descending } of order) {
    if (isNowhere(column)) throw notForTheCore(column.path)
    to.count(column.number)
    to.byte(descending ? 1 : 0)
  }
}

function orderOf(orderBy: unknown, columns: Columns, where: string): readonly OrderPart[] {
  if (orderBy === undefined) return []
  const steps: readonly unknown[] = Array.isArray(orderBy) ? orderBy : [orderBy]
  const parts = steps.flatMap((step, index) =>
    stepOf(step, columns, Array.isArray(orderBy) ? `${where}[${index}]` : where),
  )
  if (parts.length > ORDERS_MAX)
    throw new VarveError('INVALID', `${where}: more than ${ORDERS_MAX} fields`)
  return parts
}

function stepOf(step: unknown, columns: Columns, where: string): readonly OrderPart[] {
  if (typeof step === 'string')
    return [{ column: columnOf(step, columns, where), descending: false }]
  if (!isPlain(step)) throw invalid(where, "a field, or { field: 'desc' }", step)
  return Object.entries(step).map(([path, direction]) => {
    if (direction !== 'asc' && direction !== 'desc')
      throw invalid(`${where}.${path}`, "'asc' or 'desc'", direction)
    return { column: columnOf(path, columns, where), descending: direction === 'desc' }
  })
}

/** The column of a path that a caller gave. */
export function columnAt(path: unknown, columns: Columns, where: string): Column {
  if (typeof path !== 'string') throw invalid(where, 'the name of a field', path)
  const column = columns.get(path)
  if (column !== undefined && !column.hidden) return column
  const names = [...columns.values()].filter(({ hidden }) => !hidden).map((one) => one.path)
  throw unknownField(path, names, where)
}

function columnOf(path: string, columns: Columns, where: string): Column {
  const column = columnAt(path, columns, where)
  if (isOrdered(column.type)) return column
  throw invalid(`${where}: '${path}'`, 'of a type that has an order', column.type.kind)
}

export function checkCount(given: unknown, name: string, least: number, most: number): void {
  const isOne =
    typeof given === 'number' && Number.isInteger(given) && given >= least && given <= most
  if (!isOne) throw invalid(name, `an integer from ${least} to ${most}`, given)
}

// ---- tokens

/** A position as text, with a mark of the query that it is of. */
export function writeToken(asked: Asked, position: Uint8Array): string {
  return Buffer.concat([markOf(asked), position]).toString('base64url')
}

export function readToken(asked: Pick<Asked, 'where' | 'orderBy'>, token: unknown): Uint8Array {
  if (typeof token !== 'string') throw invalid('after', '`next` of a page', token)
  const bytes = Buffer.from(token, 'base64url')
  if (!bytes.subarray(0, TOKEN_HASH_BYTES).equals(markOf(asked)))
    throw new VarveError('INVALID', 'after: `next` of a page of another query')
  return bytes.subarray(TOKEN_HASH_BYTES)
}

function markOf({ where, orderBy }: Pick<Asked, 'where' | 'orderBy'>): Buffer {
  const text = JSON.stringify([where, orderBy], (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  const mark = Buffer.alloc(TOKEN_HASH_BYTES)
  mark.writeUInt32LE(hash)
  return mark
}
