// lib/collection/definition.ts — what the catalog holds of a collection, as bytes: native/layer/collection/FORMAT.md.
import { VarveError } from '../errors.ts'
import { ByteWriter } from './byte-writer.ts'
import type { IndexKind } from './description.ts'

export interface DefinedPart {
  readonly column: number
  readonly descending: boolean
  readonly each: boolean
}

export interface DefinedIndex {
  /** 0 until it has one. */
  readonly id: number
  readonly kind: IndexKind
  readonly isReady: boolean
  readonly unique: boolean
  readonly name: string
  /** Its paths, for messages. */
  readonly fields: string
  readonly parts: readonly DefinedPart[]
  /** Conditions as bytes, of a partial index. */
  readonly filter: Uint8Array | undefined
  /** How texts are cut into terms, of a text index. */
  readonly words: DefinedWords | undefined
}

export interface DefinedWords {
  /** A bit for each: native/pure/text/language.h. */
  readonly languages: number
  /** With spaces between. */
  readonly stopWords: string
}

export interface Definition {
  readonly id: number
  readonly name: string
  /** Descriptions by version, the first is version 1. */
  readonly schemas: readonly Uint8Array[]
  readonly indexes: readonly DefinedIndex[]
}

const VERSION = 0
const KINDS: readonly IndexKind[] = ['ordered', 'bitmap', 'text', 'geo'] // From 1 on.
const BUILDING = 1
const READY = 2
const UNIQUE = 1
const PARTIAL = 2
const DESCENDING = 1
const EACH = 2

export function writeDefinition({ id, name, schemas, indexes }: Definition): Uint8Array {
  const to = new ByteWriter()
  to.byte(VERSION)
  to.count(id)
  to.text(name)
  to.count(schemas.length)
  for (const schema of schemas) to.sized(schema)
  to.count(indexes.length)
  for (const index of indexes) writeIndex(index, to)
  return to.bytes()
}

function writeIndex(index: DefinedIndex, to: ByteWriter): void {
  to.count(index.id)
  to.byte(1 + KINDS.indexOf(index.kind))
  to.byte(index.isReady ? READY : BUILDING)
  to.byte((index.unique ? UNIQUE : 0) | (index.filter === undefined ? 0 : PARTIAL))
  to.text(index.name)
  to.text(index.fields)
  to.count(index.parts.length)
  for (const { column, descending, each } of index.parts) {
    to.byte((descending ? DESCENDING : 0) | (each ? EACH : 0))
    to.count(column)
  }
  if (index.kind === 'text') {
    to.count(index.words?.languages ?? 0)
    to.text(index.words?.stopWords ?? '')
  }
  if (index.filter !== undefined) to.sized(index.filter)
}

export function readDefinition(bytes: Uint8Array): Definition {
  const from = new Reader(bytes)
  if (from.byte() !== VERSION)
    throw new VarveError('NEWER_FORMAT', 'collection: a definition of a newer version')
  return {
    id: from.count(),
    name: from.text(),
    schemas: Array.from({ length: from.count() }, () => from.sized()),
    indexes: Array.from({ length: from.count() }, () => readIndex(from)),
  }
}

function readIndex(from: Reader): DefinedIndex {
  const id = from.count()
  const kind = KINDS[from.byte() - 1] ?? 'ordered'
  const isReady = from.byte() === READY
  const flags = from.byte()
  return {
    id,
    kind,
    isReady,
    unique: (flags & UNIQUE) !== 0,
    name: from.text(),
    fields: from.text(),
    parts: Array.from({ length: from.count() }, () => readPart(from)),
    words: kind === 'text' ? { languages: from.count(), stopWords: from.text() } : undefined,
    filter: (flags & PARTIAL) === 0 ? undefined : from.sized(),
  }
}

function readPart(from: Reader): DefinedPart {
  const flags = from.byte()
  return {
    column: from.count(),
    descending: (flags & DESCENDING) !== 0,
    each: (flags & EACH) !== 0,
  }
}

/** Of bytes that the addon has read before, and found whole. */
class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new VarveError('CORRUPT', 'collection: no definition')
    return byte
  }

  count(): number {
    let count = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte()
      count += (byte & 0x7f) * scale
      if (byte < 0x80) return count
    }
  }

  sized(): Uint8Array {
    const size = this.count()
    this.#at += size
    return this.#bytes.slice(this.#at - size, this.#at)
  }

  text(): string {
    return Buffer.from(this.sized()).toString()
  }
}
