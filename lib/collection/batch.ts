// lib/collection/batch.ts — documents of one crossing, cut out of its text and the scratch: native/binding/entries.h.
import { beginBatch, endBatch } from '../bytes.ts'
import type { Encoding } from '../encoding.ts'
import { COUNT, DATA_AT, HEAD_BYTES, NEEDED_BYTES, scratch } from '../native.ts'

export function readDocuments<T>(
  encoding: Encoding,
  text: string,
  select: readonly string[] | undefined,
): T[] {
  const { u32 } = scratch
  const count = u32[COUNT] ?? 0
  const documents: T[] = []
  let raw = u32[NEEDED_BYTES] ?? 0
  let unit = 0
  beginBatch(raw, u32[HEAD_BYTES] ?? 0)
  try {
    for (let i = 0, cell = DATA_AT / 4; i < count; i++, cell += 4) {
      const headBytes = u32[cell + 2] ?? 0
      const units = u32[cell + 3] ?? 0
      const own = units === 0 ? '' : text.substring(unit, unit + units)
      const kind = u32[cell + 1] ?? 0
      const document =
        select === undefined
          ? encoding.read(kind, raw, headBytes, own)
          : encoding.readFields(kind, raw, headBytes, own, select)
      documents.push(document as T)
      raw += headBytes
      unit += units
    }
  } finally {
    endBatch()
  }
  return documents
}
