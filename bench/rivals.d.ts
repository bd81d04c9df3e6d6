// The parts of three rivals that bring no types of their own.
declare module '@nxtedition/rocksdb' {
  export class RocksLevel {
    constructor(path: string, options: object)
    open(): Promise<void>
  }
}
declare module 'rbush' {
  interface BBox {
    readonly minX: number
    readonly minY: number
    readonly maxX: number
    readonly maxY: number
  }
  class RBush<T> {
    toBBox(item: T): BBox
    compareMinX(a: T, b: T): number
    compareMinY(a: T, b: T): number
    load(items: readonly T[]): this
    insert(item: T): this
    remove(item: T): this
    search(box: BBox): T[]
    clear(): this
  }
  export { RBush as default }
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
