// lib/collection/byte-writer.ts — bytes gathered one after the other: queries and definitions. Little-endian; a count is seven bits to a byte.
const FIRST_BYTES = 256

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #size = 0

  #room(size: number): number {
    const at = this.#size
    this.#size += size
    if (this.#size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#size, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }

  byte(value: number): void {
    const at = this.#room(1)
    this.#bytes[at] = value
  }

  count(value: number): void {
    let left = value
    while (left >= 0x80) {
      this.byte((left % 0x80) | 0x80)
      left = Math.floor(left / 0x80)
    }
    this.byte(left)
  }

  float(value: number): void {
    const at = this.#room(8)
    this.#view.setFloat64(at, value, true)
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  sized(bytes: Uint8Array): void {
    this.count(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    this.sized(Buffer.from(text))
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size)
  }
}
