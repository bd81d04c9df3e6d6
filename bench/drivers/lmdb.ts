// bench/drivers/lmdb.ts — lmdb-js: puts gathered into one transaction per event turn, msgpackr with shared
// structures for documents. Without fsync it runs with noSync; with it, a put counts once `flushed` settles.
import { open } from 'lmdb'
import type { Driver, OpenOptions, Store, Value } from '../shape.ts'

const ENCODINGS = { string: 'string', bytes: 'binary', value: 'msgpack' } as const
type Database = ReturnType<typeof open<Value, string>>

class LmdbStore implements Store {
  readonly #db: Database
  readonly #isDurable: boolean
  constructor(db: Database, isDurable: boolean) {
    this.#db = db
    this.#isDurable = isDurable
  }
  put(key: string, value: Value): Promise<unknown> {
    const visible = this.#db.put(key, value)
    return this.#isDurable ? visible.then(() => this.#db.flushed) : visible
  }
  batch(keys: readonly string[], values: readonly Value[]): Promise<unknown> {
    const visible = this.#db.batch(() => {
      keys.forEach((key, i) => void this.#db.put(key, values[i] ?? ''))
    })
    return this.#isDurable ? visible.then(() => this.#db.flushed) : visible
  }
  get(key: string) {
    return this.#db.get(key)
  }
  getMany(keys: readonly string[]) {
    return keys.map((key) => this.#db.get(key))
  }
  // Its getMany prefetches on another thread; with the data in memory the plain get is its faster answer.
  getAsync(key: string) {
    return Promise.resolve(this.#db.get(key))
  }
  range(from: string, limit: number) {
    let count = 0
    for (const { key } of this.#db.getRange({ start: from, limit }))
      if (key !== undefined) count += 1
    return count
  }
  settle() {
    return this.#db.flushed
  }
  close() {
    return this.#db.close()
  }
}

export const lmdb: Driver = {
  name: 'lmdb',
  open(path: string, options: OpenOptions) {
    const isDurable = options.durability === 'disk'
    const db = open<Value, string>({
      path,
      encoding: ENCODINGS[options.encoding],
      noSync: !isDurable,
      sharedStructuresKey: Symbol.for('structures'),
      mapSize: 2 ** 36,
    })
    return Promise.resolve(new LmdbStore(db, isDurable))
  },
}
