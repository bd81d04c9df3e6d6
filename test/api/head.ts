// test/api/head.ts — the value codec alone, without a store: a value to head and text, and back.
import { decodeValue, encodedText, encodeValue, type Scratch } from '../../lib/value.ts'

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

export interface Encoded {
  readonly head: Uint8Array
  readonly text: string
}

export function encode(value: unknown, bytesMax = BYTES_MAX): Encoded {
  const room = new Room()
  const size = encodeValue(value, room, bytesMax)
  return { head: room.bytes.slice(DATA_AT, DATA_AT + size), text: encodedText() }
}

/** How far the room has grown when a value was refused. */
export function roomOf(value: unknown, bytesMax = BYTES_MAX): number {
  const room = new Room()
  try {
    encodeValue(value, room, bytesMax)
  } catch {
    return room.bytes.length
  }
  throw new Error('the value was not refused')
}

export function decode({ head, text }: Encoded): unknown {
  return decodeValue(head, new DataView(head.buffer), 0, head.length, text)
}

export const round = (value: unknown): unknown => decode(encode(value))
