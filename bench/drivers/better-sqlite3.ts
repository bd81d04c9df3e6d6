// bench/drivers/better-sqlite3.ts — SQLite by its quickest binding.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { Driver, OpenOptions } from '../shape.ts'
import { configure, GET, PUT, RANGE, SqliteStore } from '../sqlite.ts'

export const betterSqlite3: Driver = {
  name: 'better-sqlite3',
  package: 'better-sqlite3',
  logFiles: /-wal$/,
  open(path: string, options: OpenOptions) {
    mkdirSync(path, { recursive: true })
    const db = new Sqlite(join(path, 'data.db'))
    configure(db, options)
    const put = db.prepare(PUT)
    const get = db.prepare(GET).pluck()
    const range = db.prepare(RANGE).raw()
    const statements = {
      put: (key: string, value: unknown) => put.run(key, value),
      get: (key: string) => get.get(key),
      all: (from: string, limit: number) => range.all(from, limit),
      iterate: (from: string, limit: number) => range.iterate(from, limit),
      entryOf: (row: unknown) => row as readonly [string, unknown],
    }
    const asOne = db.transaction((body: () => void) => body())
    return Promise.resolve(new SqliteStore(path, db, statements, options, asOne))
  },
}
