// bench/shape.ts — the one shape behind which every store is measured, and the shape of a workload.
//
// A method may answer at once or by a promise, as the store itself does; the harness awaits only promises, so
// that no store pays for a turn of the event loop it does not need.

import type { PlotPlace } from './plot.ts'

export type Durability = 'os' | 'disk'
export type Encoding = 'string' | 'bytes' | 'value'
export type Value = string | Uint8Array | object
export type Maybe<T> = T | Promise<T>

export interface OpenOptions {
  readonly encoding: Encoding
  readonly durability: Durability
  // What a cache of the store's own may hold; a store that lives in the page cache ignores it.
  readonly memoryBytes: number
  readonly compresses: boolean
  // Nothing leaves the log before memory is full: for measuring what opening makes of a long log.
  readonly keepsLog: boolean
  // Most reads will miss: reading ahead is a waste.
  readonly isCold: boolean
  // Of ours: how its data rests. The driver `varve-lsm` takes no other than its own.
  readonly engine: 'lsm' | 'memory' | 'bitcask' | 'btree'
}

// Of a range: how many entries, and the lengths of their values together, so that each value was made.
export interface Sum {
  readonly count: number
  readonly size: number
}
export type Visit = (key: string, value: unknown) => void

export interface Store {
  put(key: string, value: Value): Maybe<unknown>
  batch(keys: readonly string[], values: readonly Value[]): Maybe<unknown>
  get(key: string): Maybe<unknown>
  // Bytes that the next call may overwrite; what the store has of that kind, else get().
  getView(key: string): Maybe<unknown>
  getMany(keys: readonly string[]): Maybe<readonly unknown[]>
  getAsync(key: string): Promise<unknown>
  // Reads entries in order from `from` on, each made as key and value.
  range(from: string, limit: number, visit?: Visit): Maybe<Sum>
  // One transaction: reads some keys and writes others, with what `write` makes of what was read. `inFlight` tells how many are under
  // way at a time, for those who have a quicker way for one. A store without transactions has them emulated.
  transact(
    reads: readonly string[],
    writes: readonly string[],
    write: (values: readonly unknown[]) => readonly Value[],
    inFlight: number,
  ): Maybe<unknown>
  // Puts everything in its final place: what the store offers as compaction or checkpoint.
  settle(): Maybe<unknown>
  // Until all that was written is on the disk and where it is read, in whatever form; where that is less than settle().
  rest?(): Maybe<unknown>
  // Goes on with another engine, where there are several.
  convert?(engine: 'lsm' | 'bitcask' | 'btree' | 'memory'): Promise<void>
  // What the store says of its engine, if it says anything.
  engineStats?(): Readonly<Record<string, unknown>>
  close(): Maybe<unknown>
}

export interface Driver {
  readonly name: string
  // The npm package that is measured, if it is one.
  readonly package?: string
  // The files of its log, if it has one.
  readonly logFiles?: RegExp
  open(path: string, options: OpenOptions): Promise<Store>
}

// What was spent on a timed part: CPU seconds of all threads, and wall time.
export interface Lap {
  readonly cpuSeconds: number
  readonly wallSeconds: number
}

export interface Context {
  // Who is measured: the name of a driver, or of a codec.
  readonly contestant: string
  readonly path: string
  readonly keyCount: number
  // Seeds whatever is random; never that of another round or of the warm-up.
  readonly round: number
  // The store, opened as the workload's `begins` says; with 'closed' and 'none' there is none.
  readonly store: Store
  readonly driver: Driver
  readonly options: OpenOptions
  // `whole` operations, or fewer in a warm-up and with --quick; a multiple of `unit`.
  count(whole: number, unit?: number): number
  // Runs the timed part. What is made before and checked after costs nothing.
  time(body: () => Promise<void>): Promise<Lap>
  // Lets this process have so much more memory than it has now, pages of files included; fails if it cannot.
  limit(bytes: number): void
  // Opens this driver's store again, or one of the workload's own at another path.
  open(path: string, options?: Partial<OpenOptions>): Promise<Store>
}

// `operations` of a rate, or the figures of the rows by name.
export type Outcome =
  | { readonly operations: number; readonly lap: Lap }
  | { readonly figures: Readonly<Record<string, number>> }

export type Target =
  // At least so many times the best rival, or the one named.
  | { readonly times: number; readonly of?: string }
  // At least this share of what bare system calls reach: Workload.floor.
  | { readonly floorShare: number }
  // Our figure alone.
  | { readonly atMost: number }
  | { readonly atLeast: number }

export interface Row {
  readonly name: string
  readonly title: string
  // What is divided by: CPU seconds of all threads, wall time, or nothing because the figure stands alone.
  readonly per: 'cpu' | 'wall' | 'figure'
  // Of a figure: '' when it has none.
  readonly unit?: string
  // Rates are better when more; figures when less, unless they say so.
  readonly isMoreBetter?: boolean
  readonly targets: readonly Target[]
  // Where --plot draws it.
  readonly plot?: PlotPlace
}

export interface Workload {
  readonly name: string
  readonly rows: readonly Row[]
  // Against whom; by default all four.
  readonly rivals?: readonly string[]
  readonly options?: Partial<OpenOptions>
  // 'filled': a store of keyCount keys that was settled and cleanly closed is opened; 'closed': its copy lies there, not
  // opened; 'empty': a new store is opened; 'none': the rest is the workload's matter.
  readonly begins: 'filled' | 'closed' | 'empty' | 'none'
  // What is compared: stores, unless it says codecs, or indexes on their own.
  readonly contest?: 'stores' | 'codecs' | 'kernels'
  // Of 'filled': what is filled is copied first, so that the next row finds it as it was.
  readonly writes?: boolean
  readonly keyCount?: number
  // With --quick; by default 50,000 or fewer.
  readonly quickKeyCount?: number
  // Runs before the timed one in the same process; by default 1.
  readonly warmUps?: number
  // At most so many rounds, for what takes minutes.
  readonly roundsMax?: number
  readonly quickRoundsMax?: number
  // The child is put where its memory can be limited; without such a place the row is not run.
  readonly needsLimit?: boolean
  // Why the row cannot be measured with so many keys, or here.
  unable?(keyCount: number): string | undefined
  run(context: Context): Promise<Outcome>
  // The same by bare system calls, for Target.floorShare.
  floor?(context: Context): Promise<Outcome>
}

// A workload of one row.
export function alone(row: Row, rest: Omit<Workload, 'name' | 'rows'>): Workload {
  return { name: row.name, rows: [row], ...rest }
}
