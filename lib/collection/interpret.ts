// lib/collection/interpret.ts — documents to columns and back by closures, for processes that forbid code from strings. code.ts does the same, faster; the
// tests run on both.
import { REFUSED, sink, source, textOf, corrupt } from '../value.ts'
import { blobOf, readBlob } from './blob.ts'
import { endAt, putEnds } from './ends.ts'
import { type Column, type Layout, NONE, widthOfInt32 } from './layout.ts'
import type { MemberCodec } from './member.ts'
import { namesOf } from './refusal.ts'
import * as scalars from './scalar.ts'

export type Document = Record<string, unknown>

/** Writes a document from the end of the sink on, bits first, and answers the code of the width of its ends. */
export type Writer = (document: Document, hidden: readonly unknown[]) => number
/** Reads the columns whose bits are at `fixed` of the source, behind which the ends are of this width. */
export type Reader = (fixed: number, width: number) => Document

interface Marks {
  readonly fixed: number
  readonly blobsAt: number
  readonly textEnds: number[]
  readonly blobEnds: number[]
}

export function interpretedWriter(layout: Layout): Writer {
  const steps = layout.columns.map((column) => new ColumnWriter(column))
  const { fixedBytes, bitsBytes, endCount, extra, textCount, blobCount } = layout
  const names = namesOf(layout.description.fields)
  const extraBlob = extra && blobOf(extra)
  return (document, hidden) => {
    sink.reserve(fixedBytes + endCount + 64)
    const fixed = sink.at
    sink.bytes.fill(0, fixed, fixed + bitsBytes)
    sink.at += fixedBytes + endCount
    const marks: Marks = { fixed, blobsAt: sink.at, textEnds: [], blobEnds: [] }
    let made = 0
    for (const step of steps) step.put(step.isHidden ? hidden[made++] : document[step.name], marks)
    const others = othersOf(document, names)
    if (extraBlob === undefined && others !== undefined) throw REFUSED
    if (extraBlob !== undefined) {
      if (others !== undefined) extraBlob.write(others)
      mark(marks, extra as Column)
    }
    const ends = [
      ...marks.textEnds.slice(0, Math.max(textCount - 1, 0)),
      ...marks.blobEnds.slice(0, Math.max(blobCount - 1, 0)),
    ]
    return putEnds(ends, Math.max(0, ...ends), fixed + fixedBytes)
  }
}

/** The fields that are not declared; undefined if there are none. */
export function othersOf(document: Document, names: ReadonlySet<string>): Document | undefined {
  let others: Document | undefined
  for (const name of Object.keys(document)) {
    if (names.has(name)) continue
    others ??= {}
    scalars.setField(others, name, document[name])
  }
  return others
}

function mark({ textEnds, blobEnds, blobsAt }: Marks, { text, blob }: Column): void {
  if (text !== NONE) textEnds[text] = sink.text.length
  if (blob !== NONE) blobEnds[blob] = sink.at - blobsAt
}

function setBit(fixed: number, bit: number): void {
  const at = fixed + (bit >> 3)
  sink.bytes[at] = (sink.bytes[at] as number) | (1 << (bit & 7))
}

class ColumnWriter {
  readonly name: string
  readonly isHidden: boolean
  readonly #column: Column
  readonly #steps: readonly ColumnWriter[]
  readonly #slot: scalars.SlotCodec | undefined
  readonly #blob: MemberCodec | undefined
  readonly #isFineText: (value: string) => boolean
  readonly #names: ReadonlySet<string>

  constructor(column: Column) {
    const { type } = column
    this.name = column.name
    this.isHidden = column.field?.hidden === true
    this.#column = column
    this.#steps = column.columns.map((inner) => new ColumnWriter(inner))
    const hasSlot = column.slotBytes > 0
    this.#slot = hasSlot ? scalars.slotOf(type, widthOfInt32(type.rules)) : undefined
    this.#blob = column.blob === NONE ? undefined : blobOf(column)
    this.#isFineText = scalars.stringCheck(type.kind === 'string' ? type.rules : undefined)
    this.#names = namesOf(type.fields ?? [])
  }

  put(value: unknown, marks: Marks): void {
    const { absentBit, nullBit } = this.#column
    if (value === undefined || (value === null && nullBit !== NONE)) {
      const bit = value === undefined ? absentBit : nullBit
      if (bit === NONE) throw REFUSED
      setBit(marks.fixed, bit)
      this.leave(marks)
    } else {
      this.#putPresent(value, marks)
    }
  }

  #putPresent(value: unknown, marks: Marks): void {
    const { type, slotAt, truthBit } = this.#column
    if (this.#slot !== undefined) this.#slot.put(value, marks.fixed + slotAt)
    else if (this.#blob !== undefined) this.#blob.write(value)
    else if (type.kind === 'string') this.#putText(value)
    else if (type.kind === 'object') return this.#putObject(value, marks)
    else if (typeof value !== 'boolean') throw REFUSED
    else if (value) setBit(marks.fixed, truthBit)
    mark(marks, this.#column)
  }

  #putText(value: unknown): void {
    if (typeof value !== 'string' || !this.#isFineText(value)) throw REFUSED
    sink.addText(value)
  }

  #putObject(value: unknown, marks: Marks): void {
    const fields = scalars.fieldsOf(value)
    if (fields === undefined || othersOf(fields, this.#names) !== undefined) throw REFUSED
    for (const step of this.#steps) step.put(fields[step.name], marks)
  }

  /** Nothing is there: zeros, and the ends where they are. */
  leave(marks: Marks): void {
    const { slotAt, slotBytes } = this.#column
    if (slotBytes > 0) sink.bytes.fill(0, marks.fixed + slotAt, marks.fixed + slotAt + slotBytes)
    mark(marks, this.#column)
    for (const step of this.#steps) step.leave(marks)
  }
}

/** Reads these columns, but hidden ones. */
export function interpretedReader(layout: Layout, columns: readonly Column[]): Reader {
  const steps = columns.map((column) => new ColumnReader(column, layout))
  return (fixed, width) => {
    const document: Document = {}
    for (const step of steps) step.read(document, fixed, width)
    return document
  }
}

/** Puts what was kept behind what is declared. */
export function addOthers(document: Document, others: Document | undefined): void {
  if (others === undefined) return
  for (const name of Object.keys(others)) scalars.setField(document, name, others[name])
}

/** Reads what is kept of fields that are not declared; nothing where nothing is. */
export function extraReader(
  layout: Layout,
): (fixed: number, width: number) => Document | undefined {
  const { extra } = layout
  if (extra === undefined) return () => undefined
  const step = new ColumnReader(extra, layout)
  return (fixed, width) => step.extra(fixed, width)
}

class ColumnReader {
  readonly #column: Column
  readonly #layout: Layout
  readonly #steps: readonly ColumnReader[]
  readonly #slot: scalars.SlotCodec | undefined
  readonly #blob: MemberCodec | undefined

  constructor(column: Column, layout: Layout) {
    const { type } = column
    this.#column = column
    this.#layout = layout
    this.#steps = column.columns.map((inner) => new ColumnReader(inner, layout))
    const hasSlot = column.slotBytes > 0
    this.#slot = hasSlot ? scalars.slotOf(type, widthOfInt32(type.rules)) : undefined
    this.#blob = column.blob === NONE ? undefined : blobOf(column)
  }

  read(to: Document, fixed: number, width: number): void {
    const { name, absentBit, nullBit, field } = this.#column
    if (field?.hidden === true || isSet(fixed, absentBit)) return
    to[name] = isSet(fixed, nullBit) ? null : this.#present(fixed, width)
  }

  #present(fixed: number, width: number): unknown {
    const { type, slotAt, truthBit, text } = this.#column
    if (this.#slot !== undefined) return this.#slot.take(fixed + slotAt)
    if (this.#blob !== undefined) return this.#readBlob(this.#blob, fixed, width)
    if (type.kind === 'boolean') return isSet(fixed, truthBit)
    if (type.kind === 'string') {
      const begin = textEndOf(this.#layout, text - 1, fixed, width)
      return cutText(begin, textEndOf(this.#layout, text, fixed, width))
    }
    const object: Document = {}
    for (const step of this.#steps) step.read(object, fixed, width)
    return object
  }

  #readBlob(codec: MemberCodec, fixed: number, width: number): unknown {
    const { text, blob } = this.#column
    const layout = this.#layout
    const hasText = text !== NONE
    const textBegin = hasText ? textEndOf(layout, text - 1, fixed, width) : 0
    const textEnd = hasText ? textEndOf(layout, text, fixed, width) : 0
    const begin = blobEndOf(layout, blob - 1, fixed, width)
    return readBlob(codec, begin, blobEndOf(layout, blob, fixed, width), textBegin, textEnd)
  }

  /** What is kept of fields that are not declared. */
  extra(fixed: number, width: number): Document | undefined {
    const { blob } = this.#column
    const begin = blobEndOf(this.#layout, blob - 1, fixed, width)
    if (begin === source.end) return undefined
    const others = this.#present(fixed, width)
    if (typeof others !== 'object' || others === null) throw corrupt('no fields in what was kept')
    return others as Document
  }
}

const isSet = (fixed: number, bit: number): boolean =>
  bit !== NONE && ((source.bytes[fixed + (bit >> 3)] as number) & (1 << (bit & 7))) !== 0

/** Where the text of a number ends; that of -1 is where the first begins. */
function textEndOf(
  { textCount, fixedBytes }: Layout,
  text: number,
  fixed: number,
  width: number,
): number {
  if (text < 0) return 0
  return text === textCount - 1 ? source.textEnd : endAt(fixed + fixedBytes, text, width)
}

function blobEndOf(layout: Layout, blob: number, fixed: number, width: number): number {
  const { textCount, blobCount, fixedBytes, endCount } = layout
  const blobsAt = fixed + fixedBytes + endCount * width
  if (blob < 0) return blobsAt
  if (blob === blobCount - 1) return source.end
  return blobsAt + endAt(fixed + fixedBytes, Math.max(textCount - 1, 0) + blob, width)
}

/** The units of the text between two ends. */
export function cutText(begin: number, end: number): string {
  if (begin > end || end > source.textEnd) throw corrupt('ends out of order')
  return textOf(begin, end - begin)
}
