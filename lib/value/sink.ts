// lib/value/sink.ts — where the head of a value goes, and how far writing has come.
//
// One for the thread: one value is encoded at a time, and a getter that encodes another meanwhile is refused. An object and not
// variables of a module, because generated code (code.ts) moves it too.
//
// Invariant: no more is asked of the scratch than the caller allows a value to have, however long an array says it is.
import { VarveError } from '../errors.ts'
import type { Shapes } from './shapes.ts'
import * as tags from './tags.ts'

/** Room for a head, which begins at `dataAt`. */
export interface Scratch {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly dataAt: number
  /** Makes `bytes` and `view` reach `size` bytes beyond `dataAt`, keeping their content. */
  grow(size: number): void
}

/** The most that is written without asking again: a tag, and a double or a count. */
export const ROOM = 16

const NO_BYTES = new Uint8Array(0)
const NO_VIEW = new DataView(NO_BYTES.buffer)

export class Sink {
  bytes: Uint8Array = NO_BYTES
  view: DataView = NO_VIEW
  at = 0
  text = ''
  depth = 0
  shapes: Shapes | undefined
  #scratch: Scratch | undefined
  #sizeMax = 0

  open(into: Scratch, bytesMax: number, shapes: Shapes): void {
    if (this.#scratch !== undefined) {
      throw new VarveError('INVALID', 'value: a getter must not write another value')
    }
    this.#scratch = into
    this.bytes = into.bytes
    this.view = into.view
    this.at = into.dataAt
    this.text = ''
    this.depth = 0
    this.shapes = shapes
    this.#sizeMax = Math.min(bytesMax, tags.HEAD_BYTES_MAX)
  }

  /** The size of the head. */
  finish(): number {
    const size = this.at - (this.#scratch as Scratch).dataAt
    if (size + this.text.length > this.#sizeMax) throw this.tooLarge()
    return size
  }

  close(): void {
    this.#scratch = undefined
    this.text = ''
  }

  reserve(size: number): void {
    if (this.at + size > this.bytes.length) this.#grow(size)
  }

  #grow(size: number): void {
    const into = this.#scratch as Scratch
    const needed = this.at + size - into.dataAt
    if (needed > this.#sizeMax + 4 * ROOM) throw this.tooLarge()
    into.grow(needed)
    this.bytes = into.bytes
    this.view = into.view
  }

  addText(more: string): void {
    if (this.text.length + more.length > this.textMax) throw this.tooLarge()
    this.text += more
  }

  /** After short texts have been added without looking. */
  checkText(): void {
    if (this.text.length > this.textMax) throw this.tooLarge()
  }

  get textMax(): number {
    return Math.min(this.#sizeMax, tags.TEXT_UNITS_MAX)
  }

  /** An object of so many fields cannot be small enough. */
  checkCount(count: number): void {
    if (count > this.#sizeMax) throw this.tooLarge()
  }

  tooLarge(): VarveError {
    return new VarveError('TOO_LARGE', `value must encode to at most ${this.#sizeMax} bytes`)
  }
}

export const sink = new Sink()
