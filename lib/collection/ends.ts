// lib/collection/ends.ts — the ends of texts and blobs: one byte each as long as they allow it.
//
// While a record is written its blobs lie where they would if the ends took a byte each; when one turns out to be larger, the blobs move.
import { corrupt, sink, source } from '../value.ts'

/** The code of the width that the greatest end needs. */
export const widthCodeOf = (greatest: number): number =>
  greatest < 0x100 ? 0 : greatest < 0x10000 ? 1 : 2

/** Writes the ends at `at`, behind which the blobs lie to the end of the sink; answers the code of their width. */
export function putEnds(ends: readonly number[], greatest: number, at: number): number {
  const code = widthCodeOf(greatest)
  const width = 1 << code
  const blobsAt = at + ends.length
  const moved = ends.length * (width - 1)
  if (moved > 0) {
    sink.reserve(moved)
    sink.bytes.copyWithin(blobsAt + moved, blobsAt, sink.at)
    sink.at += moved
  }
  for (let index = 0; index < ends.length; index++) {
    const end = ends[index] as number
    if (width === 1) sink.bytes[at + index] = end
    else if (width === 2) sink.view.setUint16(at + 2 * index, end, true)
    else sink.view.setUint32(at + 4 * index, end, true)
  }
  return code
}

/** The end of this number among those at `at`. */
export function endAt(at: number, index: number, width: number): number {
  if (width === 1) return source.bytes[at + index] as number
  if (width === 2) return source.view.getUint16(at + 2 * index, true)
  return source.view.getUint32(at + 4 * index, true)
}

export function checkOrder(ends: readonly number[]): void {
  for (let index = 1; index < ends.length; index++)
    if ((ends[index] as number) < (ends[index - 1] as number)) throw corrupt('ends out of order')
}
