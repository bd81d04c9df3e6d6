// lib/collection/unconverted.ts — queries about fields that are still being converted, which the core cannot answer: asked in JavaScript.
//
//   where age >= 18 and city = "Rome" order by age          (age is converted, city is not)
//     └── here ──┘     └── the core ──┘    └── here
//
// The core finds what meets the other conditions, in their order or in none; documents come back converted, and are held against the rest as it would do
// it: by ordered keys (native/layer/collection/filter.h). Sort keys are the core's, too, so that a page goes on after the last document is rewritten.
//
// Invariants
//   - what is found is what the core finds once everything is rewritten.
import { VarveError } from '../errors.ts'
import { encodeKey, type Key } from '../key.ts'
import { keyRoom } from '../range.ts'
import type { Column, Columns } from './columns.ts'
import type { Document } from './interpret.ts'
import { storedKey } from './operand.ts'
import { valueAt } from './path.ts'
import type { Asked } from './request.ts'
import {
  AND,
  BETWEEN,
  COMPARED,
  EQ,
  HAS,
  HAS_ALL,
  HAS_ANY,
  IN,
  IS_NULL,
  isNodeOn,
  NE,
  type Node,
  NOT,
  OR,
  STARTS_WITH,
} from './where.ts'

const FOUND_BYTES = 64 // What a sort key takes beside its bytes, about.
const SORTED = 1
const ID_BYTES = 4

/** What of a definition is being converted. */
export interface Converting {
  readonly columns: ReadonlySet<number>
  /** The key of a document. */
  readonly keyOf: (document: unknown) => Key
}

export interface OrderPart {
  readonly column: number
  readonly descending: boolean
}

/** How a query is divided. */
export interface Division {
  /** For the core. */
  readonly asked: Node
  readonly keeps: (document: Document) => boolean
  /** Where the order is not for the core. */
  readonly sortKey: ((document: Document) => Uint8Array) | undefined
  /** The fields that are asked about here. */
  readonly paths: readonly string[]
}

/** Undefined: all of it is for the core. */
export function divisionOf(
  converting: Converting,
  columns: Columns,
  where: Node,
  order: readonly OrderPart[],
): Division | undefined {
  const all = where.op === AND ? (where.children ?? []) : [where]
  const rest = all.filter((node) => isNodeOn(node, converting.columns))
  const sorts = order.some(({ column }) => converting.columns.has(column))
  if (rest.length === 0 && !sorts) return undefined
  return {
    asked: { op: AND, children: all.filter((node) => !rest.includes(node)) },
    keeps: (document) => rest.every((node) => holds(node, document)),
    sortKey: sorts ? sortKeyOf(converting, columns, order) : undefined,
    paths: pathsOf(converting, columns, rest, order),
  }
}

function pathsOf(
  { columns: converted }: Converting,
  columns: Columns,
  rest: readonly Node[],
  order: readonly OrderPart[],
): readonly string[] {
  const isAsked = (number: number): boolean =>
    order.some(({ column }) => column === number) ||
    rest.some((node) => isNodeOn(node, new Set([number])))
  return [...columns.values()]
    .filter(({ number }) => converted.has(number) && isAsked(number))
    .map(({ path }) => path)
}

// ---- conditions

function holds(node: Node, document: Document): boolean {
  const { op, children = [], column, operands = [] } = node
  if (op === AND) return children.every((child) => holds(child, document))
  if (op === OR) return children.some((child) => holds(child, document))
  if (op === NOT) return !children.some((child) => holds(child, document))
  if (column === undefined) throw new VarveError('INVALID', 'where: a condition on nothing')
  const value = valueAt(document, column.path)
  const isNull = value === undefined || value === null
  if (op === IS_NULL) return isNull
  if (op === HAS || op === HAS_ANY || op === HAS_ALL)
    return has(op, elementKeys(column, isNull ? [] : (value as readonly unknown[])), operands)
  const key = storedKey(column.type, value, column.path)
  if (op === EQ || op === NE) return isSame(key, operands[0]) === (op === EQ)
  if (op === IN) return operands.some((operand) => isSame(key, operand))
  return !isNull && compares(op, key, operands, column)
}

const isSame = (key: Uint8Array, other: Uint8Array | undefined): boolean =>
  other !== undefined && Buffer.compare(key, other) === 0

function compares(
  op: number,
  key: Uint8Array,
  [first = key, last = key]: readonly Uint8Array[],
  { path }: Column,
): boolean {
  const order = Buffer.compare(key, first)
  switch (op) {
    case COMPARED['gt']:
      return order > 0
    case COMPARED['gte']:
      return order >= 0
    case COMPARED['lt']:
      return order < 0
    case COMPARED['lte']:
      return order <= 0
    case BETWEEN:
      return order >= 0 && Buffer.compare(key, last) <= 0
    case STARTS_WITH:
      return Buffer.compare(key.subarray(0, first.length), first) === 0
    default:
      throw new VarveError(
        'BUSY',
        `where.${path}: it is being converted, and cannot be asked so until ready()`,
      )
  }
}

const elementKeys = ({ type, path }: Column, all: readonly unknown[]): readonly Uint8Array[] =>
  all.map((one) => storedKey(type.members?.[0] ?? type, one, path))

function has(op: number, keys: readonly Uint8Array[], operands: readonly Uint8Array[]): boolean {
  const isThere = (operand: Uint8Array): boolean => keys.some((key) => isSame(key, operand))
  return op === HAS_ALL ? operands.every(isThere) : operands.some(isThere)
}

// ---- order

function sortKeyOf(
  { keyOf }: Converting,
  columns: Columns,
  order: readonly OrderPart[],
): (document: Document) => Uint8Array {
  const parts = order.flatMap(({ column, descending }) =>
    [...columns.values()]
      .filter(({ number }) => number === column)
      .map(({ path, type }) => ({ path, type, descending })),
  )
  return (document) => {
    const keys = parts.map(({ path, type, descending }) => {
      const key = storedKey(type, valueAt(document, path), path)
      return descending ? key.map((byte) => ~byte) : key
    })
    const end = encodeKey(keyOf(document), 'key', keyRoom, 0)
    return new Uint8Array(Buffer.concat([...keys, keyRoom.subarray(0, end)]))
  }
}

/** A place behind a sort key: `Position` in native/layer/collection/plan.h. */
export function positionBehind(sortKey: Uint8Array): Uint8Array {
  const position = new Uint8Array(1 + ID_BYTES + sortKey.length)
  position[0] = SORTED
  position.set(sortKey, 1 + ID_BYTES)
  return position
}

function sortKeyBehind(position: Uint8Array | undefined): Uint8Array | undefined {
  if (position === undefined) return undefined
  if (position[0] === SORTED) return position.subarray(1 + ID_BYTES)
  throw new VarveError(
    'INVALID',
    'after: no place of this query; another one made it, or the index that it walked is gone',
  )
}

interface Limits {
  readonly limit: number
  readonly offset: number
  readonly after: Uint8Array | undefined
}

interface Sorted<T> {
  readonly key: Uint8Array
  readonly document: T
}

/** Documents that the core has found, as they are asked for here. */
export class Found<T> {
  readonly #division: Division
  readonly #bytesMax: number
  readonly #after: Uint8Array | undefined
  #offset: number
  #limit: number
  #items: T[] = []
  #sorted: Sorted<T>[] = []
  #bytes = 0

  /** TOO_LARGE where what is to be sorted takes more than `bytesMax`. */
  constructor(division: Division, { limit, offset, after }: Limits, bytesMax: number) {
    this.#division = division
    this.#bytesMax = bytesMax
    this.#offset = offset
    this.#limit = limit
    this.#after = division.sortKey && sortKeyBehind(after)
  }

  /** No more are wanted. */
  get isFull(): boolean {
    return this.#division.sortKey === undefined && this.#limit === 0
  }

  add(documents: readonly T[]): void {
    const { keeps, sortKey } = this.#division
    for (const document of documents) {
      if (!keeps(document as Document)) continue
      if (sortKey !== undefined) this.#sort(document, sortKey(document as Document))
      else if (this.#offset > 0) this.#offset--
      else if (this.#limit > 0) {
        this.#limit--
        this.#items.push(document)
      }
    }
  }

  #sort(document: T, key: Uint8Array): void {
    if (this.#after !== undefined && Buffer.compare(key, this.#after) <= 0) return
    this.#bytes += key.length + FOUND_BYTES
    if (this.#bytes > this.#bytesMax)
      throw new VarveError(
        'TOO_LARGE',
        `what has to be sorted takes more than ${this.#bytesMax} bytes; await ready()`,
      )
    this.#sorted.push({ key, document })
  }

  /** What was found since; where it has to be sorted, nothing. */
  take(): T[] {
    const items = this.#items
    this.#items = []
    return items
  }

  /** All that was sorted, with their keys. */
  takeSorted(): readonly Sorted<T>[] {
    const sorted = this.#sorted.sort((a, b) => Buffer.compare(a.key, b.key))
    this.#sorted = []
    return sorted.slice(this.#offset, this.#offset + this.#limit)
  }
}

/** Of a document only what was asked for. */
export function selected<T>(
  document: T,
  { select, inclusions }: Pick<Asked, 'select' | 'inclusions'>,
): T {
  if (select === undefined) return document
  const names = new Set([...select, ...inclusions.map(({ name }) => name)])
  const some = Object.entries(document as object).filter(([name]) => names.has(name))
  return Object.fromEntries(some) as T
}
