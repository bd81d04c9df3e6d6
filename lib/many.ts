// lib/many.ts — the values of many text keys: hundreds of them by one crossing.
import { beginBatch, endBatch } from './bytes.ts'
import type { Encoding } from './encoding.ts'
import { encodeKey } from './key.ts'
import {
  COUNT,
  DATA_AT,
  GROW,
  HEAD_BYTES,
  KEY_BYTES_MAX,
  lastError,
  NEEDED_BYTES,
  scratch,
} from './native.ts'
import { growFor, keyRoom, type RangeSource } from './range.ts'

const MANY_MAX = 512
// So that what is joined stays small, however long the keys are; the addon takes no more than a key's length beyond.
const MANY_UNITS_MAX = 256 * 1024

/** The values of text keys if one crossing brings them all, and so from one view; else undefined. */
export function getManyAtOnce(source: RangeSource, keys: readonly string[]): unknown[] | undefined {
  if (endOfMany(keys, 0) < keys.length) return undefined
  const values: unknown[] = []
  return crossMany(source, keys, 0, values) === keys.length ? values : undefined
}

/** The values of many text keys, by one crossing for every 512 of them or fewer: from one view if the source has one. */
export function getManyTexts(source: RangeSource, keys: readonly string[]): unknown[] {
  const values: unknown[] = []
  for (let from = 0; from < keys.length;) {
    const count = crossMany(source, keys, from, values)
    if (count === 0) growFor(GROW)
    from += count
  }
  return values
}

/** Behind the last key that goes over together with the one at `from`. */
function endOfMany(keys: readonly string[], from: number): number {
  const last = Math.min(keys.length, from + MANY_MAX)
  let units = 0
  let to = from
  while (to < last && units <= MANY_UNITS_MAX) units += (keys[to++] ?? '').length
  // One that is too long goes over alone, to be refused by its own name.
  return units > MANY_UNITS_MAX && to > from + 1 ? to - 1 : to
}

// Adds the values of as many keys as there is room for, and answers how many.
function crossMany(
  source: RangeSource,
  keys: readonly string[],
  from: number,
  into: unknown[],
): number {
  const asOf = source.asOf()
  const to = endOfMany(keys, from)
  const joined = join(keys, from, to)
  const text = source.level.getMany(joined, to - from, asOf)
  if (text === GROW) return 0
  if (typeof text !== 'string') throw lastError()
  const count = scratch.u32[COUNT] ?? 0
  readMany(into, source.encoding, text, count)
  return count
}

/**
 * The keys as one text; their lengths are left for the addon. One that is too long is refused here, by its place among all.
 * Adding them up costs less than Array.join().
 */
function join(keys: readonly string[], from: number, to: number): string {
  const { u32 } = scratch
  let joined = ''
  for (let i = from; i < to; i++) {
    const key = keys[i] ?? ''
    // A unit takes three bytes at most, and the tag one.
    if (key.length * 3 >= KEY_BYTES_MAX) encodeKey(key, `keys[${i}]`, keyRoom, 0)
    u32[DATA_AT / 4 + i - from] = key.length
    joined += key
  }
  return joined
}

function readMany(into: unknown[], encoding: Encoding, text: string, count: number): void {
  const { u32 } = scratch
  let raw = u32[NEEDED_BYTES] ?? 0
  let unit = 0
  beginBatch(raw, u32[HEAD_BYTES] ?? 0)
  try {
    for (let i = 0, cell = DATA_AT / 4; i < count; i++, cell += 4) {
      const kind = u32[cell + 1] ?? 0
      if (kind === 0) {
        into.push(undefined)
        continue
      }
      const headBytes = u32[cell + 2] ?? 0
      const units = u32[cell + 3] ?? 0
      const own = units === 0 ? '' : text.substring(unit, unit + units)
      into.push(encoding.read(kind, raw, headBytes, own))
      raw += headBytes
      unit += units
    }
  } finally {
    endBatch()
  }
}
