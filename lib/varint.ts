// lib/varint.ts — numbers in as few bytes as they need: `varint`, whose functions take and make typed arrays. The bytes
// are those of native/pure/codec/FORMAT.md, section "Numbers".
//
// Sizes are asked for first, so that every array is made here and has exactly the size it needs.
import { invalid, VarveError } from './errors.ts'
import { addon } from './native.ts'
import { checkNames } from './options.ts'

/** Numbers that never descend are written as what each is above the one before. */
export interface RisingOptions {
  /** Default false. */
  readonly rising?: boolean | undefined
  /** What the first one is measured from, at most that; the reader must know it. Default 0. */
  readonly base?: number | undefined
}

/** 128 numbers of 32 bits, each in as many bits as the greatest of them needs. */
export interface PackedBlock {
  /** 16 bytes for each bit of the width. */
  readonly bytes: Uint8Array
  /** 0 to 32. */
  readonly width: number
  readonly base: number
  readonly rising: boolean
}

const BLOCK_COUNT = 128
const COUNT_MAX = 2 ** 30
const UINT32_MAX = 2 ** 32 - 1

// What another thread may change meanwhile is copied first: its size would be another one then.
function own<T extends Uint32Array | BigUint64Array | Uint8Array>(array: T): T {
  return array.buffer instanceof SharedArrayBuffer ? (array.slice() as T) : array
}

function checkNumbers(numbers: unknown): Uint32Array {
  if (!(numbers instanceof Uint32Array)) throw invalid('numbers', 'a Uint32Array', numbers)
  return own(numbers)
}

function checkEither(numbers: unknown): Uint32Array | BigUint64Array {
  if (numbers instanceof Uint32Array || numbers instanceof BigUint64Array) return own(numbers)
  throw invalid('numbers', 'a Uint32Array or BigUint64Array', numbers)
}

function checkBytes(bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw invalid('bytes', 'a Uint8Array', bytes)
  return own(bytes)
}

function checkUint32(number: unknown, argument: string): number {
  const isFit = Number.isInteger(number) && (number as number) >= 0
  if (!isFit || (number as number) > UINT32_MAX) {
    throw invalid(argument, 'a whole number from 0 to 2^32 - 1', number)
  }
  return number as number
}

function checkRising(options: RisingOptions): { readonly rising: 0 | 1; readonly base: number } {
  checkNames(options, ['rising', 'base'], 'options')
  const { rising = false, base = 0 } = options
  if (typeof rising !== 'boolean') throw invalid('rising', 'a boolean', rising)
  checkUint32(base, 'base')
  if (base !== 0 && !rising) throw new VarveError('INVALID', 'base is for numbers that are rising')
  return { rising: rising ? 1 : 0, base }
}

const descends = (base: number) =>
  new VarveError('INVALID', `numbers must rise, and begin at or above the base, ${base}`)

// Numbers one after the other, as many as end in the bytes.
function decodeInto<T extends Uint32Array | BigUint64Array>(bytes: Uint8Array, to: T): T {
  const place = addon.varintDecode(bytes, to)
  if (place === -1) return to
  const bits = to.BYTES_PER_ELEMENT * 8
  throw new VarveError('CORRUPT', `varint: no number of ${bits} bits at byte ${place}`)
}

function zigzag(numbers: Int32Array): Uint32Array
function zigzag(numbers: BigInt64Array): BigUint64Array
function zigzag(numbers: Int32Array | BigInt64Array): Uint32Array | BigUint64Array {
  const isWide = numbers instanceof BigInt64Array
  if (!isWide && !(numbers instanceof Int32Array)) {
    throw invalid('numbers', 'an Int32Array or BigInt64Array', numbers)
  }
  const to = isWide ? new BigUint64Array(numbers.length) : new Uint32Array(numbers.length)
  addon.varintZigzag(numbers, to, 0, isWide ? 1 : 0)
  return to
}

function unzigzag(numbers: Uint32Array): Int32Array
function unzigzag(numbers: BigUint64Array): BigInt64Array
function unzigzag(numbers: Uint32Array | BigUint64Array): Int32Array | BigInt64Array {
  const from = checkEither(numbers)
  const isWide = from instanceof BigUint64Array
  const to = isWide ? new BigInt64Array(from.length) : new Int32Array(from.length)
  addon.varintZigzag(from, to, 1, isWide ? 1 : 0)
  return to
}

export const varint = {
  /** LEB128, one number after the other: 1 to 5 bytes of 32 bits, to 10 of 64. */
  encode(numbers: Uint32Array | BigUint64Array): Uint8Array {
    const from = checkEither(numbers)
    const to = new Uint8Array(addon.varintSize(from))
    addon.varintEncode(from, to)
    return to
  },

  /** All numbers of the bytes. CORRUPT where one has more than 32 bits, is not in its shortest form, or is cut off. */
  decode(bytes: Uint8Array): Uint32Array {
    const from = checkBytes(bytes)
    return decodeInto(from, new Uint32Array(addon.varintCount(from)))
  },

  /** The same of 64 bits. */
  decode64(bytes: Uint8Array): BigUint64Array {
    const from = checkBytes(bytes)
    return decodeInto(from, new BigUint64Array(addon.varintCount(from)))
  },

  /** Numbers with a sign as numbers without: 0, -1, 1, -2 become 0, 1, 2, 3. */
  zigzag,
  /** And back. */
  unzigzag,

  /** A stream: lengths apart from data, so that it is decoded by SIMD. 1 to 4 bytes a number, and a byte for four of them. */
  encodeStream(numbers: Uint32Array, options: RisingOptions = {}): Uint8Array {
    const from = checkNumbers(numbers)
    const { rising, base } = checkRising(options)
    const size = addon.streamSize(from, rising, base)
    if (size === -1) throw descends(base)
    const to = new Uint8Array(size)
    addon.streamEncode(from, to, rising, base)
    return to
  },

  /** Reads a stream of so many numbers, or of as many as an array has that is filled. CORRUPT if it is of another number. */
  decodeStream(
    bytes: Uint8Array,
    to: number | Uint32Array,
    options: RisingOptions = {},
  ): Uint32Array {
    const from = checkBytes(bytes)
    const { rising, base } = checkRising(options)
    const into = typeof to === 'number' ? roomFor(to, from) : to
    if (!(into instanceof Uint32Array)) throw invalid('to', 'a count or a Uint32Array', to)
    if (addon.streamDecode(from, into, rising, base) === 0) return into
    throw new VarveError('CORRUPT', `varint: no stream of ${into.length} numbers`)
  },

  /** Packs 128 numbers. */
  pack(numbers: Uint32Array, options: RisingOptions = {}): PackedBlock {
    const from = checkNumbers(numbers)
    if (from.length !== BLOCK_COUNT) {
      throw new VarveError('INVALID', `numbers must be ${BLOCK_COUNT}, not ${from.length}`)
    }
    const { rising, base } = checkRising(options)
    const form = Uint32Array.of(0, base)
    if (addon.packedForm(from, form, rising) === -1) throw descends(base)
    const [width = 0, least = 0] = form
    const bytes = new Uint8Array((width * BLOCK_COUNT) / 8)
    addon.packedEncode(from, bytes, form, rising)
    return { bytes, width, base: least, rising: rising === 1 }
  },

  /** Unpacks a block, into an array of 128 if one is given. */
  unpack(block: PackedBlock, to: Uint32Array = new Uint32Array(BLOCK_COUNT)): Uint32Array {
    checkNames(block, ['bytes', 'width', 'base', 'rising'], 'block')
    const bytes = checkBytes(block.bytes)
    const form = Uint32Array.of(checkUint32(block.width, 'width'), checkUint32(block.base, 'base'))
    if (!(to instanceof Uint32Array) || to.length !== BLOCK_COUNT) {
      throw invalid('to', `a Uint32Array of ${BLOCK_COUNT}`, to)
    }
    if (addon.packedDecode(bytes, to, form, block.rising ? 1 : 0) === 0) return to
    throw new VarveError('CORRUPT', `varint: no packed block of ${block.width} bits a number`)
  },
} as const

// A number takes at least a byte, so that no few bytes ask for much room.
function roomFor(count: number, bytes: Uint8Array): Uint32Array {
  if (!Number.isInteger(count) || count < 0 || count > COUNT_MAX) {
    throw invalid('count', 'a whole number from 0 to 2^30', count)
  }
  if (count > bytes.length) {
    throw new VarveError('CORRUPT', `varint: no stream of ${count} numbers`)
  }
  return new Uint32Array(count)
}
