// lib/value/source.ts — the head and text that are being read, and how far reading has come.
//
// One for the thread: reading a value runs no code but ours. An object and not variables of a module, because generated
// code (code.ts) moves it too.
//
// The text is a string, or, where few fields are wanted, the latin1 bytes that it would be made of: then only what is wanted of
// it becomes strings.

import { VarveError } from '../errors.ts'
import type { Shapes } from './shapes.ts'
import { spell, SPELLED_MAX } from './spell.ts'
import * as tags from './tags.ts'

const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)

export class Source {
  bytes: Uint8Array = NO_BYTES
  view: DataView = NO_VIEW
  shapes: Shapes | undefined
  begin = 0
  at = 0
  end = 0
  text = ''
  /** Where the text begins in `bytes`, or -1 when it is `text`. */
  textFrom = -1
  textAt = 0
  textEnd = 0
  depth = 0

  /** Begins with the head at `start` of `bytes`, of which `view` is the same memory. */
  open(bytes: Uint8Array, view: DataView, start: number, size: number, shapes: Shapes): void {
    this.bytes = bytes
    this.view = view
    this.begin = start
    this.at = start
    this.end = Math.min(start + size, bytes.length)
    this.shapes = shapes
    this.depth = 0
    this.textAt = 0
  }

  setText(text: string): void {
    this.text = text
    this.textFrom = -1
    this.textEnd = text.length
  }

  setTextBytes(from: number, size: number): void {
    this.text = ''
    this.textFrom = from
    this.textEnd = Math.min(size, this.bytes.length - from)
  }

  /** Lets go of the text, which may be long. */
  close(): void {
    this.text = ''
  }
}

export const source = new Source()

export function corrupt(what: string): VarveError {
  return new VarveError('CORRUPT', `value: ${what} at byte ${source.at - source.begin} of its head`)
}

/** Moves over `size` bytes and returns where they begin. */
export function move(size: number): number {
  if (size > source.end - source.at) throw corrupt('cut short')
  const from = source.at
  source.at += size
  return from
}

export function takeCount(): number {
  let value = 0
  for (let scale = 1; scale <= 2 ** 28; scale *= 0x80) {
    const byte = source.bytes[move(1)] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
  }
  throw corrupt('no count')
}

/** A count of things that each take a byte or more. */
export function takeLength(): number {
  const count = takeCount()
  if (count > source.end - source.at) throw corrupt('a count beyond its end')
  return count
}

/** Moves over `length` units of the text and returns where they begin. */
export function moveText(length: number): number {
  if (length > source.textEnd - source.textAt) throw corrupt('a text beyond its end')
  const from = source.textAt
  source.textAt += length
  return from
}

/** Units of the text, which it must have. */
export function textOf(from: number, length: number): string {
  if (source.textFrom < 0) return source.text.substring(from, from + length)
  const { bytes, textFrom, textEnd } = source
  if (from + length > textEnd) throw corrupt('a text beyond its end')
  const begin = textFrom + from
  return length > SPELLED_MAX ? latin1(begin, length) : spell(bytes, begin, length)
}

/** Makes one string of a text that is in bytes: whoever wants an object wants all of it. */
export function wholeText(): void {
  const { text, textFrom, textEnd } = source
  source.text = textFrom < 0 ? text : latin1(textFrom, textEnd)
  source.textFrom = -1
}

const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, begin: number, end: number): string
}
const latin1 = (begin: number, length: number): string =>
  latin1Slice.call(source.bytes, begin, begin + length)

export function enter(): void {
  if (++source.depth > tags.DEPTH_MAX) throw corrupt('nested too deep')
}

/** After reading without looking: nothing beyond the ends may have been taken for part of the value. */
export function checkEnds(): void {
  if (source.at > source.end) throw corrupt('cut short')
  if (source.textAt > source.textEnd) throw corrupt('a text beyond its end')
}
