// lib/collection/byte-reader.ts — bytes taken off one after the other: definitions and descriptions, as byte-writer.ts writes them.
//
// Invariants
//   - What lies beyond the end is CORRUPT, and so are a count of more than 35 bits and a text that is not UTF-8.
import { VarveError } from '../errors.ts'

const COUNT_SCALE_MAX = 2 ** 28

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #name: string
  #at = 0

  /** `name` is what messages call it. */
  constructor(bytes: Uint8Array, name: string) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#name = name
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  corrupt(what: string): VarveError {
    return new VarveError('CORRUPT', `${this.#name}: ${what}`)
  }

  #move(size: number): number {
    if (size > this.#bytes.length - this.#at) throw this.corrupt('cut short')
    const from = this.#at
    this.#at += size
    return from
  }

  byte(): number {
    return this.#bytes[this.#move(1)] as number
  }

  /** The lowest bits of a byte, whose others must not be set. */
  flags(known: number): readonly boolean[] {
    const flags = this.byte()
    if (flags >= 1 << known) throw this.corrupt('unknown flags')
    return Array.from({ length: known }, (_, bit) => (flags & (1 << bit)) !== 0)
  }

  count(): number {
    let value = 0
    for (let scale = 1; scale <= COUNT_SCALE_MAX; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw this.corrupt('no count')
  }

  float(): number {
    return this.#view.getFloat64(this.#move(8), true)
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#move(8), true)
  }

  sized(): Uint8Array {
    const size = this.count()
    const from = this.#move(size)
    return this.#bytes.slice(from, from + size)
  }

  text(): string {
    const bytes = this.sized()
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw this.corrupt('a text that is not UTF-8')
    }
  }

  list<T>(read: () => T): T[] {
    const count = this.count()
    if (count > this.#bytes.length - this.#at) throw this.corrupt('a count beyond its end')
    return Array.from({ length: count }, read)
  }

  /** What stands at the place of a byte. */
  oneOf<T>(all: readonly (T | undefined)[], what: string): T {
    const one = all[this.byte()]
    if (one === undefined) throw this.corrupt(`unknown ${what}`)
    return one
  }
}
