// lib/value/shape.ts — what objects with the same names in the same order share.
//
// A shape knows its names as they are written, and has a function that writes the fields of an object and one that makes an
// object of fields read in order. Both begin as closures, and become generated code (code.ts) once a shape proves common.
//
// The names stand in a head as one run of bytes, the signature, or as the number under which the store keeps the signature
// (shapes.ts). Bytes: FORMAT.md
import type { Plan } from './fields.ts'
import type { Sink } from './sink.ts'
import type { Source } from './source.ts'
import { TAG_OBJECT, TAG_OBJECT_WIDE, TEXT_UNITS_MAX } from './tags.ts'

export type Fields = Record<string, unknown>

export interface Shape {
  readonly names: readonly string[]
  /** The tag, the count of the names, the length of each, and the names. */
  readonly signature: Uint8Array
  /** The first bytes of the signature, four to a number: what is left over has to be compared singly. */
  readonly words: Uint32Array
  /** The number by which the store knows it, or -1. */
  number: number
  write: (object: Fields, sink: Sink, put: (value: unknown) => void) => void
  read: (source: Source, take: () => unknown) => Fields
  writes: number
  reads: number
  /** What fields were asked for. */
  readonly plans: Plan[]
}

export function newShape(names: readonly string[]): Shape {
  const signature = signatureOf(names)
  const view = new DataView(signature.buffer)
  const wordAt = (_: unknown, index: number) => view.getUint32(4 * index, true)
  return {
    names,
    signature,
    words: Uint32Array.from({ length: signature.length >> 2 }, wordAt),
    number: -1,
    write: (object, _, put) => {
      for (const name of names) put(object[name])
    },
    read: (_, take) => {
      const object: Fields = {}
      for (const name of names) setField(object, name, take())
      return object
    },
    writes: 0,
    reads: 0,
    plans: [],
  }
}

export function setField(object: Fields, name: string, value: unknown): void {
  if (name === '__proto__') {
    const field = { value, writable: true, enumerable: true, configurable: true }
    Object.defineProperty(object, name, field)
  } else {
    object[name] = value
  }
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
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

/** The names of a signature that lies alone in `bytes`; undefined when they are none. */
export function namesOf(bytes: Uint8Array): string[] | undefined {
  const counts: number[] = []
  let at = 1
  for (let value = 0, scale = 1; at < bytes.length && counts.length <= (counts[0] ?? 1); at++) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * scale
    scale *= 0x80
    if (byte >= 0x80) continue
    counts.push(value)
    value = 0
    scale = 1
  }
  const [count, ...lengths] = counts
  if (count === undefined || lengths.length !== count) return undefined
  return cutNames(bytes.subarray(at), lengths, bytes[0] === TAG_OBJECT_WIDE)
}

/** Names out of their run, which must have exactly their lengths. */
export function cutNames(
  run: Uint8Array,
  lengths: readonly number[],
  isWide: boolean,
): string[] | undefined {
  const units = lengths.reduce((sum, length) => sum + length, 0)
  if (units > TEXT_UNITS_MAX || run.length !== (isWide ? 2 * units : units)) return undefined
  const bytes = Buffer.from(run.buffer, run.byteOffset, run.length)
  const joined = bytes.toString(isWide ? 'utf16le' : 'latin1')
  let unit = 0
  return lengths.map((length) => joined.slice(unit, (unit += length)))
}
