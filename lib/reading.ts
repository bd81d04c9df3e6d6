// lib/reading.ts — reading one keyspace: single keys, many of them, ranges and counts, as of now or of a held commit.
import { type Encoding, writeKey } from './encoding.ts'
import { invalid, VarveError, within } from './errors.ts'
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
  NEEDED_BYTES,
  scratch,
  WOULD_BLOCK,
} from './native.ts'
import type { Opening } from './opening.ts'
import { checkRange, type RangeOptions } from './options.ts'
import { placeBounds, planOf, Range, type RangeSource } from './range.ts'

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

export function checkedKeys<K>(keys: readonly K[]): readonly K[] {
  if (!Array.isArray(keys)) throw invalid('keys', 'an array of keys', keys)
  return keys
}

export function areTexts(keys: readonly unknown[]): keys is readonly string[] {
  for (const key of keys) if (typeof key !== 'string') return false
  return true
}
