// lib/store.ts — the open store: reads answer at once, writes are visible when the call returns and settle when they are as
// durable as was asked.
import { resolve } from 'node:path'

import {
  type AnyEncoding,
  type Encoding,
  encoded,
  encoding,
  encodingOf,
  type ValueOf,
  writeKey,
  writeValue,
} from './encoding.ts'
import { invalid, VarveError, within } from './errors.ts'
import { encodeKey, type Key } from './key.ts'
import {
  ABSENT,
  addon,
  COMMIT,
  DATA_AT,
  errorOf,
  FAILED,
  GROW,
  HEAD_BYTES,
  KEY_AT,
  KIND,
  lastError,
  type NativeLevel,
  type NativeStore,
  NEEDED_BYTES,
  scratch,
  VIEW,
  WOULD_BLOCK,
} from './native.ts'
import {
  type CheckedOpen,
  checkBounds,
  checkOpen,
  checkRange,
  checkSublevel,
  checkWrite,
  DURABILITY_NAMES,
  type Logger,
  type OpenOptions,
  type OpenSettings,
  type RangeOptions,
  type SublevelOptions,
  type WriteOptions,
} from './options.ts'
import {
  getManyAtOnce,
  getManyTexts,
  placeBounds,
  planOf,
  Range,
  type RangeSource,
} from './range.ts'
import { type Damage } from './repair.ts'
import { type Receipt, Settling } from './settling.ts'

/** The types of a keyspace: `open<{ key: string; value: User }>(…)`. */
export interface Types {
  readonly key: Key
  readonly value: unknown
}

/** A keyspace of every key; of every value unless its encoding says which. */
export interface Entry<V = unknown> {
  readonly key: Key
  readonly value: V
}

export type BatchOperation<T extends Types> =
  | { readonly type: 'put'; readonly key: T['key']; readonly value: T['value'] }
  | { readonly type: 'delete'; readonly key: T['key'] }

export interface RecoveryReport {
  readonly created: boolean
  /** The last close was a clean one. */
  readonly clean: boolean
  /** Commits that were read back from the log. */
  readonly replayedCommits: number
  /** Records that never reached the disk whole, and were dropped. */
  readonly cutRecords: number
  readonly lastCommit: number
  /** With `damaged: 'serve'`: what is not whole and can't be read. */
  readonly lost: readonly Damage[]
}

export interface Events {
  /** The log or a background worker failed: writing has stopped, reads go on. */
  readonly error: VarveError
}

/** What one opening has, shared by its keyspaces and snapshots. */
class Opening {
  readonly native: NativeStore
  readonly settling: Settling
  readonly durability: number
  readonly commitBytesMax: number
  readonly durabilityMax: number
  readonly listeners = new Map<string, Set<(event: never) => void>>()
  isClosed = false
  /** A batch is being gathered: there is one room for it, and its operations may have getters. */
  isGathering = false
  works = 0
  #reported = false

  constructor(native: NativeStore, checked: CheckedOpen) {
    this.native = native
    this.durability = checked.durability
    this.durabilityMax = checked.durabilityMax
    this.commitBytesMax = Math.floor(checked.memory / 4)
    this.settling = new Settling(native)
  }

  progress(logger: Logger | undefined): void {
    if (this.isClosed) return
    this.settling.progress()
    if (this.#reported || this.native.progress() >= 0) return
    this.#reported = true
    const error = lastError()
    logger?.error?.(error.message)
    for (const listener of this.listeners.get('error') ?? [])
      (listener as (e: VarveError) => void)(error)
  }

  check(): void {
    if (this.isClosed) throw new VarveError('CLOSED', 'the store is closed')
    if (encoding.underWay) {
      throw new VarveError(
        'INVALID',
        'nothing may use a store while a key or value is encoded or decoded',
      )
    }
  }

  /** A slow call: counted, so that closing waits for it. */
  async work(run: () => Promise<unknown>): Promise<void> {
    this.check()
    this.works++
    try {
      await run()
    } catch (cause) {
      throw errorOf(cause)
    } finally {
      this.works--
    }
  }
}

/** Reading one keyspace, as of now or of a held commit. */
abstract class Reading<T extends Types> {
  protected readonly opening: Opening
  protected readonly level: NativeLevel
  protected readonly encoding: Encoding
  protected readonly source: RangeSource

  protected constructor(opening: Opening, level: NativeLevel, encoding: Encoding) {
    this.opening = opening
    this.level = level
    this.encoding = encoding
    this.source = { level, encoding, asOf: () => this.asOf() }
  }

  /** @internal Leaves the commit to read as of in the scratch and answers 1; 0 for the newest. */
  abstract asOf(): number

  /** A string goes over as it is; any other key is encoded into the scratch, and its size goes over. */
  protected key(key: unknown): string | number {
    if (typeof key === 'string') return key
    return writeKey(key)
  }

  /** The value of a key, or undefined. */
  get(key: T['key']): T['value'] | undefined {
    return this.read(key, 1)
  }

  protected read(key: T['key'], mayBlock: number): T['value'] | undefined {
    const asOf = this.asOf()
    const answer = this.level.get(this.key(key), asOf, mayBlock)
    if (typeof answer === 'string') {
      const { u32 } = scratch
      return this.encoding.read(u32[KIND] ?? 0, DATA_AT, u32[HEAD_BYTES] ?? 0, answer)
    }
    if (answer >= 0) return this.encoding.read(scratch.u32[KIND] ?? 0, DATA_AT, answer, '')
    if (answer === ABSENT) return undefined
    if (answer === FAILED) throw lastError()
    if (answer === GROW) scratch.grow((scratch.u32[NEEDED_BYTES] ?? 0) + 64)
    if (answer === WOULD_BLOCK) throw new VarveError('BUSY', 'get: the disk is needed')
    return this.read(key, mayBlock)
  }

  /** The values of many keys, in their order; undefined for absent ones. All are read from one view. */
  getMany(keys: readonly T['key'][]): (T['value'] | undefined)[] {
    const all: readonly unknown[] = checkedKeys(keys)
    this.asOf()
    if (areTexts(all)) return getManyTexts(this.source, all)
    return Array.from(keys, (key, index) => this.#getOf(key, index))
  }

  #getOf(key: T['key'], index: number): T['value'] | undefined {
    try {
      return this.get(key)
    } catch (error) {
      throw within(`keys[${index}]`, error)
    }
  }

  /** Whether a key has a value. */
  has(key: T['key']): boolean {
    return this.version(key) !== undefined
  }

  /** The commit that wrote the value of a key, or undefined. */
  version(key: T['key']): number | undefined {
    const asOf = this.asOf()
    const answer = this.level.has(this.key(key), asOf)
    if (answer === FAILED) throw lastError()
    return answer === ABSENT ? undefined : scratch.f64[COMMIT]
  }

  /** A promise of get(): answered at once from memory, and for cold data without blocking the event loop for others' turns. */
  async getAsync(key: T['key']): Promise<T['value'] | undefined> {
    return this.get(key)
  }

  /** The entries of a range, in the order of their keys. */
  range(options: RangeOptions<T['key']> = {}): Range<[T['key'], T['value']]> {
    checkRange(options)
    return new Range(this.source, planOf(options), 'entries')
  }

  /** The keys of a range; values are not read. */
  keys(options: RangeOptions<T['key']> = {}): Range<T['key']> {
    checkRange(options)
    return new Range(this.source, planOf(options), 'keys')
  }

  /** The values of a range, in the order of their keys. */
  values(options: RangeOptions<T['key']> = {}): Range<T['value']> {
    checkRange(options)
    return new Range(this.source, planOf(options), 'values')
  }

  /** How many entries a range has. */
  count(options: RangeOptions<T['key']> = {}): number {
    checkRange(options)
    const plan = planOf(options)
    const asOf = this.asOf()
    const endBytes = placeBounds(plan)
    const count = this.level.count(plan.begin.length, endBytes, asOf, plan.limit)
    if (count < 0) throw lastError()
    return count
  }
}

function checkedKeys<K>(keys: readonly K[]): readonly K[] {
  if (!Array.isArray(keys)) throw invalid('keys', 'an array of keys', keys)
  return keys
}

function areTexts(keys: readonly unknown[]): keys is readonly string[] {
  for (const key of keys) if (typeof key !== 'string') return false
  return true
}

/** A consistent view that stays as it was when it was taken. Close it when done: it keeps old versions from being dropped. */
export class Snapshot<T extends Types = Entry>
  extends Reading<T>
  implements Disposable, AsyncDisposable
{
  /** The newest commit it shows. */
  readonly commit: number
  #isOpen = true

  /** @internal */
  constructor(opening: Opening, level: NativeLevel, encoding: Encoding, commit: number) {
    super(opening, level, encoding)
    this.commit = commit
    forgotten.register(this, { opening, commit }, this)
  }

  /** @internal */
  asOf(): number {
    this.opening.check()
    if (!this.#isOpen) throw new VarveError('CLOSED', 'the snapshot is closed')
    scratch.f64[VIEW] = this.commit
    return 1
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    forgotten.unregister(this)
    if (!this.opening.isClosed) this.opening.native.release(this.commit)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}

const forgotten = new FinalizationRegistry<{ opening: Opening; commit: number }>(
  ({ opening, commit }) => {
    if (!opening.isClosed) opening.native.release(commit)
  },
)

/** Edits gathered one by one, written as one commit by write(). */
export class Batch<T extends Types> {
  readonly #operations: BatchOperation<T>[] = []
  readonly #write: (
    operations: readonly BatchOperation<T>[],
    options?: WriteOptions,
  ) => Promise<Receipt>

  /** @internal */
  constructor(
    write: (operations: readonly BatchOperation<T>[], options?: WriteOptions) => Promise<Receipt>,
  ) {
    this.#write = write
  }

  get size(): number {
    return this.#operations.length
  }

  put(key: T['key'], value: T['value']): this {
    this.#operations.push({ type: 'put', key, value })
    return this
  }

  delete(key: T['key']): this {
    this.#operations.push({ type: 'delete', key })
    return this
  }

  write(options?: WriteOptions): Promise<Receipt> {
    return this.#write(this.#operations.splice(0), options)
  }
}

/** A keyspace: the store's own, or a sublevel's. */
export class Level<T extends Types = Entry> extends Reading<T> {
  readonly #path: readonly string[]

  /** @internal */
  constructor(opening: Opening, level: NativeLevel, encoding: Encoding, path: readonly string[]) {
    super(opening, level, encoding)
    this.#path = path
  }

  /** @internal */
  asOf(): number {
    this.opening.check()
    return 0
  }

  override getMany(keys: readonly T['key'][]): (T['value'] | undefined)[] {
    const all: readonly unknown[] = checkedKeys(keys)
    const values = areTexts(all) ? getManyAtOnce(this.source, all) : undefined
    if (values !== undefined) return values
    const snapshot = this.snapshot()
    try {
      return snapshot.getMany(keys)
    } finally {
      snapshot.close()
    }
  }

  /** What every write begins with: answers the number of its durability. */
  #admit(options: WriteOptions | undefined): number {
    this.opening.check()
    return checkWrite(options, this.opening.durability, this.opening.durabilityMax)
  }

  /** Runs a write; whatever refuses it rejects the promise, and nothing has changed. */
  #commit(options: WriteOptions | undefined, write: () => number): Promise<Receipt> {
    try {
      const durability = this.#admit(options)
      if (write() < 0) return Promise.reject(lastError())
      return this.#promise(durability, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #promise(durability: number, signal: AbortSignal | undefined): Promise<Receipt> {
    const promise = this.opening.settling.promise(scratch.f64[COMMIT] ?? 0, durability)
    if (signal === undefined) return promise
    return new Promise((resolve, reject) => {
      const abort = () =>
        reject(
          new VarveError('ABORTED', 'write: aborted; the write itself has happened', {
            cause: signal.reason,
          }),
        )
      signal.addEventListener('abort', abort, { once: true })
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    })
  }

  /** The synchronous family: the write has been made, and is waited for here. */
  #waited(durability: number): Receipt {
    const commit = scratch.f64[COMMIT] ?? 0
    if (this.opening.native.waitFor(durability) < 0) throw lastError()
    return { commit, durability: DURABILITY_NAMES[durability] ?? 'disk' }
  }

  #put(key: T['key'], value: T['value']): number {
    writeValue(this.encoding, value, this.opening.commitBytesMax)
    return this.level.put(this.key(key), encoded.value, encoded.headBytes)
  }

  // Put and delete are written out: a closure for each call would be a good part of their cost.
  /** Writes a value under a key; visible at once, settled when it is as durable as was asked. */
  put(key: T['key'], value: T['value'], options?: WriteOptions): Promise<Receipt> {
    try {
      const durability = this.#admit(options)
      if (this.#put(key, value) < 0) return Promise.reject(lastError())
      return this.#promise(durability, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** put(), waited for here. */
  putSync(key: T['key'], value: T['value'], options?: WriteOptions): Receipt {
    const durability = this.#admit(options)
    if (this.#put(key, value) < 0) throw lastError()
    return this.#waited(durability)
  }

  /** Removes a key; an absent one is no error. */
  delete(key: T['key'], options?: WriteOptions): Promise<Receipt> {
    try {
      const durability = this.#admit(options)
      if (this.level.delete(this.key(key)) < 0) return Promise.reject(lastError())
      return this.#promise(durability, options?.signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** delete(), waited for here. */
  deleteSync(key: T['key'], options?: WriteOptions): Receipt {
    const durability = this.#admit(options)
    if (this.level.delete(this.key(key)) < 0) throw lastError()
    return this.#waited(durability)
  }

  /** Deletes a whole range by one edit, however many keys it has. */
  deleteRange(range: RangeOptions<T['key']>, options?: WriteOptions): Promise<Receipt> {
    return this.#commit(options, () => {
      checkBounds(range)
      const plan = planOf(range)
      return this.level.deleteRange(plan.begin.length, placeBounds(plan))
    })
  }

  /** Reads, changes and writes one key; resolves to the new value. A callback that answers undefined deletes it. */
  async update(
    key: T['key'],
    change: (value: T['value'] | undefined) => T['value'] | undefined,
    options?: WriteOptions,
  ): Promise<T['value'] | undefined> {
    if (typeof change !== 'function')
      throw invalid('update', 'a function as its second argument', change)
    const value = change(this.get(key))
    await (value === undefined ? this.delete(key, options) : this.put(key, value, options))
    return value
  }

  /** Several edits as one commit: given as an array, or gathered by `batch().put(…).delete(…).write()`. */
  batch(): Batch<T>
  batch(operations: readonly BatchOperation<T>[], options?: WriteOptions): Promise<Receipt>
  batch(
    operations?: readonly BatchOperation<T>[],
    options?: WriteOptions,
  ): Batch<T> | Promise<Receipt> {
    if (operations === undefined) return new Batch((all, given) => this.batch(all, given))
    return this.#commit(options, () => this.#gather(operations))
  }

  /** batch() of an array, waited for here. */
  batchSync(operations: readonly BatchOperation<T>[], options?: WriteOptions): Receipt {
    const durability = this.#admit(options)
    if (this.#gather(operations) < 0) throw lastError()
    return this.#waited(durability)
  }

  #gather(operations: readonly BatchOperation<T>[]): number {
    if (!Array.isArray(operations)) throw invalid('batch', 'an array of operations', operations)
    if (this.opening.isGathering) throw new VarveError('INVALID', 'batch: within a batch')
    this.opening.isGathering = true
    const { level } = this
    let index = 0
    try {
      for (; index < operations.length; index++) {
        if (this.#add(level, operations[index]) < 0) throw lastError()
      }
    } catch (error) {
      level.batchClear()
      throw within(`batch[${index}]`, error)
    } finally {
      this.opening.isGathering = false
    }
    return level.batchCommit()
  }

  #add(level: NativeLevel, operation: BatchOperation<T> | undefined): number {
    const type: unknown = operation?.type
    if (operation?.type === 'put') {
      const { key, value } = operation // First: getters may use the scratch that value and key go to.
      writeValue(this.encoding, value, this.opening.commitBytesMax)
      return level.batchPut(this.key(key), encoded.value, encoded.headBytes)
    }
    if (operation?.type === 'delete') return level.batchDelete(this.key(operation.key))
    throw invalid('type', "'put' or 'delete'", type)
  }

  /** What this keyspace holds now, kept as it is. */
  snapshot(): Snapshot<T> {
    this.opening.check()
    if (this.opening.native.hold() < 0) throw lastError()
    return new Snapshot<T>(this.opening, this.level, this.encoding, scratch.f64[COMMIT] ?? 0)
  }

  /** A keyspace of its own within this one, with its own types and encoding. Ranges of this level do not show it. */
  sublevel<const E extends AnyEncoding>(
    name: string,
    options: { readonly encoding: E },
  ): Level<Entry<ValueOf<E>>>
  sublevel<S extends Types = Entry>(name: string, options?: SublevelOptions<S['value']>): Level<S>
  sublevel<S extends Types>(name: string, options: SublevelOptions<S['value']> = {}): Level<S> {
    this.opening.check()
    if (typeof name !== 'string' || name === '')
      throw invalid('name', 'the name of a sublevel', name)
    checkSublevel(options)
    const path = [...this.#path, name]
    const id = this.opening.native.sublevelId(encodeKey(path, 'name', scratch.key, 0))
    if (id < 0) throw lastError()
    const prefix = Buffer.alloc(5, 0x11)
    prefix.writeUInt32BE(id === 0 ? 0xffffffff : id, 1)
    return new Level<S>(
      this.opening,
      openLevel(this.opening.native, prefix),
      encodingOf(options.encoding),
      path,
    )
  }
}

function openLevel(native: NativeStore, prefix: Uint8Array): NativeLevel {
  scratch.bytes.set(prefix, KEY_AT)
  const level = native.level(prefix.length)
  if (typeof level === 'number') throw lastError()
  return level
}

const ROOT_PREFIX = Uint8Array.of(0x10)

/** An open store. */
export class Store<T extends Types = Entry>
  extends Level<T>
  implements Disposable, AsyncDisposable
{
  /** What opening found. */
  readonly recovery: RecoveryReport
  readonly path: string

  /** @internal */
  constructor(opening: Opening, path: string, encoding: Encoding) {
    super(opening, openLevel(opening.native, ROOT_PREFIX), encoding, [])
    const { created, clean, replayedCommits, cutRecords, lastCommit } = opening.native
    this.recovery = {
      created: created === 1,
      clean: clean === 1,
      replayedCommits,
      cutRecords,
      lastCommit,
      lost: JSON.parse(opening.native.lost) as Damage[],
    }
    this.path = path
  }

  /** The newest visible commit. */
  get commit(): number {
    this.opening.check()
    return this.opening.native.visible()
  }

  /** Calls `listener` at each event until the function that it returns is called. */
  on<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): () => void {
    if (event !== 'error') throw invalid('event', "'error'", event)
    if (typeof listener !== 'function') throw invalid('listener', 'a function', listener)
    const all = this.opening.listeners.get(event) ?? new Set()
    this.opening.listeners.set(event, all)
    all.add(listener as (event: never) => void)
    return () => all.delete(listener as (event: never) => void)
  }

  /**
   * Resolves when everything written so far is on the disk and rests in the engine. With engine 'memory', a checkpoint is written if that
   * spares the next opening work; without a log, always.
   */
  flush(): Promise<void> {
    return this.opening.work(() => this.opening.native.flush())
  }

  /** flush(), waited for here. */
  flushSync(): void {
    this.opening.check()
    if (this.opening.native.flushSync() < 0) throw lastError()
  }

  /** Rewrites everything at rest to its smallest form; with engine 'memory' and a path, into a new checkpoint. */
  compact(): Promise<void> {
    return this.opening.work(() => this.opening.native.compact())
  }

  /** Sizes and counts of the store, for people and graphs; the names may change. */
  stats(): Readonly<Record<string, unknown>> {
    this.opening.check()
    const json = this.opening.native.stats()
    if (typeof json !== 'string') throw lastError()
    return JSON.parse(json) as Record<string, unknown>
  }

  /** Lets pending writes settle, then closes. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.opening.isClosed) return
    await this.opening.settling.drained()
    while (this.opening.works > 0) await new Promise((resolve) => setImmediate(resolve))
    if (this.opening.isClosed) return
    this.opening.isClosed = true
    await this.opening.native.close().catch((cause: unknown) => {
      throw errorOf(cause)
    })
  }

  /** close(), waited for here; BUSY while a flush or compaction is under way. */
  closeSync(): void {
    if (this.opening.isClosed) return
    if (this.opening.works > 0)
      throw new VarveError(
        'BUSY',
        'closeSync: a flush or compaction is under way; await it, or close()',
      )
    const synced = this.opening.native.waitFor(2)
    const failed = synced < 0 ? lastError() : undefined
    this.opening.settling.progress()
    this.opening.isClosed = true
    if (this.opening.native.closeSync() < 0) throw lastError()
    if (failed !== undefined) throw failed
  }

  [Symbol.dispose](): void {
    this.closeSync()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

interface Prepared<V> {
  readonly path: string
  readonly checked: ReturnType<typeof checkOpen>
  readonly encoding: Encoding
  readonly options: OpenOptions<V>
}

function prepare<V>(path: string, options: OpenOptions<V>): Prepared<V> {
  const checked = checkOpen(path, options as OpenOptions)
  return {
    path: path === ':memory:' ? path : resolve(path),
    checked,
    encoding: encodingOf(options.encoding),
    options,
  }
}

function nativeOptions({ path, checked }: Prepared<unknown>) {
  const directory = path === ':memory:' ? '' : path
  return {
    ...checked,
    directory,
    holder: `process ${process.pid} (${process.title})`,
  }
}

function opened<T extends Types>(
  prepared: Prepared<unknown>,
  native: NativeStore,
  link: { opening?: Opening },
): Store<T> {
  link.opening = new Opening(native, prepared.checked)
  const store = new Store<T>(link.opening, prepared.path, prepared.encoding)
  if (!store.recovery.clean) {
    const { replayedCommits, cutRecords } = store.recovery
    prepared.options.logger?.info?.(
      `varve: ${prepared.path} was not closed: ${replayedCommits} commits read back, ` +
        `${cutRecords} unfinished records dropped`,
    )
  }
  return store
}

/** Opens a store in a directory (made if it is missing), or in memory with ':memory:'. */
export async function open<const E extends AnyEncoding>(
  path: string,
  options: OpenSettings & { readonly encoding: E },
): Promise<Store<Entry<ValueOf<E>>>>
export async function open<T extends Types = Entry>(
  path: string,
  options?: OpenOptions<T['value']>,
): Promise<Store<T>>
export async function open<T extends Types>(
  path: string,
  options: OpenOptions<T['value']> = {},
): Promise<Store<T>> {
  const prepared = prepare(path, options)
  const link: { opening?: Opening } = {}
  try {
    const native = await addon.open(nativeOptions(prepared), () =>
      link.opening?.progress(options.logger),
    )
    return opened<T>(prepared, native, link)
  } catch (cause) {
    throw errorOf(cause)
  }
}

/** open(), waited for here. */
export function openSync<const E extends AnyEncoding>(
  path: string,
  options: OpenSettings & { readonly encoding: E },
): Store<Entry<ValueOf<E>>>
export function openSync<T extends Types = Entry>(
  path: string,
  options?: OpenOptions<T['value']>,
): Store<T>
export function openSync<T extends Types>(
  path: string,
  options: OpenOptions<T['value']> = {},
): Store<T> {
  const prepared = prepare(path, options)
  const link: { opening?: Opening } = {}
  const native = addon.openSync(nativeOptions(prepared), () =>
    link.opening?.progress(options.logger),
  )
  if (typeof native === 'number') throw lastError()
  return opened<T>(prepared, native, link)
}
