// lib/collection/draft.ts — from a declaration to the definition that the catalog is to have: paths become columns, `where` bytes.
import { VarveError } from '../errors.ts'
import type { Defined } from './catalog.ts'
import { type Columns, columnsOf } from './columns.ts'
import { conditionOf } from './condition.ts'
import type { Collection } from './declaration.ts'
import type { DefinedIndex, Definition } from './definition.ts'
import type { Description, IndexDescription } from './description.ts'
import { changeOf, writeDescription } from './version.ts'
import { whereBytes } from './where.ts'

type AnyCollection = Collection<string, unknown, unknown, unknown, unknown>

/** What is to be put; undefined: the store has it as declared. SCHEMA where documents would have to change. */
export function draftOf(
  { name, description }: AnyCollection,
  before: Defined | undefined,
): Definition | undefined {
  const next = changeOf(name, description, before?.description, before?.definition.schemas ?? [])
  if (next === undefined) return undefined
  const columns = columnsOf(next)
  const schemas = [...(before?.definition.schemas ?? []), writeDescription(next)]
  const indexes = next.indexes.map((index) => indexOf(index, columns, before))
  return { id: before?.definition.id ?? 0, name, schemas, indexes }
}

// One that means the same as before keeps its id, and so its entries.
function indexOf(
  index: IndexDescription,
  columns: Columns,
  before: Defined | undefined,
): DefinedIndex {
  const known = before?.description.indexes.find((one) => isSame(one, index))
  const defined = before?.definition.indexes.find(({ name }) => name === index.name)
  const isKept = known !== undefined && defined !== undefined
  return {
    id: isKept ? defined.id : 0,
    isReady: isKept && defined.isReady,
    unique: index.unique,
    name: index.name,
    fields: index.parts.map(({ path }) => path).join(', '),
    parts: index.parts.map(({ path, descending }) => partOf(path, descending, index, columns)),
    filter:
      index.condition === ''
        ? undefined
        : whereBytes(conditionOf(index.condition), columns, `indexes.${index.name}.where`),
  }
}

function partOf(path: string, descending: boolean, index: IndexDescription, columns: Columns) {
  const column = columns.get(path)
  if (column === undefined)
    throw new VarveError('INVALID', `indexes.${index.name}: no field '${path}'`)
  const each = index.multiple && column.type.kind === 'array'
  return { column: column.number, descending, each }
}

const isSame = (a: IndexDescription, b: IndexDescription): boolean =>
  JSON.stringify(a) === JSON.stringify(b)

/** Kinds that are there. */
export function checkKinds({ name, indexes }: Description): void {
  for (const index of indexes)
    if (index.kind !== 'ordered')
      throw new VarveError(
        'INVALID',
        `collection '${name}': indexes.${index.name}: ${index.kind} indexes of collections are not there yet`,
      )
}
