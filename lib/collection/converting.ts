// lib/collection/converting.ts — what the core cannot know of documents that are there: values that JavaScript makes of those that are stored.
//
//   age: t.int32().from((old) => Number(old))      converted
//   lower: t.string().computed(…), new             computed
//   id: t.string().default(() => …), new           filled in
//   byName: { on: (user) => … }, new or of another revision      the hidden field of an index
//
// A document of an older version is read through all of these, but conditions and indexes would see what is stored. So such columns are told to the core,
// which leaves them alone until every document is rewritten (native/layer/collection/rewriting.cc), and until then they are asked about in JavaScript
// (unconverted.ts).
import { indexText, isConverted, isPresenceNarrower, isSameContent, isWider } from './compare.ts'
import { columnsOf } from './columns.ts'
import type { Live } from './declaration.ts'
import type { Description, FieldDescription } from './description.ts'
import { keptPath } from './kept.ts'

type From = Pick<Live, 'from'>

/** The columns of `after` whose values have to be made of what documents of these older versions hold. */
export function convertedColumns(
  older: readonly Description[],
  after: Description,
  live: From,
): number[] {
  const paths = new Set(older.flatMap((before) => convertedPaths(before, after, live)))
  const isWithin = (path: string): boolean =>
    [...paths].some((one) => path === one || path.startsWith(`${one}.`))
  return [...columnsOf(after).values()]
    .filter(({ path }) => isWithin(path))
    .map(({ number }) => number)
}

function convertedPaths(before: Description, after: Description, live: From): string[] {
  const indexes = changedHidden(before, after)
  return [...fieldPaths(before.fields, after.fields, '', live), ...indexes]
}

function fieldPaths(
  before: readonly FieldDescription[],
  after: readonly FieldDescription[],
  at: string,
  live: From,
): string[] {
  return after
    .filter(({ hidden }) => !hidden)
    .flatMap((field) => {
      const path = at + field.name
      const old = before.find(
        (one) => one.id === field.id && (!one.hidden || keptPath(one) !== undefined),
      )
      if (old === undefined) return isMade(field) ? [path] : []
      return changePaths(old, field, path, live)
    })
}

// By a function, or of the default that a version between had.
function isMade({ computed, filled, hasDefault, type }: FieldDescription): boolean {
  return computed || filled || !(hasDefault || type.optional || type.nullable)
}

function changePaths(
  old: FieldDescription,
  field: FieldDescription,
  path: string,
  live: From,
): string[] {
  const [before, after] = [old.type, field.type]
  if (live.from.has(path) && isConverted(before, after)) return [path]
  if (isPresenceNarrower(before, after)) return [path]
  if (before.kind === 'object' && after.kind === 'object')
    return fieldPaths(before.fields ?? [], after.fields ?? [], `${path}.`, live)
  return isSameContent(before, after) || isWider(before, after) ? [] : [path]
}

// Hidden fields that an index is on which was not there, or another one.
function changedHidden(before: Description, after: Description): string[] {
  const known = new Set(before.indexes.map((index) => `${index.name}: ${indexText(index)}`))
  const had = new Set(before.fields.map(({ name }) => name))
  const isKnown = (path: string): boolean =>
    had.has(path) &&
    after.indexes
      .filter((index) => index.parts.some((part) => part.path === path))
      .every((index) => known.has(`${index.name}: ${indexText(index)}`))
  return after.fields
    .filter((field) => field.hidden && keptPath(field) === undefined && !isKnown(field.name))
    .map(({ name }) => name)
}
