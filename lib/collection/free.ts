// lib/collection/free.ts — fields that are not declared, where a collection keeps what is not: how a query names them.
//
//   address.city   an index is on it   → the hidden column '#address.city' that the index is of, for the core
//                  none is             → a column of no record: it is asked about in JavaScript (unconverted.ts)
//
// Of what is not declared the type is not known: any value that has an order can be asked for. What is nowhere in a document is null there.
import { VarveError } from '../errors.ts'
import type { Column, Columns } from './columns.ts'
import type { Description, TypeDescription } from './description.ts'

const NO_NUMBER = -1
const MANY: readonly string[] = ['has', 'hasAny', 'hasAll']
const anyKey: TypeDescription = { kind: 'key', optional: true, nullable: true }
const anyKeys: TypeDescription = { ...anyKey, kind: 'array', members: [anyKey] }

/** What a query may name: columns, and where a collection keeps other fields, these. */
export function askableColumns(columns: Columns, { extra }: Pick<Description, 'extra'>): Columns {
  return extra === 'keep' ? new FreeColumns(columns) : columns
}

class FreeColumns extends Map<string, Column> {
  override get(path: string): Column | undefined {
    return super.get(path) ?? this.#free(path)
  }

  #free(path: string): Column | undefined {
    if (path === '' || path.startsWith('#')) return undefined
    for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1))
      if (super.has(path.slice(0, dot))) return undefined // A declared one has what it has.
    return known(path, super.get(`#${path}`), anyKey)
  }
}

const known = (path: string, hidden: Column | undefined, type: TypeDescription): Column =>
  hidden === undefined
    ? { number: NO_NUMBER, id: NO_NUMBER, path, type, hidden: false, isFree: true }
    : { ...hidden, path, hidden: false, isFree: true }

/** The core knows nothing of it. */
export const isNowhere = ({ number }: Column): boolean => number === NO_NUMBER

/** The column that an operator asks: an index on each element, or of words, has one of its own. */
export function freeColumn(
  free: Column,
  operator: string,
  columns: Columns,
  where: string,
): Column {
  const { path } = free
  if (MANY.includes(operator)) return known(path, columns.get(`#${path}[]`), anyKeys)
  if (operator !== 'match') return free
  const words = columns.get(`#${path}:text`) ?? columns.get(`#${path}[]:text`)
  if (words === undefined) throw new VarveError('INVALID', `${where}: '${path}' has no text index`)
  return { ...words, path, hidden: false, isFree: true }
}

export const notForTheCore = (path: string): VarveError =>
  new VarveError(
    'INVALID',
    `'${path}' is stored in a free form, where only find() and count() look for it: ` +
      'declare its type (storage), or an index on it',
  )
