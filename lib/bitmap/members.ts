// lib/bitmap/members.ts — members of bitmaps on their way to the addon and back: numbers to 2^53 - 1, or bigints of
// 64 bits.
//
// One member goes by the registers, as two halves of 32 bits; many as a Uint32Array or a BigUint64Array, which is made
// here of whatever else is given.
import { invalid, VarveError } from '../errors.ts'
import { scratch } from '../native.ts'

export type Member = number | bigint
export type MemberArray = Uint32Array | BigUint64Array

/** A method of bitmaps that answers by which number the addon knows them, once what add() gathered has crossed. */
export const NATIVE_NUMBER: unique symbol = Symbol('native number')

const TWO_32 = 4_294_967_296
const NUMBER_MAX = Number.MAX_SAFE_INTEGER
const BIGINT_MAX = 2n ** 64n - 1n
/** So many members a range may have that is added or flipped: 80 MB of containers. */
export const SPAN_MAX = 2 ** 36

/** What differs between bitmaps of numbers and of bigints. */
export interface Kind<M extends Member> {
  readonly max: M
  readonly zero: M
  /** Of the portable format, where nobody says. */
  readonly roaringBits: 32 | 64
  /** Puts a member into two cells of the scratch, or says what is wrong with it. */
  write(member: unknown, argument: string, cell: number): void
  read(cell: number): M
  /** The member before or after; undefined beyond either end. */
  step(member: M, by: 1 | -1): M | undefined
  /** Room for so many members. */
  batch(count: number): Batch<M>
  toArray(members: Iterable<unknown>): MemberArray
}

export interface Batch<M extends Member> {
  readonly [index: number]: M
  readonly length: number
}

function isNumberMember(member: unknown): member is number {
  return Number.isSafeInteger(member) && (member as number) >= 0
}

// Asks the type first: a shift runs code of an object's own.
export function isNarrow(member: unknown): member is number {
  return typeof member === 'number' && member === member >>> 0
}

const A_NUMBER = 'a whole number from 0 to 2^53 - 1'
const A_BIGINT = 'a bigint from 0n to 2n ** 64n - 1n'

export const NUMBERS: Kind<number> = {
  max: NUMBER_MAX,
  zero: 0,
  roaringBits: 32,
  write(member, argument, cell) {
    const { u32 } = scratch
    if (isNarrow(member)) {
      u32[cell] = member
      u32[cell + 1] = 0
      return
    }
    if (!isNumberMember(member)) throw invalid(argument, A_NUMBER, member)
    u32[cell] = member % TWO_32
    u32[cell + 1] = member / TWO_32
  },
  read: (cell) => (scratch.u32[cell + 1] ?? 0) * TWO_32 + (scratch.u32[cell] ?? 0),
  step: (member, by) => (member === (by < 0 ? 0 : NUMBER_MAX) ? undefined : member + by),
  batch: (count) => new Float64Array(count),
  toArray(members) {
    if (members instanceof Uint32Array) return members
    const given = Array.isArray(members) ? (members as unknown[]) : Array.from(members)
    const narrow = new Uint32Array(given.length)
    for (let index = 0; index < given.length; ++index) {
      const member = given[index]
      if (!isNarrow(member)) return wideArray(given)
      narrow[index] = member
    }
    return narrow
  },
}

// As lower and upper halves, which is how a BigUint64Array lies in memory.
function wideArray(members: readonly unknown[]): BigUint64Array {
  const halves = new Uint32Array(members.length * 2)
  members.forEach((member, index) => {
    if (!isNumberMember(member)) throw invalid(`member ${index}`, A_NUMBER, member)
    halves[index * 2] = member % TWO_32
    halves[index * 2 + 1] = member / TWO_32
  })
  return new BigUint64Array(halves.buffer)
}

export const BIGINTS: Kind<bigint> = {
  max: BIGINT_MAX,
  zero: 0n,
  roaringBits: 64,
  write(member, argument, cell) {
    if (typeof member !== 'bigint' || member < 0n || member > BIGINT_MAX) {
      throw invalid(argument, A_BIGINT, member)
    }
    scratch.u32[cell] = Number(member & 0xffff_ffffn)
    scratch.u32[cell + 1] = Number(member >> 32n)
  },
  read: (cell) => (BigInt(scratch.u32[cell + 1] ?? 0) << 32n) + BigInt(scratch.u32[cell] ?? 0),
  step: (member, by) => (member === (by < 0 ? 0n : BIGINT_MAX) ? undefined : member + BigInt(by)),
  batch: (count) => new BigUint64Array(count),
  toArray(members) {
    if (members instanceof BigUint64Array || members instanceof Uint32Array) return members
    const given = Array.from(members)
    const wide = new BigUint64Array(given.length)
    given.forEach((member, index) => {
      if (typeof member !== 'bigint' || member < 0n || member > BIGINT_MAX) {
        throw invalid(`member ${index}`, A_BIGINT, member)
      }
      wide[index] = member
    })
    return wide
  },
}

/** Members as an array that crosses; a string, whose iterator gives characters, is a mistake. */
export function arrayOf<M extends Member>(kind: Kind<M>, members: unknown): MemberArray {
  const iterable = typeof members === 'object' && members !== null && Symbol.iterator in members
  if (!iterable) throw invalid('members', 'an iterable of members', members)
  return kind.toArray(members as Iterable<unknown>)
}

/** Bytes that can be read in place: whole, not resizable, at a multiple of 8. */
export function checkViewed(bytes: Uint8Array): void {
  const { buffer, byteOffset } = bytes
  if ((buffer as { resizable?: boolean }).resizable === true) {
    throw new VarveError('INVALID', 'bytes must not lie in a resizable ArrayBuffer')
  }
  if (byteOffset % 8 !== 0) {
    throw new VarveError(
      'INVALID',
      `bytes must begin at a multiple of 8 in their ArrayBuffer, not at ${byteOffset}; ` +
        'deserialise() copies from anywhere',
    )
  }
}
