// lib/collection/document-encoding.ts — records as the values of a keyspace: each is read by the codec of the version that it says.
import type { Encoding } from '../encoding.ts'
import { VarveError } from '../errors.ts'
import { scratch } from '../native.ts'
import type { Opened } from './catalog.ts'

const HEAD = 0x10
const SPLIT_WIDE = 0x12
const VERSION_SCALE = 8 // Of the lead: native/pure/codec/record/FORMAT.md.

function checkKind(kind: number): void {
  if (kind < HEAD || kind > SPLIT_WIDE)
    throw new VarveError('CORRUPT', `document: stored as kind ${kind}, which is no record`)
}

function versionAt(at: number, size: number): number {
  let lead = 0
  for (let i = 0, scale = 1; i < size && i < 5; i++, scale *= 0x80) {
    const byte = scratch.bytes[at + i] ?? 0
    lead += (byte & 0x7f) * scale
    if (byte < 0x80) return Math.floor(lead / VERSION_SCALE)
  }
  throw new VarveError('CORRUPT', 'document: no record')
}

/** Documents are written by documentPut(): here they are only read. */
export function documentEncoding(opened: Opened): Encoding {
  return {
    hasNumbers: false,
    write() {
      throw new VarveError('INVALID', 'document: written by its collection alone')
    },
    read(kind, at, size, text) {
      checkKind(kind)
      const codec = opened.codecOf(versionAt(at, size))
      return codec.decode(scratch.bytes, scratch.view, at, size, text)
    },
    readFields(kind, at, size, text, names) {
      checkKind(kind)
      const codec = opened.codecOf(versionAt(at, size))
      return codec.decodeFields(scratch.bytes, scratch.view, at, size, text, names)
    },
  }
}
