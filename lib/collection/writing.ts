// lib/collection/writing.ts — one document written: made whole, encoded, and handed over with its key.
//
// The record crosses as a value does: a head in the scratch and a text. Indexes, uniqueness and rules are the addon's: native/layer/collection/.
import { refusal } from '../conflict.ts'
import { marked, writeKey } from '../encoding.ts'
import { invalid, VarveError } from '../errors.ts'
import { lastError, scratch } from '../native.ts'
import { encodedText } from '../value.ts'
import type { Opened } from './catalog.ts'
import { carryKept } from './kept.ts'
import type { Document } from './record.ts'
import { isPlain } from './where.ts'

export const INSERT = 0
export const PUT = 1
export const UPDATE = 2
/** As a commit of its own. */
export const ALONE = 0
/** Whoever has written the document last. */
export const ANYONE = -1

export type Mode = typeof INSERT | typeof PUT | typeof UPDATE

/** The document as it will be stored. */
export function fillDocument({ opening, id, codec }: Opened, document: unknown): Document {
  return marked(() =>
    codec.fill(document, () => {
      const number = opening.native.collectionSequence(id)
      if (number < 0) throw lastError()
      return number
    }),
  )
}

/** Writes a whole document; throws what refuses it. */
export function writeDocument(
  opened: Opened,
  document: Document,
  mode: Mode,
  asOf: number,
  since = ANYONE,
): void {
  const { codec, level, opening } = opened
  const headBytes = marked(() => codec.encode(document, scratch, opening.commitBytesMax))
  const text = encodedText()
  const key = codec.keyOf(document)
  const passed = typeof key === 'string' ? key : writeKey(key)
  const answer = level.documentPut(
    passed,
    text === '' ? undefined : text,
    headBytes,
    mode,
    asOf,
    since,
  )
  if (answer < 0) throw refused(opened)
}

/** Removes the document that a caller names; answers whether it was there. */
export function removeDocument(opened: Opened, key: unknown, asOf: number): boolean {
  return removeStored(opened, opened.keyOf(key), asOf)
}

/** The same by an ordered key. */
export function removeStored(opened: Opened, encoded: unknown, asOf: number): boolean {
  const passed = typeof encoded === 'string' ? encoded : writeKey(encoded)
  const answer = opened.level.documentDelete(passed, asOf)
  if (answer < 0) throw refused(opened)
  return answer === 1
}

/** What refused the last write, with the index or the field that it is about. */
function refused({ level }: Opened): VarveError {
  const error = refusal()
  const [index, fields, path, rule] = level.documentRefusal()
  if (index !== '')
    return new VarveError(error.code, error.message, { index, fields: fields.split(', ') })
  if (path !== '') return new VarveError(error.code, error.message, { path, rule })
  return error
}

export type Change = Document | ((document: Document) => Document)

/** The document after a change: a patch puts fields, and removes those that it has as undefined. */
export function changed(opened: Opened, before: Document, change: unknown): Document {
  const after =
    typeof change === 'function'
      ? (change as (document: Document) => unknown)(before)
      : patched(opened, before, change)
  if (!isPlain(after))
    throw invalid('update', 'a patch, or a function that answers a document', after)
  if (typeof change === 'function') checkHasKey(opened, after)
  const whole = filledAgain(opened, withoutComputed(opened, after))
  checkSameKey(opened, before, whole)
  carryKept(before, whole)
  return whole
}

// Who answers only what changes would be given another key where keys are generated.
function checkHasKey({ declared, newest }: Opened, after: Document): void {
  const { on } = newest.description.key
  const missing = [on].flat().find((path) => after[path.split('.')[0] ?? path] === undefined)
  if (missing === undefined) return
  const whole = `the function must answer the whole document, and '${missing}' is missing`
  throw new VarveError(
    'INVALID',
    `${declared.name}: ${whole}: answer { ...document, … }, or give a patch`,
  )
}

// A validator sees what it has answered before, with the change.
function filledAgain(opened: Opened, after: Document): Document {
  try {
    return fillDocument(opened, after)
  } catch (error) {
    const isValidated = opened.declared.live.validator !== undefined
    if (!isValidated || !(error instanceof VarveError) || error.code !== 'INVALID') throw error
    const why = 'an update is validated as a whole, in the form that is stored'
    throw new VarveError('INVALID', `${error.message}; ${why}`, { cause: error })
  }
}

function patched({ newest }: Opened, before: Document, patch: unknown): Document {
  if (!isPlain(patch)) throw invalid('update', 'a patch, or a function that answers one', patch)
  const after: Document = { ...before }
  for (const [name, value] of Object.entries(patch)) {
    if (value !== undefined) {
      after[name] = value
      continue
    }
    const column = newest.columns.get(name)
    if (column !== undefined && !column.type.optional)
      throw new VarveError(
        'INVALID',
        `update: ${name} is undefined, which removes a field, but it must be there`,
      )
    delete after[name]
  }
  return after
}

// They are made anew.
function withoutComputed({ newest }: Opened, document: Document): Document {
  const computed = newest.description.fields.filter((field) => field.computed && !field.hidden)
  if (computed.length === 0) return document
  const given: Document = { ...document }
  for (const { name } of computed) delete given[name]
  return given
}

function checkSameKey({ codec, declared }: Opened, before: Document, after: Document): void {
  const keys = [codec.keyOf(before), codec.keyOf(after)].map((key) => {
    const size = typeof key === 'string' ? key : writeKey(key)
    return typeof size === 'string'
      ? size
      : Buffer.from(scratch.key.subarray(0, size)).toString('hex')
  })
  if (keys[0] === keys[1]) return
  throw new VarveError(
    'INVALID',
    `${declared.name}: an update keeps the key of its document; insert another and delete this one`,
  )
}
