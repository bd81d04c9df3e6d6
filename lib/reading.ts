// lib/reading.ts — reading one keyspace: single keys, many of them, ranges and counts, as of now or of a held commit.
import { unlessAborted } from './aborting.ts'
import { type Encoding, writeKey } from './encoding.ts'
import { invalid, within } from './errors.ts'
import {
  checkFields,
  type FieldOf,
  type FieldsOf,
  type FieldsOptions,
  onlyFields,
} from './fields.ts'
import type { Key } from './key.ts'
import { getManyTexts } from './many.ts'
import {
  ABSENT,
  COMMIT,
  DATA_AT,
  EXPIRES,
  FAILED,
  GROW,
  HEAD_BYTES,
  KIND,
  lastError,
  type NativeLevel,
  PLACE,
  scratch,
  TIME,
  WOULD_BLOCK,
} from './native.ts'
import type { Opening } from './opening.ts'
import {
  checkGet,
  checkRange,
  checkRead,
  checkValues,
  type RangeOptions,
  type ReadOptions,
} from './options.ts'
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
  #source: RangeSource | undefined

  protected constructor(opening: Opening, level: NativeLevel, encoding: Encoding) {
    this.opening = opening
    this.level = level
    this.encoding = encoding
  }

  // Made when it is asked for: most transactions read no range.
  protected get source(): RangeSource {
    const { level, encoding } = this
    return (this.#source ??= { level, encoding, asOf: () => this.asOf() })
  }

  /** What ranges and many keys are read from; with `fields`, these fields of each value. */
  protected sourceOf(fields: readonly string[] | undefined): RangeSource {
    if (fields === undefined) return this.source
    return { ...this.source, encoding: onlyFields(this.encoding, fields) }
  }

  /** @internal 0 for the newest; 1 for a commit, left in the scratch; above that a transaction. */
  abstract asOf(): number

  /** A string goes over as it is; any other key is encoded into the scratch, and its size goes over. */
  protected key(key: unknown): string | number {
    if (typeof key === 'string') return key
    return writeKey(key)
  }

  /** The value of a key, or undefined; with `fields`, an object of these fields of it. */
  get(key: T['key']): T['value'] | undefined
  get<K extends FieldOf<T['value']>>(
    key: T['key'],
    options: FieldsOptions<K>,
  ): FieldsOf<T['value'], K> | undefined
  get(key: T['key'], options?: FieldsOptions<string>): unknown {
    const fields = options === undefined ? undefined : checkGet(options, 'get')
    const asOf = this.asOf()
    const answer =
      asOf === 0 ? this.level.get(this.key(key)) : this.level.get(this.key(key), asOf, 1)
    if (answer !== GROW) return this.answered(answer, fields)
    growFor(answer)
    return options === undefined ? this.get(key) : this.get(key, options as never)
  }

  /** What an answer of the addon says: a value that it left in the scratch, nothing, or an error. */
  protected answered(answer: string | number, fields?: readonly string[]): unknown {
    if (typeof answer === 'string') {
      return this.#read(DATA_AT, scratch.u32[HEAD_BYTES] ?? 0, answer, fields)
    }
    if (answer >= 0) return this.#read(scratch.u32[PLACE] ?? 0, answer, '', fields)
    if (answer === ABSENT) return undefined
    throw lastError()
  }

  #read(at: number, size: number, text: string, fields: readonly string[] | undefined): unknown {
    const kind = scratch.u32[KIND] ?? 0
    if (fields === undefined) return this.encoding.read(kind, at, size, text)
    return this.encoding.readFields(kind, at, size, text, fields)
  }

  /**
   * A promise of what get() would answer now. What is in memory is answered without leaving this thread; what is not is read on
   * another, so that the disk never keeps the event loop waiting.
   */
  getAsync(key: T['key'], options?: ReadOptions): Promise<T['value'] | undefined>
  getAsync<K extends FieldOf<T['value']>>(
    key: T['key'],
    options: ReadOptions & FieldsOptions<K>,
  ): Promise<FieldsOf<T['value'], K> | undefined>
  async getAsync(
    key: T['key'],
    options?: ReadOptions & Partial<FieldsOptions<string>>,
  ): Promise<unknown> {
    const signal = checkRead(options)
    const fields = checkFields(options?.fields)
    const asOf = this.asOf()
    const passed = this.key(key)
    while (true) {
      const answer = this.level.get(passed, asOf, 0)
      if (answer === WOULD_BLOCK) {
        return unlessAborted(this.#cold(passed, asOf, fields), signal, 'get')
      }
      if (answer !== GROW) return this.answered(answer, fields)
      growFor(answer)
    }
  }

  async #cold(
    key: string | number,
    asOf: number,
    fields: readonly string[] | undefined,
  ): Promise<unknown> {
    const number = this.level.getCold(key, asOf)
    if (typeof number === 'number') throw lastError()
    const read = await this.opening.reading(number)
    while (true) {
      const answer = this.level.coldValue(read)
      if (answer !== GROW) return this.answered(answer, fields)
      growFor(answer)
    }
  }

  /** The values of many keys, in their order; undefined for absent ones. All are read from one view. */
  getMany(keys: readonly T['key'][]): (T['value'] | undefined)[]
  getMany<K extends FieldOf<T['value']>>(
    keys: readonly T['key'][],
    options: FieldsOptions<K>,
  ): (FieldsOf<T['value'], K> | undefined)[]
  getMany(keys: readonly T['key'][], options?: FieldsOptions<string>): unknown[] {
    return this.manyOf(checkedKeys(keys), checkGet(options, 'getMany'))
  }

  /** @internal */
  manyOf(keys: readonly T['key'][], fields: readonly string[] | undefined): unknown[] {
    const all: readonly unknown[] = keys
    this.asOf()
    if (areTexts(all)) return getManyTexts(this.sourceOf(fields), all)
    const options = fields === undefined ? undefined : { fields: fields as never }
    return Array.from(keys, (key, index) => this.#getOf(key, index, options))
  }

  #getOf(key: T['key'], index: number, options: FieldsOptions<never> | undefined): unknown {
    try {
      return options === undefined ? this.get(key) : this.get(key, options)
    } catch (error) {
      throw within(`keys[${index}]`, error)
    }
  }

  /** Whether a key has a value. */
  has(key: T['key']): boolean {
    return this.version(key) !== undefined
  }

  /** The commit that wrote the value of a key, or undefined; 0 for what a transaction has written itself. */
  version(key: T['key']): number | undefined {
    const asOf = this.asOf()
    const answer = this.level.has(this.key(key), asOf)
    if (answer === FAILED) throw lastError()
    return answer === ABSENT ? undefined : this.versionFound()
  }

  protected versionFound(): number {
    return scratch.f64[COMMIT] ?? 0
  }

  /**
   * How many milliseconds a key has left, which a snapshot counts from its own time: Infinity without an expiry, undefined when it is
   * not there.
   */
  ttl(key: T['key']): number | undefined {
    const asOf = this.asOf()
    const answer = this.level.has(this.key(key), asOf)
    if (answer === ABSENT) return undefined
    if (answer < 0) throw lastError()
    const expires = scratch.f64[EXPIRES] ?? 0
    return expires === 0 ? Infinity : Math.max(1, expires - this.timeMs())
  }

  /** What time it is for what expires. */
  protected timeMs(): number {
    this.opening.native.now()
    return scratch.f64[TIME] ?? 0
  }

  /** The entries of a range, in the order of their keys; with `fields`, these fields of each value. */
  range(options?: RangeOptions<T['key']>): Range<[T['key'], T['value']]>
  range<K extends FieldOf<T['value']>>(
    options: RangeOptions<T['key']> & FieldsOptions<K>,
  ): Range<[T['key'], FieldsOf<T['value'], K>]>
  range(options: RangeOptions<T['key']> = {}): Range<[T['key'], unknown]> {
    return new Range(this.sourceOf(checkValues(options, 'range')), planOf(options), 'entries')
  }

  /** The keys of a range; values are not read. */
  keys(options: RangeOptions<T['key']> = {}): Range<T['key']> {
    checkRange(options)
    return new Range(this.source, planOf(options), 'keys')
  }

  /** The values of a range, in the order of their keys; with `fields`, these fields of each. */
  values(options?: RangeOptions<T['key']>): Range<T['value']>
  values<K extends FieldOf<T['value']>>(
    options: RangeOptions<T['key']> & FieldsOptions<K>,
  ): Range<FieldsOf<T['value'], K>>
  values(options: RangeOptions<T['key']> = {}): Range<unknown> {
    return new Range(this.sourceOf(checkValues(options, 'range')), planOf(options), 'values')
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
