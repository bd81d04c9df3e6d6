// lib/value/tags.ts — the tags of a head, and the limits both directions keep. FORMAT.md is their table.

export const SMALL_MIN = -16
export const SMALL_MAX = 111
/** Tags up to here are small integers, offset by SMALL_MIN. */
export const TAG_SMALL_LAST = 0x7f
export const TAG_UNDEFINED = 0x80
export const TAG_NULL = 0x81
export const TAG_TRUE = 0x82
export const TAG_FALSE = 0x83
export const TAG_INT8 = 0x84
export const TAG_INT16 = 0x85
export const TAG_INT32 = 0x86
export const TAG_DOUBLE = 0x87
export const TAG_BIGINT = 0x88
export const TAG_BIGINT_NEGATIVE = 0x89
export const TAG_DATE = 0x8a
export const TAG_TEXT = 0x8b
export const TAG_ARRAY = 0x8c
export const TAG_OBJECT = 0x8d
export const TAG_OBJECT_WIDE = 0x8e
export const TAG_MAP = 0x8f
export const TAG_SET = 0x90
export const TAG_TYPED = 0x91
/** A double that four bytes hold exactly. */
export const TAG_FLOAT = 0x92
/** Texts shorter than SHORT_TEXT_COUNT have their length in the tag. */
export const TAG_SHORT_TEXT = 0xa0
export const SHORT_TEXT_COUNT = 64
/** From here on: five bits of the number of a shape, whose other eight follow. */
export const TAG_SHAPE = 0xe0
export const SHAPE_NUMBERS = 0x2000

export const DEPTH_MAX = 64
export const HEAD_BYTES_MAX = 2 ** 30
/** Less than the longest string there is, by more than the short texts of an object of 64 fields. */
export const TEXT_UNITS_MAX = 2 ** 29 - 8192
export const BIGINT_BYTES_MAX = 2 ** 24

/** By the number that is stored: append only. */
export const VIEWS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const
export const VIEW_UINT8 = 1
export const VIEW_DATA = 11
export const VIEW_BUFFER = 12

/** The number of a view's kind, a Buffer being a Uint8Array; undefined for kinds that have none. */
export function viewNumber(view: ArrayBufferView): number | undefined {
  const name = tagOf.call(view)
  return name === undefined ? VIEW_DATA : VIEW_NUMBERS.get(name)
}

// Asks for the kind within, which neither a subclass nor another realm can change.
const tagOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as () => string | undefined

const VIEW_NUMBERS = new Map<string, number>(VIEWS.map((kind, number) => [kind.name, number]))
