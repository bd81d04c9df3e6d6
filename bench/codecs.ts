// bench/codecs.ts — values to bytes and back, behind one shape: encode() leaves the bytes of one value in a buffer
// of the codec's own, decode() makes a value of bytes, decodeFields() what is asked of a few fields. Ours is that of lib/,
// whose strings the addon writes as one text; here the text goes into the same buffer, so that no codec is spared it. The
// rivals make whole values of bytes, whatever is asked of them.
import { Packr } from 'msgpackr'
import {
  decodeFields,
  decodeValue,
  encodedText,
  encodeValue,
  type Scratch,
  Shapes,
} from '../lib/value.ts'

export interface Codec {
  encode(value: object): Uint8Array
  decode(bytes: Uint8Array): unknown
  /** An object that has these fields, at least. */
  decodeFields(bytes: Uint8Array, names: readonly string[]): unknown
}

const ROOM_BYTES = 64 * 1024
/** The size of the head lies before it, as it does in a stored value. */
export const HEAD_AT = 4

/** What of lib/ makes heads and values; the text of the value that was encoded last is in `encodedText()`. */
export interface HeadCodec {
  encode(value: object, room: Scratch, bytesMax: number): number
  decode(from: Uint8Array, view: DataView, at: number, size: number, text: string): unknown
  decodeFields(
    from: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    text: { at: number; size: number },
    names: readonly string[],
  ): unknown
}

// The text of a value is made from its bytes by one call here; in the store it comes with the crossing.
export function withText(heads: HeadCodec): Codec {
  const bytes = Buffer.alloc(ROOM_BYTES)
  const room = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    dataAt: HEAD_AT,
    grow: () => {
      throw new Error('codec: a document larger than expected')
    },
  }
  return {
    encode(value) {
      const size = heads.encode(value, room, ROOM_BYTES)
      room.view.setUint32(0, size, true)
      const textAt = HEAD_AT + size
      return bytes.subarray(0, textAt + bytes.latin1Write(encodedText(), textAt))
    },
    decode(encoded) {
      const from = encoded as Viewed
      const view = viewOf(from)
      const size = view.getUint32(0, true)
      const text = from.latin1Slice(HEAD_AT + size, from.length)
      return heads.decode(from, view, HEAD_AT, size, text)
    },
    decodeFields(encoded, names) {
      const from = encoded as Viewed
      const view = viewOf(from)
      const size = view.getUint32(0, true)
      const text = { at: HEAD_AT + size, size: from.length - HEAD_AT - size }
      return heads.decodeFields(from, view, HEAD_AT, size, text, names)
    },
  }
}

// Kept with the bytes, as msgpackr does it with the buffers that it reads; the store has one for all values.
type Viewed = Buffer & { dataView?: DataView }
function viewOf(bytes: Viewed): DataView {
  bytes.dataView ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return bytes.dataView
}

function ours(): Codec {
  const table = new Map<number, Uint8Array>()
  const shapes = new Shapes({
    read: (number) => table.get(number),
    write: (number, signature) => table.set(number, signature).size > 0,
  })
  return withText({
    encode(value, room, bytesMax) {
      if (shapes.areWaiting) shapes.settle()
      return encodeValue(value, room, bytesMax, shapes)
    },
    decode: (from, view, at, size, text) => decodeValue(from, view, at, size, text, shapes),
    decodeFields: (from, view, at, size, text, names) =>
      decodeFields(from, view, at, size, text, shapes, names),
  })
}

function msgpackr(): Codec {
  const packr = new Packr({ structures: [] })
  const decode = (bytes: Uint8Array) => packr.unpack(bytes) as unknown
  return { encode: (value) => packr.pack(value), decode, decodeFields: decode }
}

function json(): Codec {
  const bytes = Buffer.alloc(ROOM_BYTES)
  const decode = (encoded: Uint8Array) => JSON.parse((encoded as Buffer).toString()) as unknown
  return {
    encode: (value) => bytes.subarray(0, bytes.write(JSON.stringify(value))),
    decode,
    decodeFields: decode,
  }
}

export function codecOf(name: string): Codec {
  if (name === 'varve') return ours()
  if (name === 'msgpackr') return msgpackr()
  if (name === 'json') return json()
  throw new Error(`no codec named ${name}`)
}
