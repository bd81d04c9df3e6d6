// lib/collection/draft.ts — from a declaration to the definition that the catalog is to have: paths become columns, `where` bytes.
//
// A difference that documents can follow is applied: the definition gets one more version, and where values have to be converted, documents are rewritten
// (converting.ts). Any other is SCHEMA, with what differs and the lines that the declaration lacks.
import { isVarveError, VarveError } from '../errors.ts'
import type { Defined } from './catalog.ts'
import { type Columns, columnsOf } from './columns.ts'
import { type Difference, differences, differenceText, indexText } from './compare.ts'
import { conditionOf } from './condition.ts'
import { convertedColumns } from './converting.ts'
import type { Collection } from './declaration.ts'
import type { DefinedIndex, DefinedWords, Definition } from './definition.ts'
import { readDescription, writeDescription } from './description-bytes.ts'
import type { Description, FieldDescription, IndexDescription } from './description.ts'
import { languagesOf } from './words.ts'
import { withKept } from './kept.ts'
import { renamesLeft } from './renames.ts'
import { upgradeOf } from './upgrade.ts'
import { newVersion } from './version.ts'
import { isNodeOn, nodeBytes, whereNode } from './where.ts'

type AnyCollection = Collection<string, unknown, unknown, unknown, unknown>

/** What is to be put; undefined: the store has it as declared. */
export function draftOf(
  declared: AnyCollection,
  before: Defined | undefined,
  hasDocuments: () => boolean,
): Definition | undefined {
  const { name, description } = declared
  const schemas = before?.definition.schemas ?? []
  const older = schemas.map(readDescription)
  const live = { ...declared.live, was: renamesLeft(declared.live.was, older) }
  const all = before === undefined ? [] : differences(before.description, description, live)
  if (before !== undefined && all.length === 0) {
    checkRewriting(declared, before)
    return undefined
  }
  const nextId = 1 + Math.max(0, ...older.map(({ fields }) => greatestId(fields)))
  const old = before && { description: before.description, nextId }
  const version = schemas.length + 1
  const next = newVersion(description, live, version, old).description
  const rewriting = before && rewritingOf(declared, before, next, all, hasDocuments)
  const columns = columnsOf(next)
  const converted = new Set(rewriting?.columns)
  const declaredIndexes = next.indexes.map((index) => indexOf(index, columns, before, converted))
  return {
    id: before?.definition.id ?? 0,
    name,
    schemas: [...schemas, writeDescription(next)],
    indexes: [...declaredIndexes, ...referenceIndexes(next, columns, before)],
    oldest: rewriting?.oldest ?? version,
    rewriting: rewriting?.columns,
  }
}

/** What is to be put so that all documents are written anew in the newest form; undefined: they are, or will be. */
export function rewriteOf({ definition }: Defined): Definition | undefined {
  const isNeeded =
    definition.rewriting === undefined && definition.oldest < definition.schemas.length
  return isNeeded ? { ...definition, rewriting: [] } : undefined
}

interface Rewriting {
  readonly oldest: number
  readonly columns: readonly number[] | undefined
}

/** Which documents are there, and what of them is to be rewritten; SCHEMA where they cannot be what is declared. */
function rewritingOf(
  declared: AnyCollection,
  before: Defined,
  next: Description,
  all: readonly Difference[],
  hasDocuments: () => boolean,
): Rewriting {
  const { schemas, oldest } = before.definition
  const older = schemas.slice(oldest - 1).map(readDescription)
  const columns = convertedColumns(older, next, declared.live)
  const isRewritten =
    columns.length > 0 ||
    before.definition.rewriting !== undefined ||
    all.some(({ kind }) => kind === 'dropped')
  const refused =
    stillConverting(declared, before, next) ?? refusalOf(declared, next, all, new Set(columns))
  if (refused === undefined && !isRewritten) return { oldest, columns: undefined }
  if (!hasDocuments()) return { oldest: schemas.length + 1, columns: undefined }
  if (refused !== undefined) throw refused
  return { oldest, columns }
}

// What converts them to the version before is not declared any more.
function stillConverting(
  { name, live }: AnyCollection,
  { definition, description }: Defined,
  next: Description,
): VarveError | undefined {
  if ((definition.rewriting ?? []).length === 0) return undefined
  if (convertedColumns([description], next, live).length === 0) return undefined
  return new VarveError(
    'SCHEMA',
    `collection '${name}': its documents are still being converted to what was declared before; ` +
      'declare it so, and await ready()',
  )
}

/** What stands against documents that are there. */
function refusalOf(
  { name }: AnyCollection,
  next: Description,
  all: readonly Difference[],
  converted: ReadonlySet<number>,
): VarveError | undefined {
  const keys: readonly string[] = typeof next.key.on === 'string' ? [next.key.on] : next.key.on
  const fixed = [...columnsOf(next).values()]
    .filter(({ number }) => converted.has(number))
    .filter(({ path, type }) => keys.includes(path) || type.reference !== undefined)
    .map(({ path, type }) => {
      const what = type.reference === undefined ? 'the key' : 'a reference'
      return `  ${path} is ${what}, which cannot be converted`
    })
  const differing = all.filter(({ needs }) => needs !== 'nothing')
  if (differing.length === 0 && fixed.length === 0) return undefined
  const lines = [...(differing.length === 0 ? [] : [differenceText(differing)]), ...fixed]
  return new VarveError(
    'SCHEMA',
    `collection '${name}': its documents are stored as it was declared otherwise; what differs:\n` +
      lines.join('\n'),
  )
}

// A program that lacks what converts them cannot go on with it, nor read what is left.
function checkRewriting({ name, live }: AnyCollection, before: Defined): void {
  const { rewriting, schemas, oldest } = before.definition
  if (rewriting === undefined) return
  try {
    const newest = withKept(before.description)
    for (const bytes of schemas.slice(oldest - 1, -1))
      upgradeOf(withKept(readDescription(bytes)), newest, live, {}, () => new Map())
  } catch (error) {
    if (!isVarveError(error)) throw error
    throw new VarveError(
      'SCHEMA',
      `collection '${name}': its documents are still being converted: ${error.message}`,
      { cause: error },
    )
  }
}

function greatestId(fields: readonly FieldDescription[]): number {
  return Math.max(
    0,
    ...fields.map(({ id, type }) =>
      Math.max(
        id,
        greatestId(type.fields ?? []),
        ...(type.members ?? []).map((member) => greatestId(member.fields ?? [])),
      ),
    ),
  )
}

// One that means the same as before keeps its id, and so its entries; but one on what is converted begins empty, and gets its entries as documents are
// rewritten.
function indexOf(
  index: IndexDescription,
  columns: Columns,
  before: Defined | undefined,
  converted: ReadonlySet<number>,
): DefinedIndex {
  const parts = index.parts.map(({ path, descending }) => partOf(path, descending, index, columns))
  const where = `indexes.${index.name}.where`
  const condition =
    index.condition === '' ? undefined : whereNode(conditionOf(index.condition), columns, where)
  const changed = new Set([...converted, ...otherFields(columns, before)])
  const isChanged =
    parts.some(({ column }) => changed.has(column)) ||
    (condition !== undefined && isNodeOn(condition, changed))
  const known = before?.description.indexes.find(
    (one) => one.name === index.name && indexText(one) === indexText(index),
  )
  const defined = before?.definition.indexes.find(({ name }) => name === index.name)
  const isKept = known !== undefined && defined !== undefined && !isChanged
  return {
    id: isKept ? defined.id : 0,
    kind: index.kind,
    isReady: isKept && defined.isReady,
    unique: index.unique,
    name: index.name,
    fields: index.parts.map(({ path }) => path).join(', '),
    parts,
    words: index.kind === 'text' ? wordsOf(index) : undefined,
    filter: condition && nodeBytes(condition),
  }
}

function wordsOf({ name, options }: IndexDescription): DefinedWords {
  const { languages = [], stopWords = [] } = JSON.parse(options === '' ? '{}' : options) as {
    readonly languages?: readonly string[]
    readonly stopWords?: readonly string[]
  }
  return {
    languages: languagesOf(languages, `indexes.${name}.languages`),
    stopWords: stopWords.join(' '),
  }
}

// Columns whose name another field had.
const otherFields = (columns: Columns, before: Defined | undefined): readonly number[] =>
  [...columns.values()]
    .filter(({ path, id }) => before?.columns.get(path)?.id !== id)
    .map(({ number }) => number)

function partOf(path: string, descending: boolean, index: IndexDescription, columns: Columns) {
  const column = columns.get(path)
  if (column === undefined)
    throw new VarveError('INVALID', `indexes.${index.name}: no field '${path}'`)
  const each = index.multiple && column.type.kind === 'array'
  return { column: column.number, descending, each }
}

// Who deletes a document looks for those that refer to it: a field that refers to another collection has an index, its own if it has one.
function referenceIndexes(
  { indexes }: Description,
  columns: Columns,
  before: Defined | undefined,
): readonly DefinedIndex[] {
  const isLead = (path: string): boolean =>
    indexes.some(
      (index) =>
        index.kind === 'ordered' &&
        index.condition === '' &&
        !index.multiple &&
        index.parts[0]?.path === path &&
        !index.parts[0].descending,
    )
  return [...columns.values()]
    .filter(({ type, path }) => type.reference !== undefined && !isLead(path))
    .map(({ path, number, id }) => {
      const name = `#${path}`
      const isSame = before?.columns.get(path)?.id === id
      const known = before?.definition.indexes.find((index) => isSame && index.name === name)
      return {
        id: known?.id ?? 0,
        kind: 'ordered',
        isReady: known?.isReady ?? false,
        unique: false,
        name,
        fields: path,
        parts: [{ column: number, descending: false, each: false }],
        words: undefined,
        filter: undefined,
      }
    })
}
