// lib/level.ts — a keyspace: the store's own, or a sublevel's with its types and encoding.
import { type AnyEncoding, type Encoding, encodingOf, type ValueOf } from './encoding.ts'
import { invalid } from './errors.ts'
import { encodeKey } from './key.ts'
import { checkHistory, type HistoryReadOptions, type KeyVersion } from './history.ts'
import { getManyAtOnce } from './many.ts'
import {
  ABSENT,
  COMMIT,
  GROW,
  KEY_AT,
  lastError,
  type NativeLevel,
  type NativeStore,
  scratch,
  TIME,
} from './native.ts'
import type { Opening } from './opening.ts'
import { checkSublevel, type SublevelOptions } from './options.ts'
import { growFor } from './range.ts'
import { areTexts, type Entry, type Types } from './reading.ts'
import { holdNow, holdPast, Snapshot } from './snapshot.ts'
import { Writing } from './writing.ts'

/** A keyspace: the store's own, or a sublevel's. */
export class Level<T extends Types = Entry> extends Writing<T> {
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

  /** @internal */
  override manyOf(keys: readonly T['key'][], fields: readonly string[] | undefined): unknown[] {
    const all: readonly unknown[] = keys
    const values = areTexts(all) ? getManyAtOnce(this.sourceOf(fields), all) : undefined
    if (values !== undefined) return values
    const snapshot = this.snapshot()
    try {
      return snapshot.manyOf(keys, fields)
    } finally {
      snapshot.close()
    }
  }

  /** What this keyspace holds now, kept as it is. */
  snapshot(): Snapshot<T> {
    return new Snapshot<T>(this.opening, this.level, this.encoding, holdNow(this.opening))
  }

  /**
   * What this keyspace held after a commit, given by its number, or by a date: then after the last commit of that second. How far
   * back that goes is the store's `history`: TRUNCATED beyond it.
   */
  at(when: number | Date): Snapshot<T> {
    return new Snapshot<T>(this.opening, this.level, this.encoding, holdPast(this.opening, when))
  }

  /** This keyspace as of the moment of a snapshot, or of at(), of any keyspace of the same store; it ends with that one. */
  in<S extends Types>(snapshot: Snapshot<S>): Snapshot<T> {
    if (!(snapshot instanceof Snapshot) || snapshot.hold.opening !== this.opening) {
      throw invalid('in', 'a snapshot of this store, or what at() answered', snapshot)
    }
    return new Snapshot<T>(this.opening, this.level, this.encoding, snapshot.hold)
  }

  /**
   * The versions of a key, newest first, deletions among them, back to the one that was there at the horizon of the store's
   * `history`. What was deleted before is not told of.
   */
  history(key: T['key'], options?: HistoryReadOptions): KeyVersion<T['value']>[] {
    this.opening.check()
    const limit = checkHistory(options)
    const horizon = this.opening.native.horizon()
    const versions: KeyVersion<T['value']>[] = []
    let below = Number.MAX_SAFE_INTEGER
    while (versions.length < limit && below > horizon) {
      const answer = this.level.version(this.key(key), below)
      if (answer === GROW) {
        growFor(answer)
        continue
      }
      const commit = scratch.f64[COMMIT] ?? 0
      const time = new Date(scratch.f64[TIME] ?? 0)
      below = commit
      if (answer !== ABSENT) {
        versions.push({ commit, time, deleted: false, value: this.answered(answer) })
      } else if (commit > horizon) {
        versions.push({ commit, time, deleted: true })
      }
    }
    return versions
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
      encodingOf(options.encoding, this.opening.shapes),
      path,
    )
  }
}

/** The functions of the keyspace whose stored keys begin with `prefix`. */
export function openLevel(native: NativeStore, prefix: Uint8Array): NativeLevel {
  scratch.bytes.set(prefix, KEY_AT)
  const level = native.level(prefix.length)
  if (typeof level === 'number') throw lastError()
  return level
}
