// lib/collection/where.ts — conditions as objects, checked and made bytes: native/layer/collection/FORMAT.md.
//
//   { age: { gte: 18 }, tags: { has: 'x' }, or: [{ city: 'Rome' }, { city: null }] }
//
// A bare value means `eq`, all that an object says has to hold. `undefined` is INVALID wherever it stands, and so is what is unknown: a
// condition that means nothing would find everything.
import { invalid, VarveError } from '../errors.ts'
import type { Column, Columns } from './columns.ts'
import { freeColumn, isNowhere, notForTheCore } from './free.ts'
import { isOrdered, operandOf, prefixOperand } from './operand.ts'
import { ByteWriter } from './byte-writer.ts'
import { isPlace, placeOperands } from './places.ts'

export const AND = 1
export const OR = 2
export const NOT = 3
export const EQ = 16
export const NE = 17
export const BETWEEN = 22
export const IN = 23
export const STARTS_WITH = 24
export const IS_NULL = 25
export const HAS = 26
export const HAS_ANY = 27
export const HAS_ALL = 28
export const MATCH = 29
export const COMPARED: Readonly<Record<string, number>> = { gt: 18, gte: 19, lt: 20, lte: 21 }

const SAME = ['eq', 'ne', 'in', 'notIn', 'isNull']
const ORDERED = [...SAME, 'gt', 'gte', 'lt', 'lte', 'between']
const WORDED = [...ORDERED, 'startsWith', 'match']
const HAVING = ['has', 'hasAny', 'hasAll', 'isNull']
const HAVING_WORDS = [...HAVING, 'match']
const PLACED = ['near', 'within', 'isNull']
const KNOWN = ['isNull']
const OPERATORS = new Set([...WORDED, ...HAVING, ...PLACED])
const DEPTH_MAX = 16
const OPERANDS_MAX = 65_536

/** A condition before it is bytes. */
export interface Node {
  readonly op: number
  readonly column?: Column
  readonly operands?: readonly Uint8Array[]
  readonly children?: readonly Node[]
}

/** The bytes of a condition; of none, those of one that always holds. */
export function whereBytes(where: unknown, columns: Columns, name = 'where'): Uint8Array {
  return nodeBytes(whereNode(where, columns, name))
}

/** The same, to be looked at first. */
export function whereNode(where: unknown, columns: Columns, name = 'where'): Node {
  return where === undefined ? { op: AND, children: [] } : group(where, columns, '', name, 0)
}

export function nodeBytes(node: Node): Uint8Array {
  const writer = new ByteWriter()
  write(node, writer)
  return writer.bytes()
}

/** All that it asks about. */
export const columnsIn = ({ column, children = [] }: Node): readonly Column[] => [
  ...(column === undefined ? [] : [column]),
  ...children.flatMap(columnsIn),
]

/** Whether it asks about one of these columns. */
export const isNodeOn = (node: Node, columns: ReadonlySet<number>): boolean =>
  columnsIn(node).some(({ number }) => columns.has(number))

/** Whether it asks for words, which an index alone can tell. */
export const isOnWords = ({ op, children = [] }: Node): boolean =>
  op === MATCH || children.some(isOnWords)

function write({ op, column, operands, children }: Node, to: ByteWriter): void {
  to.byte(op)
  if (children !== undefined) {
    if (op !== NOT) to.count(children.length)
    for (const child of children) write(child, to)
    return
  }
  if (column !== undefined && isNowhere(column)) throw notForTheCore(column.path)
  to.count(column?.number ?? 0)
  if (op === IN || op === HAS_ANY || op === HAS_ALL) to.count(operands?.length ?? 0)
  for (const operand of operands ?? []) to.sized(operand)
}

function group(
  given: unknown,
  columns: Columns,
  before: string,
  where: string,
  depth: number,
): Node {
  if (depth > DEPTH_MAX) throw new VarveError('INVALID', `${where}: more than ${DEPTH_MAX} deep`)
  if (!isPlain(given)) throw invalid(where, 'an object of conditions', given)
  const children: Node[] = []
  for (const [name, condition] of Object.entries(given)) {
    const at = `${where}.${name}`
    if (condition === undefined)
      throw new VarveError('INVALID', `${at} is undefined, which is no condition: leave it out`)
    if (before === '' && (name === 'and' || name === 'or'))
      children.push(several(name, condition, columns, at, depth))
    else if (before === '' && name === 'not')
      children.push(not(group(condition, columns, '', at, depth + 1)))
    else children.push(...field(before + name, condition, columns, at, depth))
  }
  return children.length === 1 && children[0]?.op === AND ? children[0] : and(children)
}

// What is `and` within `and` is one, so that a plan sees all that has to hold.
function and(children: readonly Node[]): Node {
  const flat = children.flatMap((one) => (one.op === AND ? (one.children ?? []) : [one]))
  return { op: AND, children: flat }
}

const not = (child: Node): Node => ({ op: NOT, children: [child] })

function several(
  name: 'and' | 'or',
  given: unknown,
  columns: Columns,
  where: string,
  depth: number,
): Node {
  if (!Array.isArray(given)) throw invalid(where, 'an array of conditions', given)
  const children = Array.from(given, (one: unknown, index) =>
    group(one, columns, '', `${where}[${index}]`, depth + 1),
  )
  return name === 'and' ? and(children) : { op: OR, children }
}

function field(
  path: string,
  condition: unknown,
  columns: Columns,
  where: string,
  depth: number,
): readonly Node[] {
  const column = columns.get(path)
  if (column === undefined || column.hidden) throw unknown(path, columns, where)
  if (column.isFree) return freeField(column, condition, columns, where, depth)
  if (condition === null) return [{ op: IS_NULL, column }]
  const { type } = column
  if (isPlace(type) && isPlain(condition)) return placed(condition, column, where)
  if (!isPlain(condition)) {
    if (!isOrdered(type)) throw invalid(where, asksOf(column), condition)
    return [{ op: EQ, column, operands: [operandOf(type, condition, where)] }]
  }
  if (type.kind === 'object' && !('isNull' in condition))
    return group(condition, columns, `${path}.`, where, depth + 1).children ?? []
  return Object.entries(condition).map(([name, operand]) =>
    operator(name, operand, column, `${where}.${name}`),
  )
}

// Names that are all operators are; others are of the object that lies there.
function freeField(
  column: Column,
  condition: unknown,
  columns: Columns,
  where: string,
  depth: number,
): readonly Node[] {
  if (condition === null) return [{ op: IS_NULL, column }]
  if (!isPlain(condition))
    return [{ op: EQ, column, operands: [operandOf(column.type, condition, where)] }]
  const entries = Object.entries(condition)
  if (entries.length === 0 || !entries.every(([name]) => OPERATORS.has(name)))
    return group(condition, columns, `${column.path}.`, where, depth + 1).children ?? []
  return entries.map(([name, operand]) => {
    const at = `${where}.${name}`
    return operator(name, operand, freeColumn(column, name, columns, at), at)
  })
}

function unknown(path: string, columns: Columns, where: string): VarveError {
  const names = [...columns.values()].filter(({ hidden }) => !hidden).map((column) => column.path)
  return new VarveError('INVALID', `${where}: no field '${path}'; known are ${names.join(', ')}`)
}

function operatorsOf({ type }: Column): readonly string[] {
  if (type.kind === 'string' || type.kind === 'enum') return WORDED
  if (type.kind === 'boolean') return SAME
  if (isPlace(type)) return PLACED
  if (type.kind === 'array' && type.members?.every(isOrdered) === true)
    return type.members.every(({ kind }) => kind === 'string') ? HAVING_WORDS : HAVING
  if (type.kind === 'key') return [...ORDERED, 'startsWith']
  return isOrdered(type) ? ORDERED : KNOWN
}

const asksOf = (column: Column): string => `asked of by ${operatorsOf(column).join(', ')}`

function checkOperator(name: string, operand: unknown, column: Column, where: string): void {
  const known = operatorsOf(column)
  if (!known.includes(name))
    throw new VarveError(
      'INVALID',
      `${where}: no operator of ${column.type.kind}; known are ${known.join(', ')}`,
    )
  if (operand === undefined)
    throw new VarveError('INVALID', `${where} is undefined, which is no condition: leave it out`)
}

/** All that is asked of a place: `near` and a distance `within` are one condition. */
function placed(
  condition: Readonly<Record<string, unknown>>,
  column: Column,
  where: string,
): readonly Node[] {
  for (const [name, operand] of Object.entries(condition))
    checkOperator(name, operand, column, `${where}.${name}`)
  const { near, within, isNull } = condition
  const nodes: Node[] = placeOperands(near, within, where).map(({ op, operand }) => ({
    op,
    column,
    operands: [operand],
  }))
  if (isNull !== undefined) nodes.push(operator('isNull', isNull, column, `${where}.isNull`))
  return nodes
}

function operator(name: string, operand: unknown, column: Column, where: string): Node {
  checkOperator(name, operand, column, where)
  const { type } = column
  const one = (): Uint8Array => operandOf(type, operand, where)
  const member = type.members?.[0] ?? type
  switch (name) {
    case 'eq':
      return operand === null ? { op: IS_NULL, column } : { op: EQ, column, operands: [one()] }
    case 'ne':
      if (operand === null) return not({ op: IS_NULL, column })
      return { op: NE, column, operands: [one()] }
    case 'in':
      return among(operand, column, where)
    case 'notIn':
      return not(among(operand, column, where))
    case 'between':
      return { op: BETWEEN, column, operands: twoOf(operand, column, where) }
    case 'startsWith':
      return { op: STARTS_WITH, column, operands: [prefixOperand(operand, where)] }
    case 'match':
      if (typeof operand !== 'string') throw invalid(where, 'words', operand)
      return { op: MATCH, column, operands: [Buffer.from(operand)] }
    case 'isNull':
      if (typeof operand !== 'boolean') throw invalid(where, 'true or false', operand)
      return operand ? { op: IS_NULL, column } : not({ op: IS_NULL, column })
    case 'has':
      return { op: HAS, column, operands: [operandOf(member, operand, where)] }
    case 'hasAny':
      return { op: HAS_ANY, column, operands: risingOf(operand, member, where) }
    case 'hasAll':
      return { op: HAS_ALL, column, operands: risingOf(operand, member, where) }
    default:
      return { op: COMPARED[name] ?? 0, column, operands: [one()] }
  }
}

function twoOf(operand: unknown, { type }: Column, where: string): readonly Uint8Array[] {
  if (!Array.isArray(operand) || operand.length !== 2)
    throw invalid(where, 'two values, [first, last]', operand)
  return [operandOf(type, operand[0], `${where}[0]`), operandOf(type, operand[1], `${where}[1]`)]
}

function among(operand: unknown, column: Column, where: string): Node {
  if (!Array.isArray(operand)) throw invalid(where, 'an array of values', operand)
  const values = operand.filter((value) => value !== null)
  const node = { op: IN, column, operands: risingOf(values, column.type, where) }
  if (values.length === operand.length) return node
  return { op: OR, children: [node, { op: IS_NULL, column }] }
}

// Each once, in their order.
function risingOf(operand: unknown, type: Column['type'], where: string): readonly Uint8Array[] {
  if (!Array.isArray(operand)) throw invalid(where, 'an array of values', operand)
  if (operand.length > OPERANDS_MAX)
    throw new VarveError('TOO_LARGE', `${where}: more than ${OPERANDS_MAX} values`)
  const all = Array.from(operand, (value: unknown, i) => operandOf(type, value, `${where}[${i}]`))
  all.sort((a, b) => Buffer.compare(a, b))
  return all.filter((one, i) => i === 0 || Buffer.compare(one, all[i - 1] ?? one) !== 0)
}

/** An object of names: no array, date, bytes or instance of a class. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
