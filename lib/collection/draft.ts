// lib/collection/draft.ts — from a declaration to the definition that the catalog is to have: paths become columns, `where` bytes.
//
// A difference for which no document has to change is applied: the definition gets one more version. Any other is SCHEMA, with what differs and
// the lines that the declaration lacks.
import { VarveError } from '../errors.ts'
import type { Defined } from './catalog.ts'
import { type Columns, columnsOf } from './columns.ts'
import { differences, differenceText, indexText } from './compare.ts'
import { conditionOf } from './condition.ts'
import type { Collection } from './declaration.ts'
import type { DefinedIndex, DefinedWords, Definition } from './definition.ts'
import { readDescription, writeDescription } from './description-bytes.ts'
import type { Description, FieldDescription, IndexDescription } from './description.ts'
import { languagesOf } from './words.ts'
import { newVersion } from './version.ts'
import { whereBytes } from './where.ts'

type AnyCollection = Collection<string, unknown, unknown, unknown, unknown>

/** What is to be put; undefined: the store has it as declared. */
export function draftOf(
  declared: AnyCollection,
  before: Defined | undefined,
  hasDocuments: () => boolean,
): Definition | undefined {
  const { name, description, live } = declared
  if (before !== undefined && !isChanged(declared, before, hasDocuments)) return undefined
  const schemas = before?.definition.schemas ?? []
  const nextId =
    1 + Math.max(0, ...schemas.map((bytes) => greatestId(readDescription(bytes).fields)))
  const old = before && { description: before.description, nextId }
  const next = newVersion(description, live, schemas.length + 1, old).description
  const columns = columnsOf(next)
  return {
    id: before?.definition.id ?? 0,
    name,
    schemas: [...schemas, writeDescription(next)],
    indexes: [
      ...next.indexes.map((index) => indexOf(index, columns, before)),
      ...referenceIndexes(next, columns, before),
    ],
  }
}

function isChanged(
  { name, description, live }: AnyCollection,
  before: Defined,
  hasDocuments: () => boolean,
): boolean {
  if (differences(before.description, description, live).length === 0) return false
  // What `from` would convert lies in documents, filters and indexes as it was: nothing writes them anew.
  const all = differences(before.description, description, { ...live, from: new Map() })
  const isHarmless = all.every(({ needs }) => needs === 'nothing')
  if ((isHarmless && !needsHidden(before.description, description)) || !hasDocuments()) return true
  const why = isHarmless
    ? 'an index on a function is for documents that are written with it'
    : 'what differs'
  throw new VarveError(
    'SCHEMA',
    `collection '${name}': its documents are stored as it was declared otherwise; ${why}:\n` +
      differenceText(all),
  )
}

// Values of hidden fields are made when a document is written.
function needsHidden(before: Description, after: Description): boolean {
  const known = new Set(before.indexes.map((index) => `${index.name}: ${indexText(index)}`))
  const hidden = new Set(after.fields.filter((field) => field.hidden).map((field) => field.name))
  return after.indexes.some(
    (index) =>
      !known.has(`${index.name}: ${indexText(index)}`) &&
      index.parts.some(({ path }) => hidden.has(path)),
  )
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

// One that means the same as before keeps its id, and so its entries.
function indexOf(
  index: IndexDescription,
  columns: Columns,
  before: Defined | undefined,
): DefinedIndex {
  const known = before?.description.indexes.find(
    (one) => one.name === index.name && indexText(one) === indexText(index),
  )
  const defined = before?.definition.indexes.find(({ name }) => name === index.name)
  const isKept = known !== undefined && defined !== undefined
  return {
    id: isKept ? defined.id : 0,
    kind: index.kind,
    isReady: isKept && defined.isReady,
    unique: index.unique,
    name: index.name,
    fields: index.parts.map(({ path }) => path).join(', '),
    parts: index.parts.map(({ path, descending }) => partOf(path, descending, index, columns)),
    words: index.kind === 'text' ? wordsOf(index) : undefined,
    filter:
      index.condition === ''
        ? undefined
        : whereBytes(conditionOf(index.condition), columns, `indexes.${index.name}.where`),
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
    .map(({ path, number }) => {
      const name = `#${path}`
      const known = before?.definition.indexes.find((index) => index.name === name)
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
