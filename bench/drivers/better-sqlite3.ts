// bench/drivers/better-sqlite3.ts — SQLite as a key-value table: WITHOUT ROWID, prepared statements, write-ahead
// log, a page cache of the budget; documents packed by msgpackr with shared structures.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite, { type Database } from 'better-sqlite3'
import { Packr } from 'msgpackr'
import type { Driver, OpenOptions, Store, Value } from '../shape.ts'

class SqliteStore implements Store {
  readonly #db: Database
  readonly #packr: Packr | undefined
  readonly #put
  readonly #get
  readonly #range
  readonly #putMany

  constructor(db: Database, options: OpenOptions) {
    this.#db = db
    this.#packr = options.encoding === 'value' ? new Packr({ structures: [] }) : undefined
    this.#put = db.prepare(
      'INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v',
    )
    this.#get = db.prepare('SELECT v FROM kv WHERE k = ?').pluck()
    this.#range = db.prepare('SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?').raw()
    this.#putMany = db.transaction((keys: readonly string[], values: readonly Value[]) => {
      keys.forEach((key, i) => this.put(key, values[i] ?? ''))
    })
  }
  put(key: string, value: Value) {
    return this.#put.run(key, this.#packr === undefined ? value : this.#packr.pack(value))
  }
  batch(keys: readonly string[], values: readonly Value[]) {
    this.#putMany(keys, values)
  }
  get(key: string): unknown {
    const stored = this.#get.get(key)
    return this.#packr !== undefined && stored instanceof Uint8Array
      ? this.#packr.unpack(stored)
      : stored
  }
  getMany(keys: readonly string[]) {
    return keys.map((key) => this.get(key))
  }
  getAsync(key: string) {
    return Promise.resolve(this.get(key))
  }
  // all() is its quicker form for a short range; a scan is iterated, so that it need not fit in memory.
  range(from: string, limit: number) {
    if (limit <= 1000) return this.#range.all(from, limit).length
    let count = 0
    for (const row of this.#range.iterate(from, limit)) if (row !== undefined) count += 1
    return count
  }
  settle() {
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
  }
  close() {
    this.#db.close()
  }
}

export const betterSqlite3: Driver = {
  name: 'better-sqlite3',
  open(path: string, options: OpenOptions) {
    mkdirSync(path, { recursive: true })
    const db = new Sqlite(join(path, 'data.db'))
    db.pragma('journal_mode = WAL')
    db.pragma(`synchronous = ${options.durability === 'disk' ? 'FULL' : 'OFF'}`)
    db.pragma(`cache_size = -${Math.floor(options.memoryBytes / 1024)}`)
    db.exec('CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v) WITHOUT ROWID')
    return Promise.resolve(new SqliteStore(db, options))
  },
}
