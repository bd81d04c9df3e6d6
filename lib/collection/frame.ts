// lib/collection/frame.ts — a record whole, as the store holds it: kind, size of the head, head, text. The addon frames what is put into a
// store; this is for records that lie elsewhere: defaults in a description, and what is handed over as bytes.
import { encodedText, type Scratch } from '../value.ts'
import { countsOf } from './scalar.ts'

const WITHOUT_TEXT = 0x10
const NARROW = 0x11
const WIDE = 0x12

/** Room for one record, of memory of its own. */
export function roomFor(size: number, dataAt = 0): Scratch {
  return new Room(size, dataAt)
}

class Room implements Scratch {
  bytes: Uint8Array
  view: DataView
  readonly dataAt: number

  constructor(size: number, dataAt: number) {
    this.dataAt = dataAt
    this.bytes = new Uint8Array(dataAt + size)
    this.view = new DataView(this.bytes.buffer)
  }

  grow(size: number): void {
    const larger = new Uint8Array(Math.max(this.dataAt + size, 2 * this.bytes.length))
    larger.set(this.bytes)
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }
}

/** The record that was encoded last, whose head is in `room`. */
export function framed({ bytes, dataAt }: Scratch, size: number): Uint8Array {
  const head = bytes.subarray(dataAt, dataAt + size)
  const text = encodedText()
  if (text === '') return Uint8Array.from([WITHOUT_TEXT, ...head])
  const narrow = Buffer.from(text, 'latin1')
  const isWide = narrow.toString('latin1') !== text
  const run = isWide ? Buffer.from(text, 'utf16le') : narrow
  const begin = [isWide ? WIDE : NARROW, ...countsOf(size)]
  return new Uint8Array(Buffer.concat([Uint8Array.from(begin), head, run]))
}
