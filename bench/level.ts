// bench/level.ts — what the two bindings in the style of `level` share: batches of operations, iterators read
// in pages, and documents packed by msgpackr with shared structures, as lmdb does it.
import { packrOf } from './documents.ts'
import type { Encoding, OpenOptions, Store, Sum, Value, Visit } from './shape.ts'

export interface Level {
  put(key: string, value: unknown, options: object): Promise<unknown>
  get(key: string, options: object): Promise<unknown>
  getSync?: (key: string, options: object) => unknown
  getMany(keys: string[], options: object): Promise<unknown[]>
  batch(operations: object[], options: object): Promise<unknown>
  iterator(options: object): {
    nextv(size: number): Promise<readonly (readonly [string, unknown])[]>
    close(): Promise<unknown>
  }
  compactRange?: (start: string, end: string) => Promise<unknown>
  close(): Promise<unknown>
}

interface Codec {
  readonly options: { readonly valueEncoding: 'utf8' | 'buffer' }
  encode(value: Value): unknown
  decode(stored: unknown): unknown
}

function codecOf(folder: string, encoding: Encoding): Codec {
  const same = (value: unknown) => value
  if (encoding === 'string')
    return { options: { valueEncoding: 'utf8' }, encode: same, decode: same }
  if (encoding === 'bytes')
    return { options: { valueEncoding: 'buffer' }, encode: same, decode: same }
  const packr = packrOf(folder)
  return {
    options: { valueEncoding: 'buffer' },
    encode: (value) => packr.pack(value),
    decode: (stored) =>
      stored instanceof Uint8Array ? (packr.unpack(stored) as unknown) : undefined,
  }
}

export class LevelStore implements Store {
  readonly #db: Level
  readonly #codec: Codec
  readonly #write: object
  readonly #isDurable: boolean
  // Keys of transactions under way, and their ends.
  readonly #taken = new Map<string, Promise<unknown>>()
  constructor(folder: string, db: Level, options: OpenOptions) {
    this.#db = db
    this.#codec = codecOf(folder, options.encoding)
    this.#isDurable = options.durability === 'disk'
    this.#write = { ...this.#codec.options, sync: this.#isDurable }
  }
  // The RocksDB binding drops `sync` from a put and honours it in a batch, so a durable put is a batch of one.
  put(key: string, value: Value) {
    if (this.#isDurable) return this.batch([key], [value])
    return this.#db.put(key, this.#codec.encode(value), this.#write)
  }
  batch(keys: readonly string[], values: readonly Value[]) {
    const operations = keys.map((key, i) => ({
      type: 'put',
      key,
      value: this.#codec.encode(values[i] ?? ''),
    }))
    return this.#db.batch(operations, this.#write)
  }
  // Emulated: gets and a batch, while no other transaction here has one of its keys. Readers may see what is then overwritten.
  async transact(
    reads: readonly string[],
    writes: readonly string[],
    write: (values: readonly unknown[]) => readonly Value[],
  ) {
    const keys = [...new Set([...reads, ...writes])]
    for (;;) {
      const busy = keys.flatMap((key) => this.#taken.get(key) ?? [])
      if (busy.length === 0) break
      await Promise.all(busy)
    }
    const done = this.#readAndWrite(reads, writes, write)
    for (const key of keys) this.#taken.set(key, done)
    try {
      await done
    } finally {
      for (const key of keys) this.#taken.delete(key)
    }
  }
  async #readAndWrite(
    reads: readonly string[],
    writes: readonly string[],
    write: (values: readonly unknown[]) => readonly Value[],
  ) {
    const [first] = reads
    const read =
      reads.length === 1 && first !== undefined
        ? [await this.get(first)]
        : await this.getMany(reads)
    await this.batch(writes, write(read))
  }
  get(key: string) {
    const { options, decode } = this.#codec
    if (this.#db.getSync !== undefined) return decode(this.#db.getSync(key, options))
    return this.getAsync(key)
  }
  getView(key: string) {
    return this.get(key)
  }
  async getMany(keys: readonly string[]) {
    const found = await this.#db.getMany([...keys], this.#codec.options)
    return found.map((value) => this.#codec.decode(value))
  }
  async getAsync(key: string) {
    try {
      return this.#codec.decode(await this.#db.get(key, this.#codec.options))
    } catch (error) {
      if ((error as { code?: string }).code === 'LEVEL_NOT_FOUND') return undefined
      throw error
    }
  }
  async range(from: string, limit: number, visit?: Visit): Promise<Sum> {
    const cursor = this.#db.iterator({
      gte: from,
      limit,
      highWaterMarkBytes: 1 << 20,
      ...this.#codec.options,
    })
    let count = 0
    let size = 0
    for (;;) {
      const page = await cursor.nextv(1000)
      if (page.length === 0) break
      for (const [key, stored] of page) {
        const value = this.#codec.decode(stored)
        count += 1
        size += (value as string).length
        visit?.(key, value)
      }
    }
    await cursor.close()
    return { count, size }
  }
  settle() {
    return this.#db.compactRange?.('\x00', '\x7f')
  }
  close() {
    return this.#db.close()
  }
}
