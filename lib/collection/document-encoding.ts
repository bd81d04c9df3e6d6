// lib/collection/document-encoding.ts — records as the values of a keyspace: each is read by the codec of the version that it says.
import type { Encoding } from '../encoding.ts'
import { VarveError } from '../errors.ts'
import { scratch } from '../native.ts'
import type { Records } from './upgrade.ts'

const HEAD = 0x10
const SPLIT_WIDE = 0x12

function checkKind(kind: number): void {
  if (kind < HEAD || kind > SPLIT_WIDE)
    throw new VarveError('CORRUPT', `document: stored as kind ${kind}, which is no record`)
}

/** Documents as they were declared when they were written. */
export function writtenEncoding(records: () => Records): Encoding {
  return {
    ...documentEncoding(records),
    read(kind, at, size, text) {
      checkKind(kind)
      return records().decodeAsWritten(scratch.bytes, scratch.view, at, size, text)
    },
  }
}

/** Documents are written by documentPut(): here they are only read. */
export function documentEncoding(records: () => Records): Encoding {
  return {
    hasNumbers: false,
    write() {
      throw new VarveError('INVALID', 'document: written by its collection alone')
    },
    read(kind, at, size, text) {
      checkKind(kind)
      return records().decode(scratch.bytes, scratch.view, at, size, text)
    },
    readFields(kind, at, size, text, names) {
      checkKind(kind)
      return records().decodeFields(scratch.bytes, scratch.view, at, size, text, names)
    },
  }
}
