// bench/drivers/varve.ts — ours, as a user gets it: the bundle of dist/ over the addon of build/Release.
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import type { Driver, OpenOptions, Store, Sum, Value, Visit } from '../shape.ts'
import { repositoryRoot } from '../place.ts'

interface Transaction {
  get(key: string): unknown
  put(key: string, value: Value): void
}
interface Database {
  put(key: string, value: Value): Promise<unknown>
  get(key: string): unknown
  getMany(keys: readonly string[]): readonly unknown[]
  getAsync(key: string): Promise<unknown>
  batch(operations: readonly { type: 'put'; key: string; value: Value }[]): Promise<unknown>
  range(options: { gte?: string; limit?: number }): Iterable<readonly [string, Value]>
  transaction(fn: (tx: Transaction) => void): Promise<unknown>
  compact(): Promise<unknown>
  convert(engine: string): Promise<void>
  stats(): { readonly engine: Readonly<Record<string, unknown>> }
  flush(): Promise<unknown>
  close(): Promise<unknown>
}
interface Package {
  open(path: string, options: object): Promise<Database>
}

class VarveStore implements Store {
  readonly #db: Database
  constructor(db: Database) {
    this.#db = db
  }
  put(key: string, value: Value) {
    return this.#db.put(key, value)
  }
  batch(keys: readonly string[], values: readonly Value[]) {
    return this.#db.batch(keys.map((key, i) => ({ type: 'put', key, value: values[i] ?? '' })))
  }
  get(key: string) {
    return this.#db.get(key)
  }
  // Ours are always the caller's own.
  getView(key: string) {
    return this.#db.get(key)
  }
  getMany(keys: readonly string[]) {
    return this.#db.getMany(keys)
  }
  getAsync(key: string) {
    return this.#db.getAsync(key)
  }
  range(from: string, limit: number, visit?: Visit): Sum {
    let count = 0
    let size = 0
    for (const [key, value] of this.#db.range({ gte: from, limit })) {
      count += 1
      size += (value as string).length
      visit?.(key, value)
    }
    return { count, size }
  }
  transact(
    reads: readonly string[],
    writes: readonly string[],
    write: (values: readonly unknown[]) => readonly Value[],
  ) {
    return this.#db.transaction((tx) => {
      const values = write(reads.map((key) => tx.get(key)))
      writes.forEach((key, i) => tx.put(key, values[i] ?? ''))
    })
  }
  rest() {
    return this.#db.flush()
  }
  async settle() {
    await this.#db.flush()
    await this.#db.compact()
  }
  convert(engine: 'lsm' | 'bitcask' | 'btree' | 'memory') {
    return this.#db.convert(engine)
  }
  engineStats() {
    return this.#db.stats().engine
  }
  close() {
    return this.#db.close()
  }
}

async function openStore(path: string, options: OpenOptions, engine: OpenOptions['engine']) {
  const href = pathToFileURL(join(repositoryRoot, 'dist', 'index.js')).href
  const { open } = (await import(href)) as Package
  return new VarveStore(
    await open(path, {
      engine,
      durability: options.durability,
      memory: options.memoryBytes,
      encoding: options.encoding,
      compression: options.compresses ? 'fast' : 'none',
    }),
  )
}

export const varve: Driver = {
  name: 'varve',
  logFiles: /\.log$/,
  open: (path, options) => openStore(path, options, options.engine),
}

// Beside another engine of ours.
export const varveLsm: Driver = {
  name: 'varve-lsm',
  logFiles: /\.log$/,
  open: (path, options) => openStore(path, options, 'lsm'),
}
