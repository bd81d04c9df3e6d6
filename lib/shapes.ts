// lib/shapes.ts — where a store keeps the names of its objects: numbers to signatures, in keyspaces of its own.
//
// There are two, at both ends of all keys, so that no one damaged block takes the names of every object of a store. The first
// decides who has a number, by a write that nobody may have been ahead of; the second is asked where the first fails.
//
// A signature is stored as a text, a unit for each byte: texts come as answers and leave no trace in memory that others are
// reading. For this is asked while values lie in the scratch: only its registers and the start of its key are used, and put
// back as they were.
// Bytes: native/layer/KEYSPACE.md, lib/value/FORMAT.md
import { encodeKey } from './key.ts'
import { ABSENT, KEY_AT, lastError, type NativeLevel, scratch, SEEN } from './native.ts'
import type { NativeStore } from './native.ts'
import type { ShapeStore } from './value.ts'

const FIRST_PREFIX = Uint8Array.of(0x12)
const SECOND_PREFIX = Uint8Array.of(0xf0)

export class StoredShapes implements ShapeStore {
  readonly #native: NativeStore
  #levels: readonly [NativeLevel, NativeLevel] | undefined

  constructor(native: NativeStore) {
    this.#native = native
  }

  read(number: number): Uint8Array | undefined {
    return scratch.aside(() => {
      const [first, second] = this.#opened()
      const there = read(first, number)
      if (there instanceof Uint8Array) return there
      const failure = there === ABSENT ? undefined : lastError()
      const copy = read(second, number)
      if (copy instanceof Uint8Array) return copy
      if (failure !== undefined) throw failure
      if (copy !== ABSENT) throw lastError()
      return undefined
    })
  }

  write(number: number, signature: Uint8Array): boolean {
    return scratch.aside(() => {
      const [first, second] = this.#opened()
      if (read(first, number) !== ABSENT) return false
      const since = scratch.f64[SEEN] ?? 0
      const text = Buffer.from(signature).toString('latin1')
      if (first.putIf(placeKey(number), text, -1, since) < 0) return false
      second.put(placeKey(number), text, -1)
      return true
    })
  }

  #opened(): readonly [NativeLevel, NativeLevel] {
    this.#levels ??= [this.#level(FIRST_PREFIX), this.#level(SECOND_PREFIX)]
    return this.#levels
  }

  #level(prefix: Uint8Array): NativeLevel {
    scratch.bytes.set(prefix, KEY_AT)
    const level = this.#native.level(prefix.length)
    if (typeof level === 'number') throw lastError()
    return level
  }
}

const placeKey = (number: number): number => encodeKey(number, 'number', scratch.key, 0)

// The signature, or ABSENT, or another answer below zero. What is no text is no signature.
function read(level: NativeLevel, number: number): Uint8Array | number {
  const answer = level.get(placeKey(number), 0, 1)
  if (typeof answer === 'string') return Buffer.from(answer, 'latin1')
  return answer < 0 ? answer : new Uint8Array(0)
}
