// The parts of two rivals that bring no types of their own.
declare module '@nxtedition/rocksdb' {
  export class RocksLevel {
    constructor(path: string, options: object)
    open(): Promise<void>
  }
}
declare module 'better-sqlite3' {
  interface Statement {
    run(...values: unknown[]): unknown
    get(...values: unknown[]): unknown
    all(...values: unknown[]): unknown[]
    raw(): Statement
    pluck(): Statement
    iterate(...values: unknown[]): IterableIterator<unknown>
  }
  export interface Database {
    exec(sql: string): unknown
    prepare(sql: string): Statement
    transaction<A extends unknown[]>(body: (...values: A) => void): (...values: A) => void
    close(): void
  }
  const constructor: new (path: string) => Database
  export { constructor as default }
}
// What Node's Buffer has had since ever, and its types do not say.
interface Buffer {
  latin1Slice(begin: number, end: number): string
  latin1Write(text: string, offset: number): number
}
