// lib/collection/blob.ts — blobs of columns: arrays, maps, unions, json, bytes, vectors and keys.
//
// Written into the sink, read from a part of the source that is theirs: whatever they say, they end where the next one begins.
import { decodeKey } from '../key.ts'
import { corrupt, put, REFUSED, source, take } from '../value.ts'
import type { Column } from './layout.ts'
import { contentOf, type MemberCodec, putKeyRaw, putRaw, takeRaw } from './member.ts'

/** How the blob of a column is written, and read from the whole of the source. */
export function blobOf({ type }: Column): MemberCodec {
  switch (type.kind) {
    case 'bytes':
      return { write: (value) => putRaw(value, type.rules), read: () => takeRaw(left()) }
    case 'key':
      return { write: putKeyRaw, read: takeKey }
    case 'json':
      return JSON_BLOB
    default:
      return contentOf(type)
  }
}

const left = (): number => source.end - source.at

function takeKey(): unknown {
  const { bytes, at, end } = source
  source.at = end
  return decodeKey(bytes, at, end)
}

const JSON_BLOB: MemberCodec = {
  write(value) {
    if (value === undefined) throw REFUSED
    put(value)
  },
  read: take,
}

/** Reads a blob between these ends of bytes and text; the source is as before then. */
export function readBlob(
  codec: MemberCodec,
  begin: number,
  end: number,
  textBegin: number,
  textEnd: number,
): unknown {
  const { end: wholeEnd, textEnd: wholeTextEnd } = source
  if (begin > end || end > wholeEnd || textBegin > textEnd || textEnd > wholeTextEnd)
    throw corrupt('ends out of order')
  source.at = begin
  source.end = end
  source.textAt = textBegin
  source.textEnd = textEnd
  source.depth = 0
  const value = codec.read()
  if (source.at !== end || source.textAt !== textEnd) throw corrupt('a field of another size')
  source.end = wholeEnd
  source.textEnd = wholeTextEnd
  return value
}
