// bench/codecs.ts — values to bytes and back, behind one shape: encode() leaves the bytes of one value in a buffer
// of the codec's own, decode() makes a value of bytes. Ours is that of lib/, whose strings the addon writes as one
// text; here the text goes into the same buffer, so that no codec is spared it.
import { Packr } from 'msgpackr'
import { decodeValue, encodedText, encodeValue } from '../lib/value.ts'

export interface Codec {
  encode(value: object): Uint8Array
  decode(bytes: Uint8Array): unknown
}

const ROOM_BYTES = 64 * 1024

// The size of the head in four bytes, the head, the text.
function ours(): Codec {
  const bytes = Buffer.alloc(ROOM_BYTES)
  const scratch = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    dataAt: 4,
    grow: () => {
      throw new Error('codec: a document larger than expected')
    },
  }
  return {
    encode(value) {
      const size = encodeValue(value, scratch, ROOM_BYTES)
      scratch.view.setUint32(0, size, true)
      return bytes.subarray(0, 4 + size + bytes.latin1Write(encodedText(), 4 + size))
    },
    decode(encoded) {
      const from = encoded as Buffer
      const view = new DataView(from.buffer, from.byteOffset, from.length)
      const size = view.getUint32(0, true)
      return decodeValue(from, view, 4, size, from.latin1Slice(4 + size, from.length))
    },
  }
}

function msgpackr(): Codec {
  const packr = new Packr({ structures: [] })
  return {
    encode: (value) => packr.pack(value),
    decode: (bytes) => packr.unpack(bytes) as unknown,
  }
}

function json(): Codec {
  const bytes = Buffer.alloc(ROOM_BYTES)
  return {
    encode: (value) => bytes.subarray(0, bytes.write(JSON.stringify(value))),
    decode: (encoded) => JSON.parse((encoded as Buffer).toString()) as unknown,
  }
}

export function codecOf(name: string): Codec {
  if (name === 'varve') return ours()
  if (name === 'msgpackr') return msgpackr()
  if (name === 'json') return json()
  throw new Error(`no codec named ${name}`)
}
