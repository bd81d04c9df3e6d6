// lib/reading.ts — reading one keyspace: single keys, many of them, ranges and counts, as of now or of a held commit.
import { unlessAborted } from './aborting.ts'
import { type Encoding, writeKey } from './encoding.ts'
import { invalid, within } from './errors.ts'
import type { Key } from './key.ts'
import { getManyTexts } from './many.ts'
import {
  ABSENT,
  COMMIT,
  DATA_AT,
  FAILED,
  GROW,
  HEAD_BYTES,
  KIND,
  lastError,
  type NativeLevel,
  PLACE,
  scratch,
  WOULD_BLOCK,
} from './native.ts'
import type { Opening } from './opening.ts'
import { checkRange, checkRead, type RangeOptions, type ReadOptions } from './options.ts'
import { growFor, placeBounds, planOf, Range, type RangeSource } from './range.ts'

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
/** Reading one keyspace, as of now or of a held commit. */
export abstract class Reading<T extends Types> {
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
    const answer =
      this.asOf() === 0 ? this.level.get(this.key(key)) : this.level.get(this.key(key), 1, 1)
    if (answer !== GROW) return this.#valueOf(answer)
    growFor(answer)
    return this.get(key)
  }

  #valueOf(answer: string | number): T['value'] | undefined {
    if (typeof answer === 'string') {
      const { u32 } = scratch
      return this.encoding.read(u32[KIND] ?? 0, DATA_AT, u32[HEAD_BYTES] ?? 0, answer)
    }
    if (answer >= 0) {
      const { u32 } = scratch
      return this.encoding.read(u32[KIND] ?? 0, u32[PLACE] ?? 0, answer, '')
    }
    if (answer === ABSENT) return undefined
    throw lastError()
  }

  /**
   * A promise of what get() would answer now. What is in memory is answered without leaving this thread; what is not is read on
   * another, so that the disk never keeps the event loop waiting.
   */
  async getAsync(key: T['key'], options?: ReadOptions): Promise<T['value'] | undefined> {
    const signal = checkRead(options)
    const asOf = this.asOf()
    const passed = this.key(key)
    while (true) {
      const answer = this.level.get(passed, asOf, 0)
      if (answer === WOULD_BLOCK) return unlessAborted(this.#cold(passed, asOf), signal, 'get')
      if (answer !== GROW) return this.#valueOf(answer)
      growFor(answer) // It keeps the key that lies in the scratch.
    }
  }

  async #cold(key: string | number, asOf: number): Promise<T['value'] | undefined> {
    const number = this.level.getCold(key, asOf)
    if (typeof number === 'number') throw lastError()
    const read = await this.opening.reading(number)
    while (true) {
      const answer = this.level.coldValue(read)
      if (answer !== GROW) return this.#valueOf(answer)
      growFor(answer)
    }
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

export function checkedKeys<K>(keys: readonly K[]): readonly K[] {
  if (!Array.isArray(keys)) throw invalid('keys', 'an array of keys', keys)
  return keys
}

export function areTexts(keys: readonly unknown[]): keys is readonly string[] {
  for (const key of keys) if (typeof key !== 'string') return false
  return true
}
