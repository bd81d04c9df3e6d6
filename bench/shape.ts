// bench/shape.ts — the one shape behind which every store is measured, and the shape of a workload.
//
// A method may answer at once or by a promise, as the store itself does; the harness awaits only promises, so
// that no store pays for a turn of the event loop it does not need.

export type Durability = 'os' | 'disk'
export type Encoding = 'string' | 'bytes' | 'value'
export type Value = string | Uint8Array | object
export type Maybe<T> = T | Promise<T>

export interface OpenOptions {
  readonly encoding: Encoding
  readonly durability: Durability
  // What a cache of the store's own may hold; a store that lives in the page cache ignores it.
  readonly memoryBytes: number
}

export interface Store {
  put(key: string, value: Value): Maybe<unknown>
  batch(keys: readonly string[], values: readonly Value[]): Maybe<unknown>
  get(key: string): Maybe<unknown>
  getMany(keys: readonly string[]): Maybe<readonly unknown[]>
  getAsync(key: string): Promise<unknown>
  // Reads entries in order from `from` on, each made as key and value; how many there were.
  range(from: string, limit: number): Maybe<number>
  // Puts everything in its final place: what the store offers as compaction or checkpoint.
  settle(): Maybe<unknown>
  close(): Maybe<unknown>
}

export interface Driver {
  readonly name: string
  open(path: string, options: OpenOptions): Promise<Store>
}

export interface Context {
  readonly driver: Driver
  readonly path: string
  readonly keyCount: number
  readonly round: number
  readonly store: Store
  // Starts the clocks again: called when keys and values are made, so that only the store is measured.
  begin(): void
  // Opens this driver's store again, or one of the workload's own at another path.
  open(path: string, options?: Partial<OpenOptions>): Promise<Store>
}

// `operations` of a rate, or a figure of its own (milliseconds, a ratio), of which less is better.
export type Measured = { readonly operations: number } | { readonly figure: number }

export interface Workload {
  readonly name: string
  readonly title: string
  readonly target: string
  // What is divided by: CPU seconds of all threads, wall time, or nothing because the figure stands alone.
  readonly per: 'cpu' | 'wall' | 'figure'
  readonly unit?: string
  readonly options?: Partial<OpenOptions>
  // 'filled': the store holds keyCount keys, kept between rounds; 'empty': a new one each round.
  readonly begins: 'filled' | 'empty' | 'none'
  readonly keyCount?: number
  run(context: Context): Promise<Measured>
}
