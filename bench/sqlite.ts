// bench/sqlite.ts — what the two bindings of SQLite share: a key-value table WITHOUT ROWID, prepared statements,
// write-ahead log, a page cache of the budget; documents packed by msgpackr with shared structures.
import type { Packr } from 'msgpackr'
import { packrOf } from './documents.ts'
import type { OpenOptions, Store, Sum, Value, Visit } from './shape.ts'

export interface Sqlite {
  exec(sql: string): unknown
  close(): unknown
}
// The statements as each binding makes them.
export interface Statements {
  put(key: string, value: unknown): unknown
  get(key: string): unknown
  all(from: string, limit: number): readonly unknown[]
  iterate(from: string, limit: number): Iterable<unknown>
  entryOf(row: unknown): readonly [string, unknown]
}

export const TABLE = 'CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v) WITHOUT ROWID'
export const PUT = 'INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v'
export const GET = 'SELECT v FROM kv WHERE k = ?'
export const RANGE = 'SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?'

export function configure(db: Sqlite, options: OpenOptions): void {
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`PRAGMA synchronous = ${options.durability === 'disk' ? 'FULL' : 'OFF'}`)
  db.exec(`PRAGMA cache_size = -${Math.floor(options.memoryBytes / 1024)}`)
  if (options.keepsLog) db.exec('PRAGMA wal_autocheckpoint = 0')
  db.exec(TABLE)
}

export class SqliteStore implements Store {
  readonly #db: Sqlite
  readonly #statements: Statements
  readonly #packr: Packr | undefined
  readonly #asOne: (body: () => void) => void

  constructor(
    folder: string,
    db: Sqlite,
    statements: Statements,
    options: OpenOptions,
    asOne: (body: () => void) => void,
  ) {
    this.#db = db
    this.#statements = statements
    this.#packr = options.encoding === 'value' ? packrOf(folder) : undefined
    this.#asOne = asOne
  }
  #decode(stored: unknown): unknown {
    if (this.#packr === undefined || !(stored instanceof Uint8Array)) return stored
    return this.#packr.unpack(stored) as unknown
  }
  put(key: string, value: Value) {
    return this.#statements.put(key, this.#packr === undefined ? value : this.#packr.pack(value))
  }
  batch(keys: readonly string[], values: readonly Value[]) {
    this.#asOne(() => keys.forEach((key, i) => this.put(key, values[i] ?? '')))
  }
  get(key: string): unknown {
    return this.#decode(this.#statements.get(key))
  }
  getView(key: string): unknown {
    return this.get(key)
  }
  getMany(keys: readonly string[]) {
    return keys.map((key) => this.get(key))
  }
  getAsync(key: string) {
    return Promise.resolve(this.get(key))
  }
  // all() is its quicker form for a short range; a scan is iterated, so that it need not fit in memory.
  range(from: string, limit: number, visit?: Visit): Sum {
    const { entryOf } = this.#statements
    const rows =
      limit <= 1000 ? this.#statements.all(from, limit) : this.#statements.iterate(from, limit)
    let count = 0
    let size = 0
    for (const row of rows) {
      const [key, stored] = entryOf(row)
      const value = this.#decode(stored)
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
    this.#asOne(() => {
      const values = write(reads.map((key) => this.get(key)))
      writes.forEach((key, i) => this.put(key, values[i] ?? ''))
    })
  }
  settle() {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }
  close() {
    this.#db.close()
  }
}
