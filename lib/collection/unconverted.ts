// lib/collection/unconverted.ts — queries about fields that the core cannot read, asked in JavaScript: those of free forms that no index is on (free.ts), and
// those that are still being converted.
//
//   where age >= 18 and city = "Rome" order by age          (age is converted or free, city is neither)
//     └── here ──┘     └── the core ──┘    └── here
//
// The core finds what meets the other conditions, in their order or in none; documents come back converted, and are held against the rest as it would do
// it: by ordered keys (native/layer/collection/filter.h). Sort keys are the core's, too, so that a page goes on after the last document is rewritten.
//
// Invariants
//   - what is found is what the core finds once everything is rewritten.
import { isVarveError, VarveError } from '../errors.ts'
import { encodeKey } from '../key.ts'
import { keyRoom } from '../range.ts'
import type { Column } from './columns.ts'
import { isNowhere } from './free.ts'
import type { TypeDescription } from './description.ts'
import type { Document } from './interpret.ts'
import { storedKey } from './operand.ts'
import { valueAt } from './path.ts'
import type { Asked, Queried } from './request.ts'
import {
  AND,
  BETWEEN,
  columnsIn,
  COMPARED,
  EQ,
  HAS,
  HAS_ALL,
  HAS_ANY,
  IN,
  IS_NULL,
  NE,
  type Node,
  NOT,
  OR,
  STARTS_WITH,
} from './where.ts'

const FOUND_BYTES = 64 // What a sort key takes beside its bytes, about.
const SORTED = 1
const ID_BYTES = 4

export interface OrderPart {
  readonly column: Column
  readonly descending: boolean
}

/** How a query is divided. */
export interface Division {
  /** For the core. */
  readonly asked: Node
  readonly keeps: (document: Document) => boolean
  /** Where the order is not for the core. */
  readonly sortKey: ((document: Document) => Uint8Array) | undefined
  /** The fields that are asked about here, and those of them that are free. */
  readonly paths: readonly string[]
  readonly free: readonly string[]
}

/** Undefined: all of it is for the core. */
export function divisionOf(
  { converting, keyOf }: Pick<Queried, 'converting' | 'keyOf'>,
  where: Node,
  order: readonly OrderPart[],
): Division | undefined {
  const isHere = (column: Column): boolean => isNowhere(column) || converting.has(column.number)
  const all = where.op === AND ? (where.children ?? []) : [where]
  const rest = all.filter((node) => columnsIn(node).some(isHere))
  const sorts = order.some(({ column }) => isHere(column))
  if (rest.length === 0 && !sorts) return undefined
  const asked = [...rest.flatMap(columnsIn), ...order.map(({ column }) => column)].filter(isHere)
  return {
    asked: { op: AND, children: all.filter((node) => !rest.includes(node)) },
    keeps: (document) => rest.every((node) => holds(node, document)),
    sortKey: sorts ? sortKeyOf(keyOf, order) : undefined,
    paths: pathsOf(asked),
    free: pathsOf(asked.filter(isNowhere)),
  }
}

const pathsOf = (columns: readonly Column[]): readonly string[] => [
  ...new Set(columns.map(({ path }) => path)),
]

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
    return has(op, elementKeys(column, Array.isArray(value) ? value : []), operands)
  const key = keyAt(column, column.type, value)
  if (key === undefined) return op === NE
  if (op === EQ || op === NE) return isSame(key, operands[0]) === (op === EQ)
  if (op === IN) return operands.some((operand) => isSame(key, operand))
  return !isNull && compares(op, key, operands, column)
}

// In a free form there may be what has no order: it is as nothing that can be asked for.
function keyAt(
  { isFree, path }: Column,
  type: TypeDescription,
  value: unknown,
): Uint8Array | undefined {
  try {
    return storedKey(type, value, path)
  } catch (error) {
    if (isFree === true && isVarveError(error)) return undefined
    throw error
  }
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

const elementKeys = (column: Column, all: readonly unknown[]): readonly Uint8Array[] =>
  all
    .map((one) => keyAt(column, column.type.members?.[0] ?? column.type, one))
    .filter((key) => key !== undefined)

function has(op: number, keys: readonly Uint8Array[], operands: readonly Uint8Array[]): boolean {
  const isThere = (operand: Uint8Array): boolean => keys.some((key) => isSame(key, operand))
  return op === HAS_ALL ? operands.every(isThere) : operands.some(isThere)
}

// ---- order

function sortKeyOf(
  keyOf: Queried['keyOf'],
  order: readonly OrderPart[],
): (document: Document) => Uint8Array {
  return (document) => {
    const keys = order.map(({ column, descending }) => {
      const { type, path } = column
      const own = keyAt(column, type, valueAt(document, path))
      const key = own ?? storedKey(type, null, path)
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
        `what has to be sorted takes more than ${this.#bytesMax} bytes, for ` +
          `${this.#division.paths.join(', ')} is asked about in JavaScript`,
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
