// lib/bitmap.ts — compressed sets of whole numbers: `Bitmap` of numbers to 2^53 - 1, `Bitmap64` of bigints to 2^64 - 1.
//
// The set itself is native (native/pure/bitmap/); this object holds its number and what keeps it alive. A call would
// cost more than what has() and add() do, so both avoid it: add() gathers members here, and whatever is asked or done
// next hands them over first; has() puts the member into registers and makes a call without arguments, until so many
// were made that a flat copy of the bits is cheaper. Everything else moves many members a call.
//
// Invariants
//   - the number of a bitmap is taken by #use() or #change() alone, which hand over what add() gathered.
//   - a view reads bytes that somebody else can take away: every use of one asks first whether they are still there.
//   - what is asked of the addon was checked here.
//   - a flat copy holds what the bitmap does: add() changes both, any other change drops it.
import { BitmapIterator } from './bitmap/iterator.ts'
import { type BitmapOperation, OPERATIONS, programOf, pushSteps } from './bitmap/expression.ts'
import {
  arrayOf,
  type Batch,
  BIGINTS,
  checkViewed,
  isNarrow,
  type Kind,
  type Member,
  NATIVE_NUMBER,
  NUMBERS,
  SPAN_MAX,
} from './bitmap/members.ts'
import { invalid, VarveError } from './errors.ts'
import {
  addon,
  ANSWER,
  BITMAP,
  FAILED,
  FIRST,
  FOUND,
  LAST,
  lastError,
  OK,
  scratch,
} from './native.ts'
import { checkNames } from './options.ts'
import { showAs } from './showing.ts'
import { isDetached } from './value.ts'

export type { BitmapOperation } from './bitmap/expression.ts'

/** Bounds of members. Without a lower one from 0 on, without an upper one to the greatest member there can be. */
export interface MemberRange<M extends Member = number> {
  /** Members above this one. */
  readonly gt?: M | undefined
  /** Members from this one. */
  readonly gte?: M | undefined
  /** Members below this one. */
  readonly lt?: M | undefined
  /** Members to this one. */
  readonly lte?: M | undefined
}

export interface BitmapWalk<M extends Member = number> {
  /** Where to begin. Default: the least member, or the greatest if `reverse`. */
  readonly from?: M | undefined
  /** From great to small. Default false. */
  readonly reverse?: boolean | undefined
}

/** A bitmap, or an operation on others: `['andNot', ['or', a, b], c]`. 'andNot' takes all others from the first. */
export type BitmapExpression<M extends Member = number> =
  BitmapOf<M> | readonly [BitmapOperation, BitmapExpression<M>, ...BitmapExpression<M>[]]

export interface BitmapStatistics {
  /** Containers of up to 65,536 possible members each, by the form they are held in. */
  readonly containers: { readonly array: number; readonly bits: number; readonly runs: number }
  /** What members take. */
  readonly memberBytes: number
  /** What the directory of containers takes. */
  readonly directoryBytes: number
}

const FORM = { own: 0, roaring32: 1, roaring64: 2, view: 3 } as const
const RANGE_NAMES = ['gt', 'gte', 'lt', 'lte']
const NEXT = 0
const PREVIOUS = 1
const SELECT = 2
const NONE = new Uint32Array(0)
/** So many members wait to cross together, and so few cross one by one. */
const PENDING_MAX = 65_536
const FEW = 8
/** Bytes that a flat copy may have in any case, and that it may have at most. */
const FLAT_FREE = 2 ** 21
const FLAT_MAX = 2 ** 24
const ASKED_MIN = 256
/** A flat copy is made after one question for so many of its words. */
const ASKED_SHARE = 8
const NARROW_LIMIT = 2 ** 32
const HALF_MAX = 0xffff_ffff
const UPPER_LIMIT = 2 ** 21

/** What makes a bitmap of something that the addon made. */
class Made {
  readonly number: number
  constructor(
    readonly external: object,
    readonly bytes?: Uint8Array,
  ) {
    this.number = scratch.u32[BITMAP] ?? 0
  }
}

function made(answer: object | number, bytes?: Uint8Array): Made {
  if (typeof answer === 'number') throw lastError()
  return new Made(answer, bytes)
}

function checked(answer: number): void {
  if (answer === FAILED) throw lastError()
}

function checkBytes(bytes: unknown): asserts bytes is Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw invalid('bytes', 'a Uint8Array', bytes)
}

// Of the expression being evaluated: none is collected while its number is in use.
const operands: unknown[] = []

const SHOWN_MAX = 20

function shownBitmap(bitmap: BitmapOf<Member>): { size: Member; first: readonly Member[] } {
  const first: Member[] = []
  for (const member of bitmap) if (first.push(member) === SHOWN_MAX) break
  return { size: bitmap.size, first }
}

/** What bitmaps of numbers and of bigints have in common. */
export abstract class BitmapOf<M extends Member> implements Iterable<M> {
  static {
    showAs<BitmapOf<Member>>(this, 'Bitmap', shownBitmap)
  }
  readonly #kind: Kind<M>
  readonly #number: number
  /** Kept for its finaliser. */
  readonly #external: object
  /** Of a view. */
  readonly #bytes: Uint8Array | undefined
  /** Members below 2^32 that were added one at a time and have not crossed yet. */
  #pending = NONE
  #pendingCount = 0
  /** Members below the limit as bits; what add() gathers is in it, too. */
  #flat = NONE
  #flatLimit = 0
  /** Questions since the last change, and after how many the flat copy is worth a thought. */
  #asked = 0
  #askedMax = ASKED_MIN

  protected constructor(kind: Kind<M>, members: Iterable<M> | Made | undefined) {
    const from = members instanceof Made ? members : new Made(addon.bitmapCreate())
    this.#kind = kind
    this.#number = from.number
    this.#external = from.external
    this.#bytes = from.bytes
    if (members !== undefined && from !== members) this.addMany(members as Iterable<M>)
  }

  /** Makes another of the same class. */
  protected abstract wrap(from: Made): this

  /** For other callers of the addon. */
  [NATIVE_NUMBER](): number {
    return this.#use()
  }

  // ---- members

  has(member: M): boolean {
    if (isNarrow(member) && member < this.#flatLimit) {
      return (((this.#flat[member >>> 5] ?? 0) >>> (member & 31)) & 1) === 1
    }
    if (++this.#asked > this.#askedMax) this.#flatten()
    this.#use()
    this.#kind.write(member, 'member', FIRST)
    scratch.u32[BITMAP] = this.#number
    addon.bitmapHas()
    return scratch.u32[ANSWER] === 1
  }

  add(member: M): this {
    const count = this.#pendingCount
    if (count < this.#pending.length && isNarrow(member)) {
      if (member < this.#flatLimit) {
        const word = member >>> 5
        this.#flat[word] = (this.#flat[word] ?? 0) | (1 << (member & 31))
      }
      this.#pending[count] = member
      this.#pendingCount = count + 1
    } else {
      this.#addSlowly(member)
    }
    return this
  }

  // Whoever asks one by one, and often, is answered from a flat copy from then on. It is made once the calls that it will
  // save could have cost several times as much, and within bounds of memory.
  #flatten(): void {
    const { max } = this
    const wordCount = typeof max === 'number' ? Math.floor(max / 32) + 1 : Infinity
    const isFit = wordCount * 4 <= Math.min(FLAT_MAX, Math.max(FLAT_FREE, 2 * this.#memberBytes()))
    const askedMax = this.#bytes === undefined && isFit ? wordCount / ASKED_SHARE : Infinity
    if (this.#asked > askedMax) {
      this.#flat = new Uint32Array(wordCount)
      addon.bitmapFlatten(this.#use(), this.#flat)
      this.#flatLimit = wordCount * 32
    }
    this.#askedMax = askedMax
  }

  #memberBytes(): number {
    return this.statistics().memberBytes
  }

  // A member of more than 32 bits, or one for which there is no room yet.
  #addSlowly(member: M): void {
    const number = this.#change()
    this.#kind.write(member, 'member', FIRST)
    scratch.u32[BITMAP] = number
    addon.bitmapAdd()
    if (isNarrow(member) && this.#pending.length < PENDING_MAX) {
      this.#pending = new Uint32Array(this.#pending.length === 0 ? 64 : this.#pending.length * 4)
    }
  }

  #flush(): void {
    const count = this.#pendingCount
    this.#pendingCount = 0
    if (count > FEW) {
      addon.bitmapMany(this.#number, this.#pending.subarray(0, count), 1)
      return
    }
    scratch.u32[BITMAP] = this.#number
    scratch.u32[FIRST + 1] = 0
    for (let index = 0; index < count; ++index) {
      scratch.u32[FIRST] = this.#pending[index] ?? 0
      addon.bitmapAdd()
    }
  }

  /** Answers whether it was there. */
  remove(member: M): boolean {
    this.#change()
    this.#kind.write(member, 'member', FIRST)
    scratch.u32[BITMAP] = this.#number
    addon.bitmapRemove()
    return scratch.u32[ANSWER] === 1
  }

  /** Adds members in any order, repeated or not, and answers how many were not there. A Uint32Array is not copied. */
  addMany(members: Iterable<M> | Uint32Array): number {
    return this.#many(members, 1)
  }

  /** Removes members, and answers how many were there. */
  removeMany(members: Iterable<M> | Uint32Array): number {
    return this.#many(members, 0)
  }

  /** For each member 1 if it is there, else 0. */
  hasMany(members: Iterable<M> | Uint32Array): Uint8Array {
    const array = arrayOf(this.#kind, members)
    const answers = new Uint8Array(array.length)
    addon.bitmapHasMany(this.#use(), array, answers)
    return answers
  }

  #many(members: unknown, adds: 0 | 1): number {
    const number = this.#change()
    addon.bitmapMany(number, arrayOf(this.#kind, members), adds)
    return scratch.f64[FOUND] ?? 0
  }

  /** Adds all members of a range, at most 2^36. */
  addRange(range: MemberRange<M>): void {
    this.#changeRange(range, 0)
  }

  removeRange(range: MemberRange<M>): void {
    this.#changeRange(range, 1)
  }

  /** Turns a range over, at most 2^36 members: who was there is removed, who was not is added. */
  flip(range: MemberRange<M>): void {
    this.#changeRange(range, 2)
  }

  clear(): void {
    addon.bitmapClear(this.#change())
  }

  #changeRange(range: MemberRange<M>, action: 0 | 1 | 2): void {
    const number = this.#change()
    const bounds = this.#bounds(range)
    if (bounds === undefined) return
    const span = BigInt(bounds.last) - BigInt(bounds.first) + 1n
    if (action !== 1 && span > BigInt(SPAN_MAX)) {
      throw new VarveError('TOO_LARGE', `range must have at most 2^36 members, not ${span}`)
    }
    addon.bitmapRange(number, action)
  }

  // Leaves both ends in the registers; undefined for a range that is empty.
  #bounds(range: MemberRange<M>): { readonly first: M; readonly last: M } | undefined {
    checkNames(range, RANGE_NAMES, 'range')
    const { gt, gte, lt, lte } = range
    const kind = this.#kind
    for (const [name, bound] of Object.entries({ gt, gte, lt, lte })) {
      if (bound !== undefined) kind.write(bound, `range.${name}`, FIRST)
    }
    let first: M | undefined = gte ?? kind.zero
    let last: M | undefined = lte ?? kind.max
    if (gt !== undefined && gt >= first) first = kind.step(gt, 1)
    if (lt !== undefined && lt <= last) last = kind.step(lt, -1)
    if (first === undefined || last === undefined || first > last) return undefined
    kind.write(first, 'range', FIRST)
    kind.write(last, 'range', LAST)
    return { first, last }
  }

  // ---- order

  /** How many members there are. */
  get size(): number {
    return addon.bitmapSize(this.#use())
  }

  get min(): M | undefined {
    return this.next(this.#kind.zero)
  }

  get max(): M | undefined {
    return this.previous(this.#kind.max)
  }

  /** How many members are at or below it. */
  rank(member: M): number {
    const number = this.#use()
    this.#kind.write(this.#kind.zero, 'member', FIRST)
    this.#kind.write(member, 'member', LAST)
    return addon.bitmapCount(number)
  }

  /** How many members a range has. */
  count(range: MemberRange<M> = {}): number {
    const number = this.#use()
    return this.#bounds(range) === undefined ? 0 : addon.bitmapCount(number)
  }

  /** The member that has `index` members below it (select); a negative index counts from the greatest, as in arrays. */
  at(index: number): M | undefined {
    if (!Number.isSafeInteger(index)) throw invalid('index', 'a whole number', index)
    const wanted = index < 0 ? this.size + index : index
    if (wanted < 0) return undefined
    const number = this.#use()
    NUMBERS.write(wanted, 'index', FIRST)
    return addon.bitmapFind(number, SELECT) === OK ? this.#kind.read(FIRST) : undefined
  }

  /** The least member at or above this one. */
  next(from: M): M | undefined {
    return this.#find(from, NEXT)
  }

  /** The greatest member at or below this one. */
  previous(from: M): M | undefined {
    return this.#find(from, PREVIOUS)
  }

  #find(from: M, what: number): M | undefined {
    const number = this.#use()
    this.#kind.write(from, 'from', FIRST)
    return addon.bitmapFind(number, what) === OK ? this.#kind.read(FIRST) : undefined
  }

  [Symbol.iterator](): BitmapIterator<M> {
    return this.values()
  }

  /** Members in order, by batches: a member that comes or goes meanwhile is seen or not, all others are seen once. */
  values(walk: BitmapWalk<M> = {}): BitmapIterator<M> {
    checkNames(walk, ['from', 'reverse'], 'values')
    const { from, reverse = false } = walk
    if (typeof reverse !== 'boolean') throw invalid('reverse', 'a boolean', reverse)
    if (from !== undefined) this.#kind.write(from, 'from', FIRST)
    const begin = from ?? (reverse ? this.#kind.max : this.#kind.zero)
    return new BitmapIterator(
      this.#kind,
      (at, into, down) => this.#list(at, into, down),
      begin,
      reverse,
    )
  }

  /** All members, rising. */
  toArray(): M[] {
    return Array.from(this.toTypedArray() as unknown as ArrayLike<M>)
  }

  /** All members, rising: a Uint32Array where all fit, else a Float64Array; of bigints a BigUint64Array. */
  toTypedArray(): Uint32Array | Float64Array | BigUint64Array {
    const { size, max } = this
    const isNarrow = this.#kind.roaringBits === 32 && (max ?? 0) < NARROW_LIMIT
    const all = isNarrow ? new Uint32Array(size) : this.#kind.batch(size)
    this.#list(this.#kind.zero, all as Batch<M>, false)
    return all as Uint32Array | Float64Array | BigUint64Array
  }

  #list(from: M, into: Batch<M>, reverse: boolean): number {
    const number = this.#use()
    this.#kind.write(from, 'from', FIRST)
    addon.bitmapList(number, into as unknown as Float64Array, reverse ? 1 : 0)
    return scratch.f64[FOUND] ?? 0
  }

  // ---- sets

  /** Keeps what is in the other, too. Answers itself, as or(), xor() and andNot() do. */
  and(other: BitmapOf<M>): this {
    return this.#join('and', other)
  }

  or(other: BitmapOf<M>): this {
    return this.#join('or', other)
  }

  xor(other: BitmapOf<M>): this {
    return this.#join('xor', other)
  }

  andNot(other: BitmapOf<M>): this {
    return this.#join('andNot', other)
  }

  #join(operation: BitmapOperation, other: BitmapOf<M>): this {
    const number = this.#change()
    addon.bitmapJoin(number, OPERATIONS.indexOf(operation), this.#other(other))
    return this
  }

  intersects(other: BitmapOf<M>): boolean {
    return addon.bitmapCompare(this.#use(), this.#other(other), 0) === 1
  }

  /** Whether all members are in the other. */
  isSubset(other: BitmapOf<M>): boolean {
    return addon.bitmapCompare(this.#use(), this.#other(other), 1) === 1
  }

  equals(other: BitmapOf<M>): boolean {
    return addon.bitmapCompare(this.#use(), this.#other(other), 2) === 1
  }

  /** Members of both by members of either: 1 for equal sets, two empty ones among them, 0 for sets without a common member. */
  jaccard(other: BitmapOf<M>): number {
    this.#other(other)
    const either = this.size + other.size
    const common = BitmapOf.counted(this.#kind, ['and', this, other])
    return either === 0 ? 1 : common / (either - common)
  }

  /** A copy. */
  clone(): this {
    return this.slice({})
  }

  /** The members of a range, as a bitmap of their own. */
  slice(range: MemberRange<M>): this {
    const number = this.#use()
    if (this.#bounds(range) === undefined) return this.wrap(new Made(addon.bitmapCreate()))
    return this.wrap(new Made(addon.bitmapCopy(number)))
  }

  protected static evaluated<M extends Member>(kind: Kind<M>, expression: unknown): Made {
    const steps = BitmapOf.#steps(kind, expression)
    const answer = made(addon.bitmapEvaluate(programOf(steps), steps.length))
    operands.length = 0
    return answer
  }

  protected static counted<M extends Member>(kind: Kind<M>, expression: unknown): number {
    const steps = BitmapOf.#steps(kind, expression)
    checked(addon.bitmapEvaluateCount(programOf(steps), steps.length))
    operands.length = 0
    return scratch.f64[FOUND] ?? 0
  }

  static #steps<M extends Member>(kind: Kind<M>, expression: unknown): readonly number[] {
    const steps: number[] = []
    operands.length = 0
    pushSteps(expression, kind, BitmapOf.#operand, steps)
    return steps
  }

  static readonly #operand = (part: unknown, kind: unknown): number | undefined => {
    if (!(part instanceof BitmapOf) || part.#kind !== kind) return undefined
    operands.push(part)
    return part.#use()
  }

  // ---- bytes

  /** Bytes for deserialise() and view(): native/pure/bitmap/FORMAT.md. */
  serialise(): Uint8Array {
    return this.#write(FORM.own)
  }

  /** Bytes in the portable format of Roaring bitmaps, which other libraries read. */
  toRoaring(options: RoaringOptions = {}): Uint8Array {
    const form = roaringForm(options, this.#kind.roaringBits)
    const { max } = this
    if (form === FORM.roaring32 && max !== undefined && max >= NARROW_LIMIT) {
      throw new VarveError('INVALID', `bits must be 64 for a bitmap that holds ${max}`)
    }
    return this.#write(form)
  }

  #write(form: number): Uint8Array {
    addon.bitmapWrite(this.#use(), form)
    const bytes = new Uint8Array(scratch.f64[FOUND] ?? 0)
    addon.bitmapTake(bytes)
    return bytes
  }

  /** Whether it reads bytes in place, so that nothing can be added or removed. */
  get isView(): boolean {
    return this.#bytes !== undefined
  }

  /** Reads all there is, and throws CORRUPT where a view's bytes are not what was written. */
  verify(): void {
    checked(addon.bitmapVerify(this.#use()))
  }

  // ---- memory

  /** Holds each container in its smallest form, runs among them, and no more memory than that takes. */
  optimise(): this {
    addon.bitmapOptimise(this.#change())
    return this
  }

  statistics(): BitmapStatistics {
    const counts = new Float64Array(5)
    addon.bitmapStatistics(this.#use(), counts)
    const [array = 0, bits = 0, runs = 0, memberBytes = 0, directoryBytes = 0] = counts
    return { containers: { array, bits, runs }, memberBytes, directoryBytes }
  }

  // ---- its number, for each way it is used

  #use(): number {
    if (this.#pendingCount > 0) this.#flush()
    else if (this.#bytes !== undefined) this.#checkThere()
    return this.#number
  }

  #change(): number {
    if (this.#bytes !== undefined) this.#refuseChange()
    if (this.#pendingCount > 0) this.#flush()
    this.#flatLimit = 0
    this.#flat = NONE
    this.#asked = 0
    this.#askedMax = ASKED_MIN
    return this.#number
  }

  #other(other: unknown): number {
    if (!(other instanceof BitmapOf) || other.#kind !== this.#kind) {
      throw invalid('other', `a ${this.constructor.name}`, other)
    }
    return other.#use()
  }

  #checkThere(): void {
    if (this.#bytes !== undefined && isDetached(this.#bytes.buffer)) {
      throw new VarveError('CLOSED', 'the ArrayBuffer under a view of a bitmap is detached')
    }
  }

  #refuseChange(): never {
    throw new VarveError('READ_ONLY', 'a view of a bitmap cannot change; clone() can')
  }
}

/** The portable format of Roaring bitmaps is one for members of 32 and another for members of 64 bits. */
export interface RoaringOptions {
  /** Default: 32 for a Bitmap, 64 for a Bitmap64. */
  readonly bits?: 32 | 64 | undefined
}

function roaringForm(options: RoaringOptions, standard: 32 | 64): number {
  checkNames(options, ['bits'], 'options')
  const bits: unknown = options.bits ?? standard
  if (bits !== 32 && bits !== 64) throw invalid('bits', '32 or 64', bits)
  return bits === 32 ? FORM.roaring32 : FORM.roaring64
}

function readBytes(bytes: unknown, form: number): Made {
  checkBytes(bytes)
  return made(addon.bitmapRead(bytes, form))
}

function viewBytes(bytes: unknown): Made {
  checkBytes(bytes)
  checkViewed(bytes)
  return made(addon.bitmapRead(bytes, FORM.view), bytes)
}

type Parts<M extends Member> = readonly [BitmapExpression<M>, ...BitmapExpression<M>[]]

/** A compressed set of whole numbers from 0 to 2^53 - 1. */
export class Bitmap extends BitmapOf<number> {
  constructor(members?: Iterable<number>)
  constructor(members?: Iterable<number> | Made) {
    super(NUMBERS, members)
  }

  protected wrap(from: Made): this {
    return Bitmap.#of(from) as this
  }

  static #of(from: Made): Bitmap {
    return new Bitmap(from as unknown as Iterable<number>)
  }

  // Bytes may hold members that are no number.
  static #read(from: Made): Bitmap {
    scratch.u32[FIRST] = HALF_MAX
    scratch.u32[FIRST + 1] = HALF_MAX
    const hasMax = addon.bitmapFind(from.number, PREVIOUS) === OK
    if (hasMax && (scratch.u32[FIRST + 1] ?? 0) >= UPPER_LIMIT) {
      throw new VarveError('INVALID', 'bytes must hold members to 2^53 - 1; Bitmap64 reads any')
    }
    return Bitmap.#of(from)
  }

  /** What is in all of them. Like or(), xor() and andNot() a new bitmap, of bitmaps or expressions of them. */
  static and(...parts: Parts<number>): Bitmap {
    return Bitmap.evaluate(['and', ...parts])
  }

  static or(...parts: Parts<number>): Bitmap {
    return Bitmap.evaluate(['or', ...parts])
  }

  static xor(...parts: Parts<number>): Bitmap {
    return Bitmap.evaluate(['xor', ...parts])
  }

  /** What is in the first and in no other. */
  static andNot(...parts: Parts<number>): Bitmap {
    return Bitmap.evaluate(['andNot', ...parts])
  }

  /** What an expression comes to, without a bitmap in between. */
  static evaluate(expression: BitmapExpression): Bitmap {
    return Bitmap.#of(BitmapOf.evaluated(NUMBERS, expression))
  }

  /** How many members an expression has, without a bitmap made of them. */
  static count(expression: BitmapExpression): number {
    return BitmapOf.counted(NUMBERS, expression)
  }

  /** Reads what serialise() wrote, all checked. */
  static deserialise(bytes: Uint8Array): Bitmap {
    return Bitmap.#read(readBytes(bytes, FORM.own))
  }

  /**
   * Reads what serialise() wrote where it lies: only the directory is checked and read, members are found in the bytes.
   * They must begin at a multiple of 8 of their ArrayBuffer and stay as they are; verify() checks the rest.
   */
  static view(bytes: Uint8Array): Bitmap {
    return Bitmap.#read(viewBytes(bytes))
  }

  /** Reads the portable format of Roaring bitmaps. */
  static fromRoaring(bytes: Uint8Array, options: RoaringOptions = {}): Bitmap {
    return Bitmap.#read(readBytes(bytes, roaringForm(options, 32)))
  }
}

/** A compressed set of bigints from 0n to 2n ** 64n - 1n. */
export class Bitmap64 extends BitmapOf<bigint> {
  constructor(members?: Iterable<bigint>)
  constructor(members?: Iterable<bigint> | Made) {
    super(BIGINTS, members)
  }

  protected wrap(from: Made): this {
    return Bitmap64.#of(from) as this
  }

  static #of(from: Made): Bitmap64 {
    return new Bitmap64(from as unknown as Iterable<bigint>)
  }

  /** As of Bitmap. */
  static and(...parts: Parts<bigint>): Bitmap64 {
    return Bitmap64.evaluate(['and', ...parts])
  }

  static or(...parts: Parts<bigint>): Bitmap64 {
    return Bitmap64.evaluate(['or', ...parts])
  }

  static xor(...parts: Parts<bigint>): Bitmap64 {
    return Bitmap64.evaluate(['xor', ...parts])
  }

  static andNot(...parts: Parts<bigint>): Bitmap64 {
    return Bitmap64.evaluate(['andNot', ...parts])
  }

  static evaluate(expression: BitmapExpression<bigint>): Bitmap64 {
    return Bitmap64.#of(BitmapOf.evaluated(BIGINTS, expression))
  }

  static count(expression: BitmapExpression<bigint>): number {
    return BitmapOf.counted(BIGINTS, expression)
  }

  static deserialise(bytes: Uint8Array): Bitmap64 {
    return Bitmap64.#of(readBytes(bytes, FORM.own))
  }

  static view(bytes: Uint8Array): Bitmap64 {
    return Bitmap64.#of(viewBytes(bytes))
  }

  static fromRoaring(bytes: Uint8Array, options: RoaringOptions = {}): Bitmap64 {
    return Bitmap64.#of(readBytes(bytes, roaringForm(options, 64)))
  }
}
