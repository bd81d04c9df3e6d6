// lib/store.ts — the open store and its life: opening, care, closing. Its keyspace is reading.ts and writing.ts.
import { resolve } from 'node:path'

import { unlessAborted } from './aborting.ts'
import { dropCollection, openCollection } from './collection/catalog.ts'
import {
  Collection,
  collection,
  type Declaration,
  type Free,
  type Indexes,
  type Marked,
} from './collection/declaration.ts'
import { build, isBuilt } from './collection/building.ts'
import { Documents } from './collection/documents.ts'
import type { AnyTypes } from './collection/reading.ts'
import type { CheckedIndexes, DocumentOf, KeyPath, Schema } from './collection/types.ts'
import { convert } from './convert.ts'
import { type AnyEncoding, type Encoding, encodingOf, type ValueOf } from './encoding.ts'
import { invalid, VarveError } from './errors.ts'
import type { Events, RecoveryReport } from './events.ts'
import { Level, openLevel } from './level.ts'
import { addon, COMMIT, errorOf, lastError, type NativeStore, scratch } from './native.ts'
import { Opening } from './opening.ts'
import {
  checkOpen,
  checkWait,
  type ConvertOptions,
  type EngineName,
  type OpenOptions,
  type OpenSettings,
  type WaitOptions,
} from './options.ts'
import { checkPreparedId, type PreparedTransaction, preparedOf } from './prepared.ts'
import type { Entry, Types } from './reading.ts'
import { type Damage } from './repair.ts'
import { StoredShapes } from './shapes.ts'
import { showAs } from './showing.ts'
import { Shapes } from './value.ts'

const ROOT_PREFIX = Uint8Array.of(0x10)

/** An open store. */
export class Store<T extends Types = Entry>
  extends Level<T>
  implements Disposable, AsyncDisposable
{
  static {
    showAs<Store>(this, 'Store', ({ path, opening }) => ({
      path,
      commit: opening.isClosed ? undefined : opening.native.visible(),
      isOpen: !opening.isClosed,
    }))
  }
  /** What opening found. */
  readonly recovery: RecoveryReport
  readonly path: string
  #closing: Promise<void> | undefined

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

  /**
   * A collection, as declared by collection(). It is made in the store if it is not there. An index that is new is built in the background,
   * and used when it is; `ready()` tells when.
   */
  collection<const C extends AnyTypes & { readonly name: string }>(declared: C): Documents<C>
  /** The same, declared here. */
  collection<
    const Name extends string,
    const K extends KeyPath<DocumentOf<Marked<S, E>>>,
    S extends Schema = Free,
    E extends 'refuse' | 'keep' = 'refuse',
    const X extends Indexes<DocumentOf<Marked<S, E>>> = Record<never, never>,
  >(
    name: Name,
    declaration: Declaration<K, S, X & CheckedIndexes<DocumentOf<Marked<S, E>>, X>, E>,
  ): Documents<Collection<Name, Marked<S, E>, K, X, Record<never, never>>>
  collection(declared: unknown, declaration?: unknown): unknown {
    const one =
      declaration === undefined ? declared : collection(declared as string, declaration as never)
    if (!(one instanceof Collection))
      throw invalid('collection', 'what collection() answers, or a name and a declaration', one)
    const opened = openCollection(this.opening, one)
    // What goes wrong is told by ready().
    if (!isBuilt(opened)) build(opened).catch(() => undefined)
    return new Documents(opened, one.relations)
  }

  /** Drops a collection with all its documents, at once; resolves to whether it was there. */
  drop(which: { readonly name: string }): Promise<boolean> {
    try {
      const wasThere = dropCollection(this.opening, which.name)
      const commit = scratch.f64[COMMIT] ?? 0
      return this.opening.settling.promise(commit, this.opening.durability).then(() => wasThere)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The transactions that are prepared and wait to be ended, also those of earlier openings; or the one of an id. */
  prepared(): PreparedTransaction[]
  prepared(id: string): PreparedTransaction | undefined
  prepared(id?: string): PreparedTransaction[] | PreparedTransaction | undefined {
    const all = preparedOf(this.opening)
    if (id === undefined) return all
    checkPreparedId(id)
    return all.find((one) => one.id === id)
  }

  /** Calls `listener` at each event until the function that it returns is called. */
  on<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): () => void {
    return this.opening.listeners.add(event, listener)
  }

  /**
   * Resolves when everything written so far is on the disk and rests in the engine. With engine 'memory', a checkpoint is written if that
   * spares the next opening work; without a log, always.
   */
  flush(options?: WaitOptions): Promise<void> {
    return this.#care('flush', options, () => this.opening.native.flush())
  }

  /** flush(), waited for here. */
  flushSync(): void {
    this.opening.check()
    if (this.opening.native.flushSync() < 0) throw lastError()
  }

  /** Rewrites everything at rest to its smallest form; with engine 'memory' and a path, into a new checkpoint. */
  compact(options?: WaitOptions): Promise<void> {
    return this.#care('compact', options, () => this.opening.native.compact())
  }

  /**
   * Goes on with another engine: everything is copied behind readers and writers, who go on, and so do snapshots, transactions and feeds.
   * Until the copy is whole the store has the engine it had, also after a crash; whatever fails, or a signal that fires before, leaves
   * that. Both need room on the disk meanwhile. The engine in use already is nothing to do.
   */
  convert(engine: EngineName, options?: ConvertOptions): Promise<void> {
    return convert(this.opening, engine, options)
  }

  async #care(
    what: string,
    options: WaitOptions | undefined,
    run: () => Promise<unknown>,
  ): Promise<void> {
    const signal = checkWait(options, what)
    return unlessAborted(this.opening.work(run), signal, what, 'it goes on')
  }

  /** Sizes and counts of the store, for people and graphs; the names may change. */
  stats(): Readonly<Record<string, unknown>> {
    this.opening.check()
    const json = this.opening.native.stats()
    if (typeof json !== 'string') throw lastError()
    return JSON.parse(json) as Record<string, unknown>
  }

  /** Lets pending writes settle and reads answer, then closes. Closing twice is harmless. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.opening.endWaiting()
    if (!this.opening.isClosed) await this.opening.quiet()
    if (this.opening.isClosed) return
    this.opening.isClosed = true
    this.opening.endWaiting() // Those that began to wait meanwhile.
    await this.opening.native.close().catch((cause: unknown) => {
      throw errorOf(cause)
    })
  }

  /** close(), waited for here; reads under way end with CLOSED. BUSY while a flush, compaction or conversion is under way. */
  closeSync(): void {
    if (this.opening.isClosed) return
    if (this.opening.works > 0)
      throw new VarveError(
        'BUSY',
        'closeSync: a flush, compaction or conversion is under way; await it, or close()',
      )
    this.opening.endWaiting()
    const synced = this.opening.native.waitFor(2)
    const failed = synced < 0 ? lastError() : undefined
    this.opening.settling.progress(true)
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
  readonly shapes: Shapes
  readonly encoding: Encoding
  readonly options: OpenOptions<V>
}

function prepare<V>(path: string, options: OpenOptions<V>, waits: boolean): Prepared<V> {
  const checked = checkOpen(path, options as OpenOptions, waits)
  const shapes = new Shapes()
  return {
    path: path === ':memory:' ? path : resolve(path),
    checked,
    shapes,
    encoding: encodingOf(options.encoding, shapes),
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
  prepared.shapes.keepIn(new StoredShapes(native))
  link.opening = new Opening(native, prepared.checked, prepared.shapes)
  const store = new Store<T>(link.opening, prepared.path, prepared.encoding)
  tellRecovery(store.recovery, link.opening, prepared)
  return store
}

/** One turn later, so that whoever awaits the opening can listen. */
function tellRecovery(
  report: RecoveryReport,
  opening: Opening,
  { path, options }: Prepared<unknown>,
): void {
  const { clean, replayedCommits, cutRecords, lost } = report
  if (!clean) {
    options.logger?.info?.(
      `varve: ${path} was not closed: ${replayedCommits} commits read back, ` +
        `${cutRecords} unfinished records dropped`,
    )
  }
  if (lost.length > 0) {
    options.logger?.warn?.(`varve: ${path} is damaged in ${lost.length} places: see recovery.lost`)
  }
  if (clean && lost.length === 0) return
  setImmediate(() => {
    if (!opening.isClosed) opening.listeners.tell('recovery', report)
  })
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
  const prepared = prepare(path, options, true)
  const link: { opening?: Opening } = {}
  const progress = () => link.opening?.progress(options.logger)
  const store = addon
    .open(nativeOptions(prepared), progress)
    .then((native) => opened<T>(prepared, native, link))
  try {
    return await unlessAborted(store, options.signal, 'open', 'what is opened is closed again')
  } catch (cause) {
    // Nobody waits for it any more, nor is told of what goes wrong.
    store.then((late) => late.close()).catch(() => undefined)
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
  const prepared = prepare(path, options, false)
  const link: { opening?: Opening } = {}
  const native = addon.openSync(nativeOptions(prepared), () =>
    link.opening?.progress(options.logger),
  )
  if (typeof native === 'number') throw lastError()
  return opened<T>(prepared, native, link)
}
