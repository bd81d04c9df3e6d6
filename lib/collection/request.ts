// lib/collection/request.ts — a query as bytes: native/binding/query.cc tells which.
import { invalid, VarveError } from '../errors.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Columns } from './columns.ts'
import { isOrdered } from './operand.ts'
import { isPlain, whereBytes } from './where.ts'

export const COUNTED = 1
export const PAGED = 2
const AFTER = 4
const ORDERS_MAX = 16
const TOKEN_HASH_BYTES = 4

/** What is asked, as it was given, but for defaults. */
export interface Asked {
  readonly where: unknown
  readonly orderBy: unknown
  readonly limit: number
  readonly offset: number
  readonly select: readonly string[] | undefined
  readonly after: Uint8Array | undefined
}

/** The definition that columns are of, by its commit. */
export interface Defined {
  readonly commit: number
  readonly columns: Columns
}

export function requestOf(defined: Defined, asked: Asked, flags: number): Uint8Array {
  const to = new ByteWriter()
  to.byte(flags | (asked.after === undefined ? 0 : AFTER))
  to.float(defined.commit)
  to.float(Number.isFinite(asked.limit) ? asked.limit : -1)
  to.float(asked.offset)
  const order = flags === COUNTED ? [] : orderOf(asked.orderBy, defined.columns)
  to.count(order.length)
  for (const { column, descending } of order) {
    to.count(column)
    to.byte(descending ? 1 : 0)
  }
  to.sized(asked.after ?? new Uint8Array(0))
  to.raw(whereBytes(asked.where, defined.columns))
  return to.bytes()
}

interface OrderPart {
  readonly column: number
  readonly descending: boolean
}

function orderOf(orderBy: unknown, columns: Columns): readonly OrderPart[] {
  if (orderBy === undefined) return []
  const steps: readonly unknown[] = Array.isArray(orderBy) ? orderBy : [orderBy]
  const parts = steps.flatMap((step, index) =>
    stepOf(step, columns, Array.isArray(orderBy) ? `orderBy[${index}]` : 'orderBy'),
  )
  if (parts.length > ORDERS_MAX)
    throw new VarveError('INVALID', `orderBy: more than ${ORDERS_MAX} fields`)
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

function columnOf(path: string, columns: Columns, where: string): number {
  const column = columns.get(path)
  if (column === undefined || column.hidden) {
    const names = [...columns.values()].filter(({ hidden }) => !hidden).map((one) => one.path)
    throw new VarveError('INVALID', `${where}: no field '${path}'; known are ${names.join(', ')}`)
  }
  if (isOrdered(column.type)) return column.number
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
