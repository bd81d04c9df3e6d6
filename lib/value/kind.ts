// lib/value/kind.ts — which objects are values, and the form each is stored in.
//
// An object is what it is inside, not what it calls itself: a Date of another realm is a Date, an imitation is
// not. What keeps its content where no field shows it (a RegExp, a Promise, a URL) would come back as `{}`, so it
// is refused by name instead. Instances of everybody's own classes are objects: their own enumerable fields.
import { types } from 'node:util'

import { viewNumber } from './tags.ts'

export const KIND_OBJECT = 0
export const KIND_ARRAY = 1
export const KIND_DATE = 2
export const KIND_VIEW = 3
export const KIND_MAP = 4
export const KIND_SET = 5
export const KIND_BUFFER = 6
/** Not a value: refusedName() says what it is. */
export const KIND_NONE = 7

const ObjectPrototype = Object.prototype
// Prototypes of classes that were looked at already, and whose instances are objects.
const plain = new WeakSet<object>()

export function kindOf(value: object): number {
  if (Array.isArray(value)) return KIND_ARRAY
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === ObjectPrototype || prototype === null) return KIND_OBJECT
  if (plain.has(prototype as object)) return KIND_OBJECT
  if (ArrayBuffer.isView(value)) {
    return viewNumber(value) === undefined || isDetached(value.buffer) ? KIND_NONE : KIND_VIEW
  }
  if (types.isDate(value)) return KIND_DATE
  if (types.isMap(value)) return KIND_MAP
  if (types.isSet(value)) return KIND_SET
  if (types.isArrayBuffer(value)) return isDetached(value) ? KIND_NONE : KIND_BUFFER
  if (refusedName(value) !== undefined) return KIND_NONE
  if (isOfThisRealm(prototype as object)) plain.add(prototype as object)
  return KIND_OBJECT
}

/** Whether its own fields are what it holds. */
export const isObject = (value: object): boolean => kindOf(value) === KIND_OBJECT

// Only where the whole chain is known can the next instance be no built-in.
function isOfThisRealm(prototype: object): boolean {
  let last = prototype
  for (let next = last; next !== null; next = Object.getPrototypeOf(next) as object) last = next
  return last === ObjectPrototype
}

/** Whether the memory has been given away: it would be stored as if it were empty. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false
  try {
    return new Uint8Array(buffer).length !== 0
  } catch {
    return true
  }
}

// The classes of the platform, by the objects that they are properties of. The names are taken once, so that a
// class put there later is somebody's own; reading all would load what nobody uses.
const platform = new Set([...Object.getOwnPropertyNames(globalThis), 'Float16Array'])
const NAMESPACES = ['Intl', 'WebAssembly', 'Temporal']

function platformName(prototype: object): string | undefined {
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof maker !== 'function' || maker === Object || typeof maker.name !== 'string') return
  const name = maker.name
  if (platform.has(name) && Reflect.get(globalThis, name) === maker) return name
  for (const home of NAMESPACES) {
    const namespace: unknown = platform.has(home) ? Reflect.get(globalThis, home) : undefined
    if (typeof namespace !== 'object' || namespace === null) continue
    if (Reflect.getOwnPropertyDescriptor(namespace, name)?.value === maker) return `${home}.${name}`
  }
  return undefined
}

const Iterators: unknown = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()))

/** What an object is that is no value, or undefined if it is one. */
export function refusedName(value: object): string | undefined {
  if (ArrayBuffer.isView(value)) return isDetached(value.buffer) ? 'detached view' : 'Float16Array'
  if (types.isArrayBuffer(value)) return 'detached ArrayBuffer'
  for (
    let prototype = Object.getPrototypeOf(value) as object | null;
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype) as object | null
  ) {
    if (prototype === Iterators) return 'Iterator'
    const name = platformName(prototype)
    if (name !== undefined) return STORED.test(name) ? imitated(value, name) : name
  }
  return brandOf(value)
}

// It has the prototype of what could be stored, but is none inside.
const STORED = /^(?:Date|Map|Set|DataView|\w*Array|ArrayBuffer)$/
const imitated = (value: object, name: string): string =>
  `${types.isProxy(value) ? 'Proxy' : 'imitation'} of a ${name}`

// What another realm made has another realm's prototypes.
function brandOf(value: object): string | undefined {
  if (types.isRegExp(value)) return 'RegExp'
  if (types.isNativeError(value)) return 'Error'
  if (types.isPromise(value)) return 'Promise'
  if (types.isWeakMap(value)) return 'WeakMap'
  if (types.isWeakSet(value)) return 'WeakSet'
  if (types.isSharedArrayBuffer(value)) return 'SharedArrayBuffer'
  if (types.isBoxedPrimitive(value)) return 'boxed primitive'
  if (types.isGeneratorObject(value)) return 'generator'
  if (types.isMapIterator(value) || types.isSetIterator(value)) return 'Iterator'
  return types.isExternal(value) ? 'external' : undefined
}
