// test/api/collection/records.ts — the codec of records alone, without a store: a document to head and text, and back.
import type { Collection } from '../../../lib/collection.ts'
import { framed, roomFor } from '../../../lib/collection/frame.ts'
import { type Document, type RecordCodec, recordCodec } from '../../../lib/collection/record.ts'
import { newVersion } from '../../../lib/collection/version.ts'
import { type CodeGeneration, encodedText, Shapes } from '../../../lib/value.ts'

export const BYTES_MAX = 2 ** 24
const DATA_AT = 40

export interface Encoded {
  readonly head: Uint8Array
  readonly text: string
  readonly framed: Uint8Array
}

export class Harness {
  readonly codec: RecordCodec
  readonly shapes: Shapes

  constructor(declared: Collection, code: CodeGeneration = 'auto', version = 1) {
    this.shapes = new Shapes(undefined, code)
    const { description } = newVersion(declared.description, declared.live, version)
    this.codec = recordCodec(description, declared.live, version, this.shapes)
  }

  encode(document: unknown, row?: number, bytesMax = BYTES_MAX): Encoded {
    const room = roomFor(64, DATA_AT)
    const complete = this.codec.fill(document)
    // What was there before must not show through.
    room.bytes.fill(0xa5)
    const size = this.codec.encode(complete, room, bytesMax, row)
    const head = room.bytes.slice(DATA_AT, DATA_AT + size)
    return { head, text: encodedText(), framed: framed(room, size) }
  }

  decode({ head, text }: Pick<Encoded, 'head' | 'text'>): Document {
    return this.codec.decode(head, viewOf(head), 0, head.length, text)
  }

  /** Of some fields, the text being given as a string or as bytes behind the head. */
  decodeFields(
    { head, text }: Pick<Encoded, 'head' | 'text'>,
    names: readonly string[],
    asBytes = false,
  ): Document {
    if (!asBytes) return this.codec.decodeFields(head, viewOf(head), 0, head.length, text, names)
    const all = Buffer.concat([head, Buffer.from(text, 'latin1')])
    const where = { at: head.length, size: text.length }
    return this.codec.decodeFields(all, viewOf(all), 0, head.length, where, names)
  }

  roundTrip(document: unknown): Document {
    return this.decode(this.encode(document))
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

export const WAYS: readonly CodeGeneration[] = ['auto', 'never']
