// lib/collection/catalog.ts — what an opening knows of the collections of its store: their definitions, and the codecs of each version.
//
//   declared ──▶ stored? ──no──▶ defined, as version 1
//                   └─yes─▶ the same? ──▶ used       else ──▶ defined anew where no document has to change, or SCHEMA with the difference
//
// Definitions change by commits, maybe of another thread. Whoever reads or writes says which definition it means, and is told when the store has
// another one: then it is read anew.
import { encodeKey, type Key } from '../key.ts'
import { VarveError } from '../errors.ts'
import { ABSENT, COMMIT, CONFLICT, lastError, type NativeCollection, scratch } from '../native.ts'
import { openLevel } from '../level.ts'
import type { Opening } from '../opening.ts'
import { type Columns, columnsOf } from './columns.ts'
import { askableColumns } from './free.ts'
import type { Collection } from './declaration.ts'
import { type Definition, readDefinition, writeDefinition } from './definition.ts'
import { draftOf, rewriteOf } from './draft.ts'
import { differences, differenceText } from './compare.ts'
import { readDescription } from './description-bytes.ts'
import type { Description } from './description.ts'
import { keyReaderOf, keyWriterOf } from './key.ts'
import { type RecordCodec, recordCodec } from './record.ts'
import { Records } from './upgrade.ts'

const DOCUMENTS = 0x14
const NEWEST = 0
const TRIES_MAX = 100

/** A definition as of some commit. */
export interface Defined {
  /** That put it. */
  readonly commit: number
  readonly definition: Definition
  readonly description: Description
  readonly columns: Columns
  /** While documents are rewritten: the columns whose values have to be converted. */
  readonly converting: ReadonlySet<number>
  readonly keyOf: (document: unknown) => Key
}

type AnyCollection = Collection<string, unknown, unknown, unknown, unknown>

/** A collection of an open store. */
export class Opened {
  readonly opening: Opening
  readonly declared: AnyCollection
  readonly id: number
  readonly level: NativeCollection
  /** What a caller calls a key, as an ordered key. INVALID where it can be none. */
  readonly keyOf: (key: unknown) => Key
  #newest: Defined
  #records: Records

  constructor(opening: Opening, declared: AnyCollection, newest: Defined) {
    this.opening = opening
    this.declared = declared
    this.id = newest.definition.id
    this.#newest = newest
    this.#records = this.recordsOf(newest)
    this.keyOf = keyWriterOf(newest.description)
    this.level = openLevel(opening.native, prefixOf(this.id)) as NativeCollection
  }

  get newest(): Defined {
    return this.#newest
  }

  /** Reads the newest definition anew. */
  refresh(): void {
    const before = this.#newest.definition.schemas.length
    this.#newest = definedAs(this.opening, this.id, NEWEST) ?? this.#gone()
    if (this.#newest.definition.schemas.length !== before)
      this.#records = this.recordsOf(this.#newest)
  }

  #gone(): never {
    throw new VarveError('NOT_FOUND', `${this.declared.name}: the collection has been dropped`)
  }

  /** As of a view; undefined where there was none yet. */
  at(asOf: number): Defined | undefined {
    return definedAs(this.opening, this.id, asOf)
  }

  /** What writes. */
  get codec(): RecordCodec {
    return this.#records.newest
  }

  /** What reads documents as they are now. */
  get records(): Records {
    return this.#records
  }

  /** What reads documents as a definition has them. */
  recordsOf({ definition: { schemas }, description }: Defined): Records {
    const { shapes } = this.opening
    const { live } = this.declared
    const newest = recordCodec(description, live, schemas.length, shapes)
    // Another thread may have declared it otherwise since.
    const others = () => definedAs(this.opening, this.id, NEWEST)?.definition.schemas ?? []
    return new Records(newest, live, shapes, (version) => {
      const bytes = schemas[version - 1] ?? others()[version - 1]
      return bytes && readDescription(bytes)
    })
  }
}

function prefixOf(id: number): Uint8Array {
  const prefix = Buffer.alloc(5, DOCUMENTS)
  prefix.writeUInt32BE(id, 1)
  return prefix
}

function placeName(name: string): number {
  return encodeKey(name, 'collection', scratch.key, 0)
}

function definedAs(opening: Opening, id: number, asOf: number): Defined | undefined {
  const bytes = opening.native.collectionDefinition(id, asOf)
  if (bytes === ABSENT) return undefined
  if (typeof bytes === 'number') throw lastError()
  return definedOf(scratch.f64[COMMIT] ?? 0, readDefinition(bytes))
}

function definedOf(commit: number, definition: Definition): Defined {
  const description = readDescription(definition.schemas.at(-1) ?? new Uint8Array(0))
  const converting = new Set(definition.rewriting)
  const columns = askableColumns(columnsOf(description), description)
  return { commit, definition, description, columns, converting, keyOf: keyReaderOf(description) }
}

/** What the store has under the name; undefined: nothing. */
function stored(opening: Opening, name: string): Defined | undefined {
  const id = opening.native.collectionId(placeName(name), NEWEST)
  if (id < 0) throw lastError()
  return id === 0 ? undefined : definedAs(opening, id, NEWEST)
}

const known = new WeakMap<Opening, Map<string, Opened>>()

/** The collection as declared, defined in the store if it is not yet. */
export function openCollection(opening: Opening, declared: AnyCollection): Opened {
  opening.check()
  let all = known.get(opening)
  if (all === undefined) known.set(opening, (all = new Map<string, Opened>()))
  const before = all.get(declared.name)
  if (before !== undefined && isThere(before)) {
    checkSame(before.declared, declared)
    return before
  }
  const opened = new Opened(opening, declared, defined(opening, declared))
  all.set(declared.name, opened)
  return opened
}

// It may have been dropped meanwhile.
function isThere({ opening, id, declared }: Opened): boolean {
  const now = opening.native.collectionId(placeName(declared.name), NEWEST)
  if (now < 0) throw lastError()
  return now === id
}

function checkSame(before: AnyCollection, declared: AnyCollection): void {
  if (before === declared) return
  const all = differences(before.description, declared.description)
  if (all.length === 0) return
  throw new VarveError(
    'INVALID',
    `collection '${declared.name}' is open as it was declared otherwise:\n${differenceText(all)}`,
  )
}

function defined(opening: Opening, declared: AnyCollection): Defined {
  for (let tries = 1; ; tries++) {
    const before = stored(opening, declared.name)
    // That there are none is looked at again by whoever commits it.
    let onlyIfEmpty = false
    const draft = draftOf(declared, before, () => {
      const has = hasDocuments(opening, before)
      onlyIfEmpty = before !== undefined && !has
      return has
    })
    if (draft === undefined && before !== undefined) return before
    if (draft === undefined) throw new VarveError('CORRUPT', `${declared.name}: no definition`)
    const since = before?.commit ?? 0
    const id = define(opening, draft, since, onlyIfEmpty)
    if (id > 0) return definedAs(opening, id, NEWEST) ?? definedOf(since, draft)
    const isOthers = id === CONFLICT && tries < TRIES_MAX
    if (!isOthers) throw lastError()
  }
}

function define(opening: Opening, draft: Definition, since: number, onlyIfEmpty: boolean): number {
  const bytes = writeDefinition(draft)
  const nameBytes = placeName(draft.name)
  return opening.native.collectionDefine(nameBytes, bytes, since, onlyIfEmpty ? 1 : 0)
}

/** Says that all documents are to be written anew in the newest form, unless they are. */
export function beginRewriting(opened: Opened): void {
  opened.opening.checkWrite()
  for (let tries = 1; ; tries++) {
    opened.refresh()
    const draft = rewriteOf(opened.newest)
    if (draft === undefined) return
    const id = define(opened.opening, draft, opened.newest.commit, false)
    const isOthers = id === CONFLICT && tries < TRIES_MAX
    if (id < 0 && !isOthers) throw lastError()
  }
}

function hasDocuments(opening: Opening, before: Defined | undefined): boolean {
  if (before === undefined) return false
  const level = openLevel(opening.native, prefixOf(before.definition.id))
  const count = level.count(0, 0, NEWEST, 1)
  if (count < 0) throw lastError()
  return count > 0
}

/** Drops a collection with all documents; answers whether it was there. */
export function dropCollection(opening: Opening, name: string): boolean {
  opening.checkWrite()
  const answer = opening.native.collectionDrop(placeName(name))
  if (answer < 0) throw lastError()
  known.get(opening)?.delete(name)
  return answer === 1
}
