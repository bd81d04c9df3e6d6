// lib/text.ts — `TextIndex`: texts found by their words, best first.
//
// It is native/pure/text over memory. An index is one External of the addon; what it answers is left in the scratch:
// native/binding/text.cc says where. A query is passed as it was typed, and read there.
import { Bitmap } from './bitmap.ts'
import { invalid, VarveError } from './errors.ts'
import { isLanguage, LANGUAGES, type TextLanguage } from './languages.ts'
import {
  addon,
  FAILED,
  GROW,
  lastError,
  type NativeTextIndex,
  NEEDED_BYTES,
  scratch,
} from './native.ts'
import { showAs } from './showing.ts'

export type { TextLanguage } from './languages.ts'

export interface TextIndexOptions {
  /**
   * Languages whose words are reduced to their stems, told apart by their script: 'english', 'russian' or both. Default none: words are
   * folded (case, diacritics) and nothing more.
   */
  readonly language?: TextLanguage | readonly TextLanguage[] | undefined
  /** Words that are not indexed: those that carry nothing in the languages, or a list. Default false: every word is indexed. */
  readonly stopWords?: boolean | readonly string[] | undefined
  /** How soon more of the same word counts less. Default 1.2; 0 to 1000. */
  readonly k1?: number | undefined
  /** How much longer texts count less: 0 not at all, 1 in proportion. Default 0.75. */
  readonly b?: number | undefined
}

export interface TextQueryOptions {
  /** Whether words of which nothing is said must all be there, or any of them. Default 'any'. */
  readonly mode?: 'any' | 'all' | undefined
  /** 'query' (default): operators mean something. 'words': everything is words. */
  readonly syntax?: 'query' | 'words' | undefined
  /** Every word may go on, as if it ended in `*`. Default false. */
  readonly prefix?: boolean | undefined
  /** So many letters of every word may be wrong, missing or too many: 0 (default), 1 or 2. */
  readonly fuzzy?: 0 | 1 | 2 | undefined
}

export interface TextSearchOptions extends TextQueryOptions {
  /** How many hits at most. Default 10. */
  readonly limit?: number | undefined
  /** Only these ids, quickest as a Bitmap or Uint32Array, or those for which a function returns true. */
  readonly filter?: Iterable<number> | ((id: number) => boolean) | undefined
}

export interface TextHit {
  readonly id: number
  /** BM25: more is better. */
  readonly score: number
}

/** A part of a text, as `slice()` takes it. */
export interface TextRange {
  readonly begin: number
  readonly end: number
}

export interface TextStats {
  /** Texts that are there. */
  readonly documents: number
  /** Texts that were removed and whose postings are still to be forgotten. */
  readonly removed: number
  readonly terms: number
  /** Words of all texts. */
  readonly words: number
  /** Bytes of postings that are not packed yet. */
  readonly looseBytes: number
  /** All memory of the index. */
  readonly bytes: number
}

const ID_MAX = 0xffff_ffff
const LIMIT_MAX = 0x7fff_ffff
const INDEX_OPTIONS = ['language', 'stopWords', 'k1', 'b']
const QUERY_OPTIONS = ['mode', 'syntax', 'prefix', 'fuzzy']
const SEARCH_OPTIONS = [...QUERY_OPTIONS, 'limit', 'filter']
const IS_PLAIN = 1
const NEEDS_ALL = 2
const IS_PREFIX = 4
const EDITS_SHIFT = 3
// A filter that is a function is asked about so many hits at first, and then about four times as many.
const FILTERED_MIN = 64
const NO_OPTIONS: TextSearchOptions = {}

function checkNames(options: unknown, names: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null) throw invalid(where, 'an object', options)
  for (const name of Object.keys(options)) {
    if (!names.includes(name))
      throw new VarveError(
        'INVALID',
        `${where}.${name} is no option; there are: ${names.join(', ')}`,
      )
  }
}

function checkId(id: unknown): void {
  if (typeof id !== 'number' || id >>> 0 !== id)
    throw invalid('id', `an integer of 0 to ${ID_MAX}`, id)
}

function checkText(text: unknown, name = 'text'): void {
  if (typeof text !== 'string') throw invalid(name, 'a string', text)
}

function oneOf(name: string, given: unknown, words: readonly unknown[]): void {
  if (given === undefined || words.includes(given)) return
  throw invalid(name, words.map((word) => JSON.stringify(word)).join(' or '), given)
}

function between(name: string, given: number | undefined, least: number, most: number): void {
  if (given === undefined || (typeof given === 'number' && given >= least && given <= most)) return
  throw invalid(name, `a number of ${least} to ${most}`, given)
}

function languagesOf(given: unknown): number {
  if (given === undefined) return 0
  let bits = 0
  for (const one of Array.isArray(given) ? (given as unknown[]) : [given]) {
    if (!isLanguage(one)) throw invalid('language', "'english', 'russian' or an array of them", one)
    bits |= LANGUAGES[one]
  }
  return bits
}

function stopWordsOf(given: unknown, languages: number): string {
  if (given === undefined || given === false) return ''
  if (given === true) {
    const bits = Object.values(LANGUAGES).filter((bit) => (languages & bit) !== 0)
    if (bits.length === 0) throw invalid('stopWords', 'a list where there is no language', given)
    return bits.map((bit) => addon.textStopWords(bit)).join(' ')
  }
  if (!Array.isArray(given) || given.some((word) => typeof word !== 'string'))
    throw invalid('stopWords', 'a boolean or an array of strings', given)
  return (given as string[]).join(' ')
}

function flagsOf({ mode, syntax, prefix, fuzzy = 0 }: TextQueryOptions): number {
  oneOf('mode', mode, ['any', 'all'])
  oneOf('syntax', syntax, ['query', 'words'])
  oneOf('prefix', prefix, [true, false])
  oneOf('fuzzy', fuzzy, [0, 1, 2])
  const isPlain = syntax === 'words' ? IS_PLAIN : 0
  const needsAll = mode === 'all' ? NEEDS_ALL : 0
  return isPlain | needsAll | (prefix === true ? IS_PREFIX : 0) | (fuzzy << EDITS_SHIFT)
}

// Rising, as the index looks them up.
function allowedOf(filter: Iterable<number>): Uint32Array {
  if (filter instanceof Uint32Array) return filter.slice().sort()
  if (filter instanceof Bitmap) {
    const members = filter.toTypedArray()
    if (members instanceof Uint32Array) return members
  }
  const isIterable = typeof filter === 'object' && filter !== null && Symbol.iterator in filter
  if (!isIterable) throw invalid('filter', 'ids or a function', filter)
  const ids = [...filter]
  for (const id of ids) checkId(id)
  return Uint32Array.from(ids).sort()
}

/** What makes an index of something that the addon made. */
class Opened {
  constructor(readonly native: NativeTextIndex) {}
}

/**
 * Texts by id, found by their words: BM25, phrases, prefixes, misspellings, boolean operators.
 *
 * ```ts
 * const index = new TextIndex({ language: 'english' })
 * index.add(1, 'A quick brown fox')
 * index.search('foxes -lazy')        // [{ id: 1, score: 0.28… }]
 * ```
 */
export class TextIndex {
  static {
    showAs<TextIndex>(this, 'TextIndex', ({ size }) => ({ size }))
  }
  readonly #native: NativeTextIndex

  constructor(options: TextIndexOptions = {}) {
    if (options instanceof Opened) {
      this.#native = options.native
      return
    }
    checkNames(options, INDEX_OPTIONS, 'options')
    const { k1 = 1.2, b = 0.75 } = options
    between('k1', k1, 0, 1000)
    between('b', b, 0, 1)
    const languages = languagesOf(options.language)
    const stopWords = stopWordsOf(options.stopWords, languages)
    this.#native = addon.textCreate(languages, stopWords, k1, b)
  }

  /** The index that `serialise()` wrote; its options are those it was made with. Bytes that are none are CORRUPT. */
  static deserialise(bytes: Uint8Array): TextIndex {
    if (!(bytes instanceof Uint8Array)) throw invalid('bytes', 'a Uint8Array', bytes)
    const native = addon.textOpen(bytes)
    if (typeof native === 'number') throw lastError()
    return new TextIndex(new Opened(native) as TextIndexOptions)
  }

  /** How many texts there are. */
  get size(): number {
    return this.stats().documents
  }

  /** Adds a text under an id that has none yet. */
  add(id: number, text: string): void {
    checkId(id)
    checkText(text)
    if (addon.textAdd(this.#native, id, text) === FAILED) throw lastError()
  }

  /** Adds many by one crossing, the quickest way. Those before one that is refused are there. */
  addMany(ids: Uint32Array | readonly number[], texts: readonly string[]): void {
    if (!Array.isArray(texts)) throw invalid('texts', 'an array of strings', texts)
    if (!Array.isArray(ids) && !(ids instanceof Uint32Array))
      throw invalid('ids', 'a Uint32Array or an array of integers', ids)
    if (ids.length !== texts.length)
      throw invalid('ids', `as long as texts, ${texts.length}`, ids.length)
    for (const text of texts) checkText(text)
    if (Array.isArray(ids)) for (const id of ids) checkId(id)
    const added = addon.textAddMany(this.#native, Uint32Array.from(ids), texts)
    if (added < texts.length) throw lastError()
  }

  /** Puts a text in the place of the one under that id, or adds it. */
  update(id: number, text: string): void {
    checkId(id)
    checkText(text)
    addon.textRemove(this.#native, id)
    this.add(id, text)
  }

  /** Whether there was a text to remove. */
  remove(id: number): boolean {
    checkId(id)
    return addon.textRemove(this.#native, id) === 1
  }

  has(id: number): boolean {
    checkId(id)
    return addon.textHas(this.#native, id) === 1
  }

  /** The best texts for a query, best first, equal ones by id. docs/text.md has the language of queries. */
  search(query: string, options: TextSearchOptions = NO_OPTIONS): TextHit[] {
    checkText(query, 'query')
    if (options === NO_OPTIONS) return this.#hits(query, 0, 10)
    checkNames(options, SEARCH_OPTIONS, 'options')
    const { limit = 10, filter } = options
    if (!Number.isInteger(limit) || limit < 0 || limit > LIMIT_MAX)
      throw invalid('limit', `an integer of 0 to ${LIMIT_MAX}`, limit)
    const flags = flagsOf(options)
    if (typeof filter === 'function') return this.#filtered(query, flags, limit, filter)
    return this.#hits(query, flags, limit, filter === undefined ? undefined : allowedOf(filter))
  }

  /**
   * Where the words of a query stand in a text, in order and apart: what to mark when it is shown. The text need not be
   * in the index.
   */
  highlight(text: string, query: string, options: TextQueryOptions = NO_OPTIONS): TextRange[] {
    checkText(text)
    checkText(query, 'query')
    checkNames(options, QUERY_OPTIONS, 'options')
    let count = addon.textHighlight(this.#native, query, flagsOf(options), text)
    if (count === FAILED) throw lastError()
    if (count === GROW) count = this.#take() / 8
    const at = scratch.dataAt / 4
    const { u32 } = scratch
    const range = (index: number): TextRange => ({
      begin: u32[at + 2 * index] ?? 0,
      end: u32[at + 2 * index + 1] ?? 0,
    })
    return Array.from({ length: count }, (_, index) => range(index))
  }

  /** Packs what was added and forgets what was removed, as happens by and by. */
  compact(): void {
    addon.textCompact(this.#native)
  }

  clear(): void {
    addon.textClear(this.#native)
  }

  /** The index as bytes: native/pure/text/FORMAT.md. It is compacted first. */
  serialise(): Uint8Array {
    const bytes = new Uint8Array(addon.textSerialise(this.#native))
    addon.textTakeBytes(this.#native, bytes)
    return bytes
  }

  stats(): TextStats {
    addon.textStats(this.#native)
    const at = scratch.dataAt / 8
    const [documents = 0, removed = 0, terms = 0, words = 0, looseBytes = 0, bytes = 0] =
      scratch.f64.subarray(at, at + 6)
    return { documents, removed, terms, words, looseBytes, bytes }
  }

  #hits(query: string, flags: number, limit: number, allowed?: Uint32Array): TextHit[] {
    let count = addon.textSearch(this.#native, query, flags, limit, allowed)
    if (count === FAILED) throw lastError()
    if (count === GROW) count = this.#take() / 12
    const scores = scratch.dataAt / 8
    const ids = scratch.dataAt / 4 + 2 * count
    const { f64, u32 } = scratch
    const hits: TextHit[] = []
    for (let index = 0; index < count; index += 1)
      hits.push({ id: u32[ids + index] ?? 0, score: f64[scores + index] ?? 0 })
    return hits
  }

  // Asks for more until enough pass.
  #filtered(
    query: string,
    flags: number,
    limit: number,
    passes: (id: number) => boolean,
  ): TextHit[] {
    for (let asked = Math.min(Math.max(4 * limit, FILTERED_MIN), LIMIT_MAX); ; asked *= 4) {
      const hits = this.#hits(query, flags, Math.min(asked, LIMIT_MAX))
      const passed = hits.filter(({ id }) => passes(id))
      if (passed.length >= limit || hits.length < asked) return passed.slice(0, limit)
    }
  }

  // Brings an answer that the scratch had no room for; its bytes.
  #take(): number {
    scratch.grow(scratch.u32[NEEDED_BYTES] ?? 0)
    return addon.textTake(this.#native)
  }
}
