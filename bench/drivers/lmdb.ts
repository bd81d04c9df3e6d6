// bench/drivers/lmdb.ts — lmdb-js: puts gathered into one transaction per event turn, msgpackr with shared
// structures for documents. Without fsync it runs with noSync; with it, a put counts once `flushed` settles.
import { open } from 'lmdb'
import type { Driver, OpenOptions, Store, Sum, Value, Visit } from '../shape.ts'

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
  // Its own buffer, overwritten by the next get.
  getView(key: string) {
    return this.#db.getBinaryFast(key)
  }
  getMany(keys: readonly string[]) {
    return keys.map((key) => this.#db.get(key))
  }
  // Its getMany prefetches on another thread; with the data in memory the plain get is its faster answer.
  getAsync(key: string) {
    return Promise.resolve(this.#db.get(key))
  }
  range(from: string, limit: number, visit?: Visit): Sum {
    let count = 0
    let size = 0
    for (const { key, value } of this.#db.getRange({ start: from, limit })) {
      count += 1
      size += (value as string).length
      visit?.(key, value)
    }
    return { count, size }
  }
  // transaction() gathers what is under way into one commit, which nobody waits for who is alone.
  transact(
    reads: readonly string[],
    writes: readonly string[],
    write: (values: readonly unknown[]) => readonly Value[],
    inFlight: number,
  ): unknown {
    const body = () => {
      const values = write(reads.map((key) => this.#db.get(key)))
      writes.forEach((key, i) => void this.#db.put(key, values[i] ?? ''))
    }
    if (inFlight === 1 && !this.#isDurable) return this.#db.transactionSync(body)
    const visible = this.#db.transaction(body)
    return this.#isDurable ? visible.then(() => this.#db.flushed) : visible
  }
  settle() {
    return this.#db.flushed
  }
  close() {
    return this.#db.close()
  }
}

function openLmdb(path: string, options: OpenOptions, cache: boolean): Promise<Store> {
  const isDurable = options.durability === 'disk'
  const db = open<Value, string>({
    path,
    encoding: ENCODINGS[options.encoding],
    noSync: !isDurable,
    sharedStructuresKey: Symbol.for('structures'),
    mapSize: 2 ** 36,
    compression: options.compresses,
    // Its documentation has it, its types do not.
    ...(options.isCold ? { noReadAhead: true } : {}),
    cache,
  })
  return Promise.resolve(new LmdbStore(db, isDurable))
}

export const lmdb: Driver = {
  name: 'lmdb',
  package: 'lmdb',
  open: (path, options) => openLmdb(path, options, false),
}

// With its object cache: objects that were decoded before are handed out again, the same ones.
export const lmdbCached: Driver = {
  name: 'lmdb-cached',
  package: 'lmdb',
  open: (path, options) => openLmdb(path, options, true),
}
