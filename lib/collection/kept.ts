// lib/collection/kept.ts — fields that are not declared any more, and whose data is kept.
//
// A declaration that lacks a field says nothing about its data: only `drop` removes that. So the next version has the field still, hidden, under a name
// that no declaration can give: '##age'. A document that is read has what is kept beside it, where only this module finds it, and an update carries it
// on. A field that is declared again is found by its id.
import type { Description, FieldDescription } from './description.ts'
import type { Document } from './interpret.ts'

const MARK = '##'

export const keptName = (name: string): string => MARK + name

/** What a kept field was called; undefined of others. */
export const keptPath = ({ name, hidden }: FieldDescription): string | undefined =>
  hidden && name.startsWith(MARK) ? name.slice(MARK.length) : undefined

/** The field as it is kept: it may be absent, and nothing makes it or refers by it. */
export function keptField(field: FieldDescription): FieldDescription {
  const { reference: _, ...type } = field.type
  const name = keptPath(field) === undefined ? keptName(field.name) : field.name
  const nothing = { hasDefault: false, filled: false, computed: false }
  return { ...field, ...nothing, name, hidden: true, type: { ...type, optional: true } }
}

export const keptNames = ({ fields }: Description): readonly string[] =>
  fields.filter((field) => keptPath(field) !== undefined).map(({ name }) => name)

/** The same records, read with what is kept as if it were declared. */
export function withKept(description: Description): Description {
  const show = (field: FieldDescription): FieldDescription =>
    keptPath(field) === undefined ? field : { ...field, hidden: false }
  return { ...description, fields: description.fields.map(show) }
}

const kept = new WeakMap<Document, Document>()

/** Takes these fields out of a document, and lays them beside it. */
export function layAside(document: Document, names: readonly string[]): Document {
  const shown = { ...document }
  const aside: Document = {}
  for (const name of names) {
    if (document[name] !== undefined) aside[name] = document[name]
    delete shown[name]
  }
  kept.set(shown, aside)
  return shown
}

/** What is kept beside one document is kept beside another, too. */
export function carryKept(from: Document, to: Document): void {
  const aside = kept.get(from)
  if (aside !== undefined) kept.set(to, aside)
}

/** What is kept beside a document under a name. */
export const keptValue = (document: Document, name: string): unknown => kept.get(document)?.[name]
