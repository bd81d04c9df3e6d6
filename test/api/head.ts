// test/api/head.ts — the value codec alone, without a store: a value to head and text, and back.
import {
  type CodeGeneration,
  decodeFields,
  decodeValue,
  encodedText,
  encodeValue,
  type Scratch,
  Shapes,
  type ShapeStore,
} from '../../lib/value.ts'

export const BYTES_MAX = 2 ** 26
const DATA_AT = 32

class Room implements Scratch {
  bytes = new Uint8Array(64)
  view = new DataView(this.bytes.buffer)
  readonly dataAt = DATA_AT

  grow(size: number): void {
    const bytes = new Uint8Array(Math.max(DATA_AT + size, 2 * this.bytes.length))
    bytes.set(this.bytes)
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}

/** A table of shapes in memory. */
export class Table implements ShapeStore {
  readonly signatures = new Map<number, Uint8Array>()
  read(number: number): Uint8Array | undefined {
    return this.signatures.get(number)
  }
  write(number: number, signature: Uint8Array): boolean {
    this.signatures.set(number, signature.slice())
    return true
  }
}

let shapes = new Shapes()

/** From here on values are of this store; with no table, each carries its names. */
export function useShapes(table?: ShapeStore, code: CodeGeneration = 'auto'): Shapes {
  shapes = new Shapes(table, code)
  return shapes
}

export interface Encoded {
  readonly head: Uint8Array
  readonly text: string
}

export function encode(value: unknown, bytesMax = BYTES_MAX): Encoded {
  shapes.settle()
  const room = new Room()
  const size = encodeValue(value, room, bytesMax, shapes)
  return { head: room.bytes.slice(DATA_AT, DATA_AT + size), text: encodedText() }
}

/** How far the room has grown when a value was refused. */
export function roomOf(value: unknown, bytesMax = BYTES_MAX): number {
  const room = new Room()
  try {
    encodeValue(value, room, bytesMax, shapes)
  } catch {
    return room.bytes.length
  }
  throw new Error('the value was not refused')
}

export function decode({ head, text }: Encoded): unknown {
  return decodeValue(head, new DataView(head.buffer), 0, head.length, text, shapes)
}

/** The named fields alone, the text being given as a string. */
export function decodeSome({ head, text }: Encoded, names: readonly string[]): object {
  return decodeFields(head, new DataView(head.buffer), 0, head.length, text, shapes, names)
}

/** The same with a text that is bytes behind the head: every unit of it must be below 0x100. */
export function decodeSomeOfBytes({ head, text }: Encoded, names: readonly string[]): object {
  const bytes = Buffer.concat([head, Buffer.from(text, 'latin1')])
  const place = { at: head.length, size: text.length }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return decodeFields(bytes, view, 0, head.length, place, shapes, names)
}

export const round = (value: unknown): unknown => decode(encode(value))
