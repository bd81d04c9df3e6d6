// lib/value/shape.ts — what objects with the same names in the same order share.
//
// A shape knows its names as they are written, and has a function that visits the fields of an object and one
// that makes an object from fields read in order. Both are generated code once a shape proves common,
// because property access by a constant name is several times as fast; where code generation is forbidden,
// closures do the same.
//
// The names stand in a head as one run of bytes, the signature. Shapes are found by names when writing and by
// the signature when reading, so that a name that was read before is not decoded again. A table of this thread's is all that remembers them: every value carries
// its names, whoever reads it. (Numbering shapes in the store would save those bytes, but every reader of a
// value, of a log and of a copy would need the table of its time.)
//
// Invariant: a shape found is compared with what it was looked for by, to the last byte; a table only proposes.
// Bytes: FORMAT.md
import { TAG_OBJECT, TAG_OBJECT_WIDE } from './tags.ts'

export type CodeGeneration = 'auto' | 'never'

type Fields = Record<string, unknown>

export interface Shape {
  readonly names: readonly string[]
  /** The tag, the count of the names, the length of each, and the names. */
  readonly signature: Uint8Array
  /** The first bytes of the signature, four to a number: what is left over has to be compared singly. */
  readonly words: Uint32Array
  visit: (object: Fields, put: (value: unknown) => void) => void
  make: (take: () => unknown) => Fields
  uses: number
}

const GENERATED_AFTER_USES = 16
const GENERATED_NAMES_MAX = 64
const CACHED_COUNT_MAX = 1024
// Shapes that begin with the same name and have as many: an application with that many kinds of record.
const ALIKE_COUNT_MAX = 64
// Objects used as tables of anything are not kept: no other object has their names.
const KEPT_BYTES_MAX = 4096
const SLOT_COUNT = 1024

let generation: CodeGeneration = 'auto'

/** Whether hot shapes may use `new Function`; 'auto' (the default) uses it where it is allowed. */
export function setCodeGeneration(mode: CodeGeneration): void {
  generation = mode
  forget()
}

// By first name, then by count of names; and by the hash of what is read.
const byName = new Map<string | undefined, (Shape[] | undefined)[]>()
const slots: (Shape | undefined)[] = Array.from({ length: SLOT_COUNT })
let cachedCount = 0

function forget(): void {
  byName.clear()
  slots.fill(undefined)
  cachedCount = 0
}

/** The shape of these names, out of the table or new. */
export function shapeOf(names: readonly string[]): Shape {
  if (names.length > GENERATED_NAMES_MAX) return newShape(names)
  const alike = byName.get(names[0])?.[names.length]
  if (alike !== undefined) {
    for (let index = 0; index < alike.length; index++) {
      const shape = alike[index] as Shape
      if (sameNames(shape.names, names)) return moveForward(alike, index, shape)
    }
  }
  const shape = newShape(names)
  if (isKept(shape)) remember(shape)
  return shape
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

function remember(shape: Shape): void {
  if (cachedCount >= CACHED_COUNT_MAX) forgetUnused()
  const { names } = shape
  const family = byName.get(names[0]) ?? []
  const alike = (family[names.length] ??= [])
  if (alike.length === ALIKE_COUNT_MAX) alike.pop()
  else cachedCount++
  alike.push(shape)
  byName.set(names[0], family)
}

// Keeps those that have proven common, unless they alone fill half the table.
function forgetUnused(): void {
  const all = [...byName.values()].flat(2)
  const common = all.filter((shape) => shape !== undefined && shape.uses >= GENERATED_AFTER_USES)
  forget()
  if (common.length > CACHED_COUNT_MAX / 2) return
  for (const shape of common) if (shape !== undefined) remember(shape)
}

/** The shape that may be the one of what has this hash. */
export function proposeShape(hash: number): Shape | undefined {
  return slots[hash & (SLOT_COUNT - 1)]
}

/** From now on proposeShape() answers this shape. */
export function keepShape(hash: number, shape: Shape): void {
  if (!isKept(shape)) return
  slots[hash & (SLOT_COUNT - 1)] = shape
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

function newShape(names: readonly string[]): Shape {
  const own = Object.freeze([...names])
  const signature = signatureOf(own)
  const view = new DataView(signature.buffer)
  return {
    names: own,
    signature,
    words: Uint32Array.from({ length: signature.length >> 2 }, (_, n) =>
      view.getUint32(4 * n, true),
    ),
    visit: (object, put) => {
      for (const name of own) put(object[name])
    },
    make: (take) => {
      const object: Fields = {}
      for (const name of own) setField(object, name, take())
      return object
    },
    uses: 0,
  }
}

function signatureOf(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const joined = names.join('')
  const narrow = Buffer.from(joined, 'latin1')
  const isWide = narrow.toString('latin1') !== joined
  const run = isWide ? Buffer.from(joined, 'utf16le') : narrow
  const head = [isWide ? TAG_OBJECT_WIDE : TAG_OBJECT]
  for (const count of [names.length, ...names.map((name) => name.length)]) pushCount(head, count)
  const signature = new Uint8Array(head.length + run.length)
  signature.set(head)
  signature.set(run, head.length)
  return signature
}

function pushCount(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
}

function setField(object: Fields, name: string, value: unknown): void {
  if (name === '__proto__') {
    const field = { value, writable: true, enumerable: true, configurable: true }
    Object.defineProperty(object, name, field)
  } else {
    object[name] = value
  }
}

/** Counts a use, and generates code when there have been enough. */
export function countUse(shape: Shape): void {
  if (shape.uses < GENERATED_AFTER_USES && ++shape.uses === GENERATED_AFTER_USES) generate(shape)
}

function generate(shape: Shape): void {
  if (generation === 'never' || shape.names.length > GENERATED_NAMES_MAX) return
  const names = shape.names.map((name) => JSON.stringify(name))
  try {
    const puts = names.map((name) => `put(object[${name}])`).join('\n')
    const visit = new Function('object', 'put', puts)
    // Computed names are slow, but the only way to say __proto__ and mean a field.
    const fields = names
      .map((name) => (name === '"__proto__"' ? `[${name}]: take()` : `${name}: take()`))
      .join(', ')
    const make = new Function('take', `return { ${fields} }`)
    shape.visit = visit as Shape['visit']
    shape.make = make as Shape['make']
  } catch {
    generation = 'never'
  }
}
