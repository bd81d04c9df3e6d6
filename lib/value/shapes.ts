// lib/value/shapes.ts — the shapes that values of one store have, found by names when writing, by signature or number when
// reading.
//
// A shape that has proven common gets a number, under which the store keeps its signature: from then on a value of that shape
// carries two bytes and no names. What proves itself is written with its names until then, and so is whatever cannot have a number,
// so that a store is never asked for anything in the midst of encoding.
//
// The number is 13 bits of a hash of the signature, or one of the next few when that is taken, and is never given to another
// shape. So a store that has lost the table (a damaged one, salvaged) is healed by writing such objects again, and what it
// held can be read again; a counter would give the number to whichever shape came first.
//
// Invariants
//   - A shape found is compared with what it was looked for by, to the last byte; a table by hash only proposes.
//   - A number is given to values only after the store has accepted the signature under it: a commit before theirs.
import type { CodeGeneration } from './code.ts'
import { namesOf, newShape, sameNames, type Shape } from './shape.ts'
import { SHAPE_NUMBERS } from './tags.ts'

/** Where a store keeps its shapes. */
export interface ShapeStore {
  /** The signature kept under a number. */
  read(number: number): Uint8Array | undefined
  /** Keeps a signature under a number that has none. False when that cannot be now: somebody was faster, or writing fails. */
  write(number: number, signature: Uint8Array): boolean
}

const COMMON_AFTER_USES = 16
export const GENERATED_NAMES_MAX = 64
const CACHED_COUNT_MAX = 1024
// Shapes that begin with the same name and have as many: an application with that many kinds of record.
const ALIKE_COUNT_MAX = 64
// Objects used as tables of anything are not kept: no other object has their names.
const KEPT_BYTES_MAX = 4096
const SLOT_COUNT = 1024
const NUMBERED_COUNT_MAX = SHAPE_NUMBERS / 2
const NUMBER_TRIES_MAX = 8

export class Shapes {
  /** Whether hot shapes may use `new Function`; 'auto' uses it where it is allowed. */
  code: CodeGeneration
  /** The shape that was written last, and the one read last: neighbours mostly look alike. */
  lastWritten: Shape | undefined
  lastRead: Shape | undefined
  /** Shapes that have proven common and have no number yet. */
  readonly #waiting: Shape[] = []
  #store: ShapeStore | undefined
  // Made for all numbers at the first one: an array with holes is a table by hash, and slow.
  #byNumber: (Shape | undefined)[] = []
  #numberedCount = 0
  // By first name, then by count of names; and by the hash of what is read.
  readonly #byName = new Map<string | undefined, (Shape[] | undefined)[]>()
  readonly #slots: (Shape | undefined)[] = Array.from({ length: SLOT_COUNT })
  #cachedCount = 0

  constructor(store?: ShapeStore, code: CodeGeneration = 'auto') {
    this.#store = store
    this.code = code
  }

  /** From now on common shapes get numbers, and this store keeps them. */
  keepIn(store: ShapeStore): void {
    this.#store = store
  }

  /** The shape of these names, out of the table or new. */
  find(names: readonly string[]): Shape {
    if (names.length > GENERATED_NAMES_MAX) return newShape(names)
    const alike = this.#byName.get(names[0])?.[names.length]
    if (alike !== undefined) {
      for (let index = 0; index < alike.length; index++) {
        const shape = alike[index] as Shape
        if (sameNames(shape.names, names)) return moveForward(alike, index, shape)
      }
    }
    const shape = newShape(names)
    if (isKept(shape)) this.#remember(shape)
    return shape
  }

  #remember(shape: Shape): void {
    if (this.#cachedCount >= CACHED_COUNT_MAX) this.#forgetUnused()
    const { names } = shape
    const family = this.#byName.get(names[0]) ?? []
    const alike = (family[names.length] ??= [])
    if (alike.length === ALIKE_COUNT_MAX) alike.pop()
    else this.#cachedCount++
    alike.push(shape)
    this.#byName.set(names[0], family)
  }

  // Keeps those that have proven common, unless they alone fill half the table.
  #forgetUnused(): void {
    const all = [...this.#byName.values()].flat(2)
    const common = all.filter((shape) => shape !== undefined && isCommon(shape)) as Shape[]
    this.#byName.clear()
    this.#slots.fill(undefined)
    this.#cachedCount = 0
    if (common.length > CACHED_COUNT_MAX / 2) return
    for (const shape of common) this.#remember(shape)
  }

  /** The shape that may be the one of what has this hash. */
  propose(hash: number): Shape | undefined {
    return this.#slots[hash & (SLOT_COUNT - 1)]
  }

  /** From now on propose() answers this shape. */
  keep(hash: number, shape: Shape): void {
    if (isKept(shape)) this.#slots[hash & (SLOT_COUNT - 1)] = shape
  }

  /** The shape of a number, which another opening or thread may have given out; undefined when nobody has. */
  numbered(number: number): Shape | undefined {
    return this.#byNumber[number] ?? this.#load(number)
  }

  /** The same, if it is here and has been read often; undefined for numbers that are none, too. */
  common(number: number): Shape | undefined {
    if (number < 0 || number >= this.#byNumber.length) return undefined
    const shape = this.#byNumber[number]
    return shape !== undefined && shape.reads >= COMMON_AFTER_USES ? shape : undefined
  }

  #load(number: number): Shape | undefined {
    const signature = this.#store?.read(number)
    const names = signature === undefined ? undefined : namesOf(signature)
    if (names === undefined) return undefined
    const shape = this.find(names)
    this.#adopt(shape, number)
    return shape
  }

  #adopt(shape: Shape, number: number): void {
    if (this.#numberedCount === 0)
      this.#byNumber = new Array<undefined>(SHAPE_NUMBERS).fill(undefined)
    if (this.#byNumber[number] === undefined) this.#numberedCount++
    this.#byNumber[number] = shape
    shape.number = number
  }

  /** Counts a use in writing, and answers whether the shape proves common by it. */
  countWrite(shape: Shape): boolean {
    if (shape.writes >= COMMON_AFTER_USES || ++shape.writes < COMMON_AFTER_USES) return false
    if (shape.number < 0 && this.#store !== undefined && isKept(shape)) this.#waiting.push(shape)
    return true
  }

  /** The same in reading. */
  countRead(shape: Shape): boolean {
    return shape.reads < COMMON_AFTER_USES && ++shape.reads === COMMON_AFTER_USES
  }

  /** What `make` makes of text; undefined where that is not wanted, or forbidden. */
  generated<T>(make: () => T): T | undefined {
    if (this.code === 'never') return undefined
    try {
      return make()
    } catch (error) {
      if (!(error instanceof EvalError)) throw error
      this.code = 'never'
      return undefined
    }
  }

  get areWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Gives numbers to the shapes that wait for one. What cannot have one now is written with its names, as before. */
  settle(): void {
    for (const shape of this.#waiting.splice(0)) {
      if (this.#numberedCount >= NUMBERED_COUNT_MAX) return
      try {
        this.#giveNumber(shape)
      } catch {
        return // Whatever failed will fail the write that this was done for, or is no matter to it.
      }
    }
  }

  #giveNumber(shape: Shape): void {
    const store = this.#store as ShapeStore
    const first = hashOf(shape.signature)
    for (let tries = 0; tries < NUMBER_TRIES_MAX && shape.number < 0; tries++) {
      const number = (first + tries) % SHAPE_NUMBERS
      let there = this.numbered(number)
      if (there === undefined) {
        if (store.write(number, shape.signature)) return this.#adopt(shape, number)
        there = this.numbered(number) // Another thread was faster, perhaps with the same shape.
      }
      if (there !== undefined && sameNames(there.names, shape.names)) this.#adopt(shape, number)
    }
  }
}

// What is asked for often ends up at the front, what is not at the end, where it is replaced.
function moveForward(alike: Shape[], index: number, shape: Shape): Shape {
  if (index === 0) return shape
  alike[index] = alike[index - 1] as Shape
  alike[index - 1] = shape
  return shape
}

function isKept({ names, signature }: Shape): boolean {
  return names.length <= GENERATED_NAMES_MAX && signature.length <= KEPT_BYTES_MAX
}

function isCommon({ writes, reads, number }: Shape): boolean {
  return number >= 0 || writes >= COMMON_AFTER_USES || reads >= COMMON_AFTER_USES
}

// FNV-1a, folded. Stored numbers begin here, so it never changes.
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return ((hash >>> 16) ^ hash) & (SHAPE_NUMBERS - 1)
}
