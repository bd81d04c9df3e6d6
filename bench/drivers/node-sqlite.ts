// bench/drivers/node-sqlite.ts — the SQLite built into Node since 22: nothing is loaded to open it.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Driver, OpenOptions } from '../shape.ts'
import { configure, GET, PUT, RANGE, SqliteStore } from '../sqlite.ts'

interface Statement {
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown[]
  iterate(...values: unknown[]): Iterable<unknown>
}
interface Builtin {
  readonly DatabaseSync: new (path: string) => {
    exec(sql: string): void
    prepare(sql: string): Statement
    close(): void
  }
}
interface Pair {
  readonly k: string
  readonly v: unknown
}

export const nodeSqlite: Driver = {
  name: 'node-sqlite',
  logFiles: /-wal$/,
  async open(path: string, options: OpenOptions) {
    // The types of Node 20 do not know it.
    const name: string = 'node:sqlite'
    const { DatabaseSync } = (await import(name)) as Builtin
    mkdirSync(path, { recursive: true })
    const db = new DatabaseSync(join(path, 'data.db'))
    configure(db, options)
    const put = db.prepare(PUT)
    const get = db.prepare(GET)
    const range = db.prepare(RANGE)
    const statements = {
      put: (key: string, value: unknown) => put.run(key, value),
      get: (key: string) => (get.get(key) as Pair | undefined)?.v,
      all: (from: string, limit: number) => range.all(from, limit),
      iterate: (from: string, limit: number) => range.iterate(from, limit),
      entryOf: (row: unknown) => [(row as Pair).k, (row as Pair).v] as const,
    }
    const asOne = (body: () => void) => {
      db.exec('BEGIN')
      body()
      db.exec('COMMIT')
    }
    return new SqliteStore(path, db, statements, options, asOne)
  },
}
