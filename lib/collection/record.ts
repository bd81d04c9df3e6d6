// lib/collection/record.ts — documents to records and back, for one version of a collection.
//
//   document ──fill()──▶ complete document ──encode()──▶ head in the scratch, text beside it ──▶ the addon frames both
//   head and text ──decode()──▶ document            ──decodeFields()──▶ some fields of it
//
// Checks and writes are one pass, by a function made for the description (code.ts, or interpret.ts where that is forbidden); what it refuses, a
// second and slow walk puts into words (refusal.ts), as in lib/value/. A record crosses as a value does (kinds 0x10 to 0x12), so whatever brings
// values over brings records over. Reading makes what is asked for and nothing else: a whole document, or named fields of it, as plain objects;
// why there are no lazy ones is said in lib/README.md ("Fields").
//
// Invariants
//   - A document that is refused leaves nothing written; encode() writes what decode() reads, or throws.
//   - Bytes of another version are CORRUPT here: versions.ts finds whose they are.
// Bytes: native/pure/codec/record/FORMAT.md
import { VarveError } from '../errors.ts'
import type { Key } from '../key.ts'
import {
  beginValues,
  closeText,
  corrupt,
  REFUSED,
  sameNames,
  type Scratch,
  type Shapes,
  sink,
  source,
  type Text,
  wholeText,
} from '../value.ts'
import { generatedReader, generatedWriter } from './code.ts'
import type { Live } from './declaration.ts'
import type { Description } from './description.ts'
import { fillerOf } from './fill.ts'
import {
  addOthers,
  type Document,
  extraReader,
  interpretedReader,
  interpretedWriter,
  type Reader,
  type Writer,
} from './interpret.ts'
import { type Column, type Layout, layoutOf } from './layout.ts'
import { keyReaderOf } from './key.ts'
import { refusal } from './refusal.ts'
import { beginDocument } from './scalar.ts'

export type { Document }

export interface RecordCodec {
  /** The number that its records say. */
  readonly version: number
  readonly description: Description
  /**
   * The document as it will be stored, a new object: the validator's answer, defaults and generated keys put in, computed fields. `next` makes the
   * next number of a sequence. INVALID where the validator says so; the rest is checked when it is encoded.
   */
  fill(document: unknown, next?: () => number | bigint): Document
  /**
   * Checks a complete document, writes its head at `into.dataAt` and returns the size; the text is in encodedText() of lib/value.ts. INVALID
   * names the field, what was given and the rule; TOO_LARGE above `bytesMax`.
   */
  encode(document: Document, into: Scratch, bytesMax: number, row?: number): number
  /** The document of the head at `at` of `bytes`, of which `view` is the same memory. CORRUPT if it is none of this version. */
  decode(bytes: Uint8Array, view: DataView, at: number, size: number, text: string): Document
  /** Of its fields only these, in the order of the document; those that it lacks are missing. Others are not looked at. */
  decodeFields(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    text: Text,
    names: readonly string[],
  ): Document
  /** The row number of a record, and undefined where it has none. */
  rowOf(bytes: Uint8Array, at: number, size: number): number | undefined
  /** The key of a complete document: a value for lib/key.ts. */
  keyOf(document: Document): Key
}

const ROW_FLAG = 4
const VERSION_SCALE = 8
const VERSION_MAX = 2 ** 28
const PLANS_MAX = 32

interface Plan {
  readonly names: readonly string[]
  readonly read: Reader
  readonly hasText: boolean
}

/** The version of the record whose head is at `at`. */
export function versionAt(bytes: Uint8Array, at: number, size: number): number {
  openLead(bytes, at, size)
  return lead.version
}

export function recordCodec(
  description: Description,
  live: Live,
  version: number,
  shapes: Shapes,
): RecordCodec {
  return new Codec(description, live, version, shapes)
}

class Codec implements RecordCodec {
  readonly version: number
  readonly description: Description
  readonly fill: RecordCodec['fill']
  readonly keyOf: RecordCodec['keyOf']
  readonly #layout: Layout
  readonly #shapes: Shapes
  readonly #write: Writer
  readonly #read: Reader
  readonly #readExtra: (fixed: number, width: number) => Document | undefined
  readonly #hidden: readonly ((document: never) => unknown)[]
  readonly #leadBytes: number
  // Lists of fields that were asked for, the newest last.
  readonly #plans: Plan[] = []

  constructor(description: Description, live: Live, version: number, shapes: Shapes) {
    if (!(version >= 0 && version <= VERSION_MAX))
      throw new VarveError('INVALID', 'no such version')
    this.version = version
    this.description = description
    this.fill = fillerOf(description, live)
    this.keyOf = keyReaderOf(description)
    this.#layout = layoutOf(description)
    this.#shapes = shapes
    this.#hidden = description.fields
      .filter(({ hidden }) => hidden)
      .map(({ name }) => live.hidden.get(name) ?? nothing)
    this.#leadBytes = sizeOfCount(version * VERSION_SCALE)
    const layout = this.#layout
    this.#write = shapes.generated(() => generatedWriter(layout)) ?? interpretedWriter(layout)
    this.#read = this.#readerOf(layout.columns, true)
    this.#readExtra = extraReader(layout)
  }

  #readerOf(columns: readonly Column[], isWhole: boolean): Reader {
    const layout = this.#layout
    const generated = this.#shapes.generated(() => generatedReader(layout, columns, isWhole))
    return generated ?? interpretedReader(layout, columns)
  }

  encode(document: Document, into: Scratch, bytesMax: number, row?: number): number {
    const hidden =
      this.#hidden.length === 0 ? NONE : this.#hidden.map((make) => make(document as never))
    sink.open(into, bytesMax, this.#shapes)
    try {
      beginValues()
      beginDocument()
      const leadAt = sink.at
      sink.reserve(32)
      sink.at += this.#leadBytes
      if (row !== undefined) putNumber(row)
      const code = this.#write(document, hidden)
      putCountAt(leadAt, this.version * VERSION_SCALE + (row === undefined ? 0 : ROW_FLAG) + code)
      return closeText()
    } catch (error) {
      if (error !== REFUSED) throw error
      throw this.#refusal(document, hidden)
    } finally {
      sink.close()
    }
  }

  #refusal(document: Document, hidden: readonly unknown[]): VarveError {
    const { fields, extra } = this.description
    return refusal(fields, extra, document, hidden)
  }

  decode(bytes: Uint8Array, view: DataView, at: number, size: number, text: string): Document {
    source.open(bytes, view, at, size, this.#shapes)
    source.setText(text)
    const fixed = this.#open(bytes, at, size)
    const document = this.#read(fixed, lead.width)
    if (this.#layout.extra !== undefined) addOthers(document, this.#readExtra(fixed, lead.width))
    source.close()
    return document
  }

  decodeFields(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    text: Text,
    names: readonly string[],
  ): Document {
    source.open(bytes, view, at, size, this.#shapes)
    if (typeof text === 'string') source.setText(text)
    else source.setTextBytes(text.at, text.size)
    const plan = this.#planOf(names)
    const fixed = this.#open(bytes, at, size)
    if (plan.hasText && source.textFrom >= 0) wholeText()
    const document = plan.read(fixed, lead.width)
    if (this.#layout.extra !== undefined) {
      wholeText()
      addOthers(document, pick(this.#readExtra(fixed, lead.width), names))
    }
    source.close()
    return document
  }

  // Where the bits are. What is fixed has been found to be there, so that only ends are looked at twice.
  #open(bytes: Uint8Array, at: number, size: number): number {
    openLead(bytes, at, size)
    if (lead.version !== this.version)
      throw new VarveError('CORRUPT', `record: of version ${lead.version}, not ${this.version}`)
    const { fixedBytes, endCount } = this.#layout
    if (source.end - lead.behind < fixedBytes + endCount * lead.width) throw corrupt('cut short')
    return lead.behind
  }

  #planOf(names: readonly string[]): Plan {
    const plans = this.#plans
    for (let index = plans.length - 1; index >= 0; index--) {
      const plan = plans[index] as Plan
      if (plan.names === names || sameNames(plan.names, names)) return plan
    }
    const columns = this.#layout.columns.filter(({ name }) => names.includes(name))
    const hasText = columns.some(({ text, blob }) => text >= 0 && blob >= 0)
    const plan = { names: [...names], read: this.#readerOf(columns, false), hasText }
    if (plans.length === PLANS_MAX) plans.shift()
    plans.push(plan)
    return plan
  }

  rowOf(bytes: Uint8Array, at: number, size: number): number | undefined {
    openLead(bytes, at, size)
    return lead.row
  }
}

const nothing = (): undefined => undefined
const NONE: readonly unknown[] = []

function pick(document: Document | undefined, names: readonly string[]): Document | undefined {
  if (document === undefined) return undefined
  return Object.fromEntries(Object.entries(document).filter(([name]) => names.includes(name)))
}

// ---- the lead

const lead: { version: number; width: number; row: number | undefined; behind: number } = {
  version: 0,
  width: 1,
  row: undefined,
  behind: 0,
}

function openLead(bytes: Uint8Array, at: number, size: number): void {
  const end = Math.min(at + size, bytes.length)
  const first = at < end ? (bytes[at] as number) : 0x80
  if (first < 0x80) {
    lead.behind = at + 1
    readLead(first)
  } else {
    readLead(countAt(bytes, at, end))
  }
  if ((lead.width & 8) !== 0) throw new VarveError('CORRUPT', 'record: an unknown width')
  lead.row = hasRow ? countAt(bytes, lead.behind, end) : undefined
}

let hasRow = false

function readLead(value: number): void {
  lead.version = Math.floor(value / VERSION_SCALE)
  lead.width = 1 << (value & 3)
  hasRow = (value & ROW_FLAG) !== 0
}

function countAt(bytes: Uint8Array, at: number, end: number): number {
  let value = 0
  let place = at
  for (let scale = 1; place < end && scale < 2 ** 53; scale *= 0x80) {
    const byte = bytes[place++] as number
    value += (byte & 0x7f) * scale
    if (byte >= 0x80) continue
    lead.behind = place
    return value
  }
  throw new VarveError('CORRUPT', 'record: no count at its beginning')
}

function sizeOfCount(value: number): number {
  let size = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

function putCountAt(at: number, value: number): number {
  let place = at
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) sink.bytes[place++] = (rest % 0x80) | 0x80
  sink.bytes[place++] = rest
  return place
}

function putNumber(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new VarveError('INVALID', 'no such row')
  sink.at = putCountAt(sink.at, value)
}
