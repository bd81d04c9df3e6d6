// lib/value/shape.ts — what objects with the same names in the same order share.
//
// A shape knows its names as they are written, and has a function that visits the fields of an object and one
// that makes an object from fields read in order. Both are generated code once a shape proves common,
// because property access by a constant name is several times as fast; where code generation is forbidden,
// closures do the same.

/** Names that a store has given a number, so that they need not be written with each value. */
export interface Shapes {
  idOf(names: readonly string[]): number | undefined
  namesOf(id: number): readonly string[] | undefined
}

export type CodeGeneration = 'auto' | 'never'

type Fields = Record<string, unknown>

export interface Shape {
  readonly names: readonly string[]
  /** The names run together, as they are written. */
  readonly joined: string
  /** The length of each name as it is written, unless one needs more than a byte. */
  readonly lengths: Uint8Array | undefined
  visit: (object: Fields, put: (value: unknown) => void) => void
  make: (take: () => unknown) => Fields
  uses: number
}

const GENERATED_AFTER_USES = 16
const GENERATED_NAMES_MAX = 64
const CACHED_COUNT_MAX = 1024

let generation: CodeGeneration = 'auto'

/** Whether hot shapes may use `new Function`; 'auto' (the default) uses it where it is allowed. */
export function setCodeGeneration(mode: CodeGeneration): void {
  generation = mode
  cache.clear()
}

const cache = new Map<string, Shape>()

/** The shape of these names, out of the cache or new. */
export function shapeOf(names: readonly string[]): Shape {
  const key = names.join('\0')
  const found = cache.get(key)
  if (found !== undefined && sameNames(found.names, names)) return found
  const shape = newShape(names)
  if (names.length > GENERATED_NAMES_MAX) return shape
  if (cache.size >= CACHED_COUNT_MAX) cache.clear()
  cache.set(key, shape)
  return shape
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

function newShape(names: readonly string[]): Shape {
  const own = Object.freeze([...names])
  return {
    names: own,
    joined: own.join(''),
    lengths: own.some((name) => name.length > 0x7f)
      ? undefined
      : Uint8Array.from(own, (name) => name.length),
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
  if (++shape.uses !== GENERATED_AFTER_USES || generation === 'never') return
  if (shape.names.length > GENERATED_NAMES_MAX) return
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
