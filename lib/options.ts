// lib/options.ts — every option with its default and its check. An unknown option is an error that names it.
import type { EncodingOption } from './encoding.ts'
import { invalid, VarveError } from './errors.ts'
import type { ExpiryOptions } from './expiry.ts'
import { checkFields } from './fields.ts'
import type { Prefix } from './key.ts'

/** What a write waits for: visible at once, handed to the system, or on the disk. */
export type Durability = 'memory' | 'os' | 'disk'

export type Compression = 'none' | 'fast'

export interface Logger {
  info?(message: string): void
  warn?(message: string): void
  error?(message: string): void
}

export interface HistoryOptions {
  readonly keep: 'none' | 'forever' | number | string | { readonly commits: number }
}

export interface FeedOptions {
  readonly keep: 'none' | 'all' | number | string
}

/** Where data rests: lib/README.md. */
export type EngineName = 'lsm' | 'memory' | 'bitcask' | 'btree'

/** How a store is opened, but for the encoding of its values. */
export interface OpenSettings {
  /**
   * Where data rests: 'lsm' in sorted tables on disk; 'btree' in pages on disk, for many reads and scans; 'bitcask' every key in
   * memory and every value where the log wrote it, for large values; 'memory' in memory, all of it within `memory`, with a log and a
   * checkpoint on disk to be found again by. Default: what the store was made with; a new one is 'lsm', ':memory:' is 'memory'.
   */
  readonly engine?: EngineName | undefined
  /**
   * Whether writes go to a log. Without one, 'memory' alone, a store is found again as `flush()`, `compact()` or `close()` left it, and
   * durability is 'memory'. Default true.
   */
  readonly log?: boolean | undefined
  /** What a write's promise waits for when it does not say. Default 'disk'; 'memory' without a log. */
  readonly durability?: Durability | undefined
  /**
   * One budget for memtables, cache and filters, and for all data, or all keys, where those are in memory: bytes, or text such as
   * '256MB'. Default '256MB', at least '8MB'.
   */
  readonly memory?: number | string | undefined
  /** Background threads. Default 2. */
  readonly threads?: number | undefined
  /** Whether a store is made where there is none, or where there must be none. Default 'if-missing'. */
  readonly create?: 'if-missing' | 'never' | 'always-new' | undefined
  /** Open without writing anything. Default false. */
  readonly readOnly?: boolean | undefined
  /**
   * What to do with a store that is damaged: refuse to open it (CORRUPT), or, together with `readOnly`, serve what is whole;
   * `recovery.lost` then lists what is not. Default 'refuse'.
   */
  readonly damaged?: 'refuse' | 'serve' | undefined
  /**
   * How tables of 'lsm' are merged. 'leveled' (default) reads least and takes least space; 'tiered' writes each byte once a level, for
   * many writes; 'universal' merges by age, for little data that changes much. A store may be opened with another each time.
   */
  readonly compaction?: 'leveled' | 'tiered' | 'universal' | undefined
  /**
   * Whether tables of 'lsm' are compressed: 'none' (default), 'fast', or one of the two for each level, the last for all below it:
   * `['none', 'none', 'fast']` leaves the two newest levels as they are.
   */
  readonly compression?: Compression | readonly Compression[] | undefined
  /** Bytes of a block of a table; of one that is compressed half as many again, before that. Default 4096; 1024 to 65536. */
  readonly blockSize?: number | undefined
  /**
   * Bytes of a page of 'btree', a power of two from 4096 to 65536. It belongs to the store: an opening that says another is INVALID. Default
   * for a new store: 4096.
   */
  readonly pageSize?: number | undefined
  /**
   * Which pages in memory go when there is no more room for others: the one used longest ago ('lru', of sixteen taken at random), one that
   * was not used for a round ('clock', default), or any ('random'). A store in memory has none.
   */
  readonly eviction?: 'lru' | 'clock' | 'random' | undefined
  /**
   * When pages of 'btree' that changed go to the disk: 'through' (default) when a memtable comes to rest; 'back' when they are more than a
   * fourth of the pages in memory, or when the log that an opening would read is long; 'behind' in the background, a second later. What is
   * durable is in the log until then. A page that changes again before it is written is written once.
   */
  readonly write?: 'through' | 'back' | 'behind' | undefined
  /**
   * From this size on, as encoded, a value of 'lsm' lies apart from its key, in a file of its own kind: it is written once and not again by
   * merges, and a get of it is one read, which is not cached. One of 'btree' is not cached, either. Bytes, or text such as '64KB', the default; '1KB' to '4GB'.
   */
  readonly largeValue?: number | string | undefined
  /**
   * What of the past can be read by `at()` and `history()`: an age before the newest commit, such as '7d', '12h' or milliseconds; so many
   * commits; 'forever'; or 'none'. It belongs to the store: an opening that does not say keeps what the store has, and one that says
   * otherwise changes it from then on. Default for a new store: 'none'.
   */
  readonly history?: HistoryOptions | undefined
  /**
   * How much log stays for `watch({ from })`, beyond what an opening needs: bytes such as '256MB', an age such as '7d', 'all' or 'none'.
   * What a feed that is open has not read yet stays up to 256 MB in any case. Default 'none'.
   */
  readonly feed?: FeedOptions | undefined
  /** Told of recovery and damage, of stalls and of failures: what the events tell, in words. */
  readonly logger?: Logger | undefined
  /** Of open() alone: when it fires first, open() rejects with ABORTED, and what is opened all the same is closed again. */
  readonly signal?: AbortSignal | undefined
}

export interface OpenOptions<V = unknown> extends OpenSettings {
  /** How values become bytes. Default 'value': everything JavaScript can say, by its own binary encoding. */
  readonly encoding?: EncodingOption<V> | undefined
}

export interface SublevelOptions<V = unknown> {
  /** How values become bytes. Default 'value', whatever the store has. */
  readonly encoding?: EncodingOption<V> | undefined
}

export interface WriteOptions {
  /** Default: that of the store. */
  readonly durability?: Durability | undefined
  /** When it fires, the promise rejects with ABORTED; the write itself has happened. */
  readonly signal?: AbortSignal | undefined
}

/** Of `convert()`: lib/README.md. */
export interface ConvertOptions {
  /** Called every 50 ms or so while it goes on. What it throws aborts the conversion, and is what the promise rejects with. */
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined
  /** When it fires while the store has its old engine, the promise rejects with ABORTED and nothing has changed; later it is ignored. */
  readonly signal?: AbortSignal | undefined
}

export interface ConvertProgress {
  /** 'copying' what was there; 'following' what came to rest meanwhile; 'clearing': the new engine is in use, and the old files go. */
  readonly phase: 'copying' | 'following' | 'clearing'
  /** Of the copy, from 0 to 1, about. */
  readonly share: number
  /** Bytes of keys and values, and versions of keys, in all rounds so far. */
  readonly copiedBytes: number
  readonly copiedEdits: number
  /** Rounds that are over; the first is the copy. */
  readonly rounds: number
}

export interface WaitOptions {
  /** When it fires, the promise rejects with ABORTED; what was begun goes on. */
  readonly signal?: AbortSignal | undefined
}

/** Of a put: `ttl` or `expiresAt`, too. */
export interface PutOptions extends WriteOptions, ExpiryOptions {}

export interface ReadOptions {
  /** When it fires, the promise rejects with ABORTED. */
  readonly signal?: AbortSignal | undefined
}

/** What a transaction is kept apart from: docs/transactions.md. */
export type Isolation = 'serializable' | 'snapshot' | 'read-committed'

export interface TransactionOptions {
  /**
   * 'serializable' (default): as if transactions ran one after the other, in the order of their commits. 'snapshot': reads are as of the
   * begin, and of two that write one key the first to commit wins. 'read-committed': each read sees what is committed by then.
   */
  readonly isolation?: Isolation | undefined
  /**
   * 'optimistic' (default): nobody waits, and conflicts are found at the commit. 'pessimistic': each read and write takes a lock first and
   * waits for it, so `tx` answers by promises; the isolation is 'serializable'.
   */
  readonly mode?: 'optimistic' | 'pessimistic' | undefined
  /** How many milliseconds a call waits for its lock before it is TIMEOUT, with mode 'pessimistic'. Default 5,000; 0 does not wait. */
  readonly lockTimeout?: number | undefined
  /** How often a callback runs again after a conflict or deadlock before it is CONFLICT or DEADLOCK. Default 100. */
  readonly retries?: number | undefined
  /** The callback gets a snapshot, which has no writes. Default false. */
  readonly readOnly?: boolean | undefined
  /** What the commit waits for. Default: that of the store. */
  readonly durability?: Durability | undefined
  /** When it fires before the commit, the promise rejects with ABORTED and nothing has changed. */
  readonly signal?: AbortSignal | undefined
}

/** Of a transaction that ends when you say so. */
export type BeginOptions = Pick<
  TransactionOptions,
  'isolation' | 'mode' | 'lockTimeout' | 'durability'
>

/** Of a transaction that locks. */
export interface Pessimistic {
  readonly mode: 'pessimistic'
}

export interface LockOptions {
  /** Others may have it, too, if theirs is shared. Default false. */
  readonly shared?: boolean | undefined
}

/** Of a transaction that is waited for. */
export type TransactionSyncOptions = Omit<
  TransactionOptions,
  'signal' | 'readOnly' | 'mode' | 'lockTimeout'
>

/** Bounds hold together: whatever one of them shuts out is out. */
export interface RangeOptions<K> {
  /** Keys above this one. */
  readonly gt?: K | undefined
  /** Keys from this one on. */
  readonly gte?: K | undefined
  /** Keys below this one. */
  readonly lt?: K | undefined
  /** Keys up to this one. */
  readonly lte?: K | undefined
  /** Strings or bytes that begin so; for an array, arrays that begin with its elements. */
  readonly prefix?: Prefix<K> | undefined
  /** From the last to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** At most so many. Default: all. */
  readonly limit?: number | undefined
  /** Ends an asynchronous iteration with ABORTED. */
  readonly signal?: AbortSignal | undefined
}

const OPEN = [
  'engine',
  'log',
  'durability',
  'memory',
  'threads',
  'compaction',
  'compression',
  'create',
  'readOnly',
  'damaged',
  'blockSize',
  'pageSize',
  'eviction',
  'write',
  'largeValue',
  'history',
  'feed',
  'encoding',
  'logger',
  'signal',
]
const WRITE = ['durability', 'signal']
const WAIT = ['signal']
const EXPIRY = ['ttl', 'expiresAt']
const PUT = [...WRITE, ...EXPIRY]
const READ = ['fields', 'signal']
export const TRANSACTION: readonly string[] = [
  'isolation',
  'mode',
  'lockTimeout',
  'retries',
  'readOnly',
  'durability',
  'signal',
]
export const TRANSACTION_SYNC: readonly string[] = ['isolation', 'retries', 'durability']
export const BEGIN: readonly string[] = ['isolation', 'mode', 'lockTimeout', 'durability']
const GET = ['fields']
const RANGE = ['gt', 'gte', 'lt', 'lte', 'prefix', 'reverse', 'limit', 'signal']
const VALUES = [...RANGE, 'fields']

const DURABILITIES: readonly string[] = ['memory', 'os', 'disk']
const ISOLATIONS: readonly string[] = ['serializable', 'snapshot', 'read-committed']
const MODES: readonly string[] = ['optimistic', 'pessimistic']
const PESSIMISTIC = 1
const CREATES: readonly string[] = ['if-missing', 'never', 'always-new']
const COMPACTIONS: readonly string[] = ['leveled', 'tiered', 'universal']
const DAMAGED: readonly string[] = ['refuse', 'serve']
const ENGINES: readonly string[] = ['lsm', 'memory', 'bitcask', 'btree']
const FIRST_ENGINE = 1 // Of their numbers across the binding, which are those of the manifest.
const ENGINE_AS_MADE = 0
const EVICTIONS: readonly string[] = ['lru', 'clock', 'random']
const WRITES: readonly string[] = ['through', 'back', 'behind']
const PAGE_SIZES: readonly number[] = [4096, 8192, 16_384, 32_768, 65_536]
const PAGE_SIZE_AS_MADE = 0

const UNIT_KB = 1024
const LARGE_VALUE = '64KB'
const LARGE_VALUE_MAX = 4 * 1024 ** 3

export const MEMORY_BYTES_MIN = 8 * 1024 * 1024

export function checkNames(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`${where}: options`, 'an object', options)
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = known.find((other) => distance(name.toLowerCase(), other.toLowerCase()) <= 2)
    const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean '${near}'?`
    throw new VarveError('INVALID', `${where}: unknown option '${name}'; ${hint}`)
  }
}

/** How many letters differ, for hints. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change))
    }
    row = next
  }
  return row[b.length] ?? 0
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
}

/** '256MB' → 268435456; a number is itself. */
export function parseSize(size: unknown, argument: string): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size
  const text = typeof size === 'string' ? size.trim() : ''
  const found = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)$/i.exec(text)
  const unit = UNITS[found?.[2]?.toUpperCase() ?? '']
  if (found === null || unit === undefined) {
    throw invalid(argument, "bytes, or text such as '256MB'", size)
  }
  const bytes = Math.floor(Number(found[1]) * unit)
  if (!Number.isSafeInteger(bytes)) throw invalid(argument, 'at most 8192TB', size)
  return bytes
}

function word(given: unknown, name: string, words: readonly string[], standard: string): number {
  const index = given === undefined ? words.indexOf(standard) : words.indexOf(given as string)
  if (index >= 0) return index
  const quoted = words.map((one) => `'${one}'`)
  const last = quoted.pop() ?? ''
  throw invalid(name, `${quoted.join(', ')} or ${last}`, given)
}

function integer(given: unknown, name: string, min: number, max: number, standard: number): number {
  if (given === undefined) return standard
  if (typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max)
    return given
  throw invalid(name, `an integer from ${min} to ${max}`, given)
}

// By what it can do, because those of other realms and of tests are no AbortSignal of ours.
function checkSignal(signal: unknown): void {
  if (signal === undefined) return
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>
  if (typeof aborted !== 'boolean' || typeof addEventListener !== 'function') {
    throw invalid('signal', 'an AbortSignal', signal)
  }
}

function checkLogger(logger: unknown): void {
  if (logger === undefined) return
  const expected = 'an object with functions info, warn or error'
  if (typeof logger !== 'object' || logger === null) throw invalid('logger', expected, logger)
  for (const level of ['info', 'warn', 'error']) {
    const one = (logger as Record<string, unknown>)[level]
    if (one !== undefined && typeof one !== 'function') {
      throw invalid(`logger.${level}`, 'a function', one)
    }
  }
}

function flag(given: unknown, name: string): boolean {
  if (given !== undefined && typeof given !== 'boolean') throw invalid(name, 'true or false', given)
  return given === true
}

const LEVELS = 7

/** A bit for each level that is compressed. */
function compressedLevels(given: unknown = 'none'): number {
  const words: readonly unknown[] = Array.isArray(given) ? given : [given]
  const isFine = words.length > 0 && words.every((word) => word === 'none' || word === 'fast')
  if (!isFine) throw invalid('compression', "'none', 'fast', or an array of these by level", given)
  let bits = 0
  for (let level = 0; level < LEVELS; level++) {
    if (words[Math.min(level, words.length - 1)] === 'fast') bits |= 1 << level
  }
  return bits
}

function pageBytes(given: unknown): number {
  if (given === undefined) return PAGE_SIZE_AS_MADE
  if (PAGE_SIZES.includes(given as number)) return given as number
  throw invalid('pageSize', '4096, 8192, 16384, 32768 or 65536', given)
}

function engineOf(given: unknown, inMemory: boolean): number {
  if (given === undefined && !inMemory) return ENGINE_AS_MADE
  return FIRST_ENGINE + word(given, 'engine', ENGINES, 'memory')
}

const CONVERT = ['onProgress', 'signal']

/** The number of an engine, and the options of convert(). */
export function checkConvert(
  engine: unknown,
  options: unknown,
): Pick<ConvertOptions, 'onProgress' | 'signal'> & { readonly kind: number } {
  if (engine === undefined) throw invalid('engine', "'lsm', 'memory', 'bitcask' or 'btree'", engine)
  const kind = FIRST_ENGINE + word(engine, 'engine', ENGINES, 'lsm')
  if (options === undefined) return { kind, onProgress: undefined, signal: undefined }
  checkNames(options, CONVERT, 'convert')
  const { onProgress, signal } = options as ConvertOptions
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw invalid('onProgress', 'a function', onProgress)
  }
  checkNotAborted(signal, 'convert')
  return { kind, onProgress, signal }
}

function largeValueBytes(given: number | string = LARGE_VALUE): number {
  const bytes = parseSize(given, 'largeValue')
  if (bytes < UNIT_KB || bytes > LARGE_VALUE_MAX) {
    throw invalid('largeValue', "from '1KB' to '4GB'", given)
  }
  return bytes
}

const TIMES: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** '7d' → 604800000; a number is itself. */
export function parseTime(time: unknown, argument: string, expected: string): number {
  if (typeof time === 'number' && Number.isSafeInteger(time) && time > 0) return time
  const found = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/.exec(
    typeof time === 'string' ? time.trim() : '',
  )
  const ms = Math.round(Number(found?.[1]) * (TIMES[found?.[2] ?? ''] ?? 0))
  if (found === null || !Number.isSafeInteger(ms) || ms <= 0)
    throw invalid(argument, expected, time)
  return ms
}

// The numbers of the manifest.
const KEEP_AS_MADE = -1
const KEEP_NONE = 0
const KEEP_AGE = 1
const KEEP_COMMITS = 2
const KEEP_FOREVER = 3
const KEPT = "'none', 'forever', an age such as '7d', or { commits: 1000 }"

function historyOf(given: unknown): Pick<CheckedOpen, 'historyKeep' | 'historyAmount'> {
  if (given === undefined) return { historyKeep: KEEP_AS_MADE, historyAmount: 0 }
  checkNames(given, ['keep'], 'history')
  const { keep } = given as { readonly keep?: unknown }
  if (keep === 'none') return { historyKeep: KEEP_NONE, historyAmount: 0 }
  if (keep === 'forever') return { historyKeep: KEEP_FOREVER, historyAmount: 0 }
  if (typeof keep !== 'object' || keep === null) {
    return { historyKeep: KEEP_AGE, historyAmount: parseTime(keep, 'history.keep', KEPT) }
  }
  checkNames(keep, ['commits'], 'history.keep')
  const { commits } = keep as { readonly commits?: unknown }
  const most = Number.MAX_SAFE_INTEGER
  const historyAmount = integer(commits, 'history.keep.commits', 0, most, -1)
  if (historyAmount < 0) throw invalid('history.keep', KEPT, keep)
  return { historyKeep: KEEP_COMMITS, historyAmount }
}

const FED = "'none', 'all', bytes such as '256MB', or an age such as '7d'"

function feedOf(given: unknown, log: boolean): Pick<CheckedOpen, 'feedBytes' | 'feedAgeMs'> {
  if (given === undefined) return { feedBytes: 0, feedAgeMs: 0 }
  checkNames(given, ['keep'], 'feed')
  const { keep } = given as { readonly keep?: unknown }
  if (keep === 'none') return { feedBytes: 0, feedAgeMs: 0 }
  if (!log) throw invalid('feed.keep', "'none' without a log", keep)
  if (keep === 'all') return { feedBytes: Number.MAX_SAFE_INTEGER, feedAgeMs: 0 }
  const isSize = typeof keep === 'number' || /B\s*$/i.test(typeof keep === 'string' ? keep : '')
  if (!isSize) return { feedBytes: 0, feedAgeMs: parseTime(keep, 'feed.keep', FED) }
  return { feedBytes: parseSize(keep, 'feed.keep'), feedAgeMs: 0 }
}

export interface CheckedOpen {
  readonly engine: number
  readonly log: number
  readonly durability: number
  /** The strongest that a write can reach. */
  readonly durabilityMax: number
  readonly memory: number
  readonly threads: number
  readonly create: number
  readonly readOnly: number
  readonly serveDamaged: number
  readonly compaction: number
  readonly compressedLevels: number
  readonly blockBytes: number
  readonly pageBytes: number
  readonly eviction: number
  readonly pageWrites: number
  readonly largeValueBytes: number
  readonly historyKeep: number
  readonly historyAmount: number
  readonly feedBytes: number
  readonly feedAgeMs: number
}

function checkLog({ log, engine }: OpenSettings, inMemory: boolean): boolean {
  flag(log, 'log')
  if (log === true && inMemory) throw invalid('log', "a directory rather than ':memory:'", log)
  if (log === false && engine !== undefined && engine !== 'memory') {
    throw invalid('log', "true unless `engine` is 'memory'", log)
  }
  return log ?? !inMemory
}

function checkDurability(given: unknown, standard: number, strongest: number): number {
  if (given === undefined) return standard
  const durability = word(given, 'durability', DURABILITIES, 'disk')
  if (durability > strongest) {
    throw invalid('durability', "'memory' without a log", DURABILITIES[durability])
  }
  return durability
}

/** `waits` says that it is for open(), not openSync(). */
export function checkOpen(directory: unknown, options: OpenOptions, waits: boolean): CheckedOpen {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw invalid('path', "a directory's path, or ':memory:'", directory)
  }
  checkNames(options, OPEN, 'open')
  if (!waits && options.signal !== undefined)
    throw invalid('signal', 'left out of openSync(), which answers at once', options.signal)
  checkNotAborted(options.signal, 'open')
  const inMemory = directory === ':memory:'
  const memory = options.memory === undefined ? '256MB' : options.memory
  const memoryBytes = parseSize(memory, 'memory')
  if (memoryBytes < MEMORY_BYTES_MIN) throw invalid('memory', "at least '8MB'", memory)
  const engine = engineOf(options.engine, inMemory)
  if (inMemory && engine !== FIRST_ENGINE + ENGINES.indexOf('memory')) {
    throw invalid('engine', "'memory' for ':memory:'", options.engine)
  }
  const log = checkLog(options, inMemory)
  const durabilityMax = log || inMemory ? DURABILITIES.length - 1 : 0
  const serveDamaged = word(options.damaged, 'damaged', DAMAGED, 'refuse')
  if (serveDamaged === 1 && options.readOnly !== true) {
    throw invalid('damaged', "'refuse' unless `readOnly` is true", options.damaged)
  }
  checkLogger(options.logger)
  return {
    engine,
    log: log ? 1 : 0,
    durability: checkDurability(options.durability, durabilityMax, durabilityMax),
    durabilityMax,
    memory: memoryBytes,
    threads: integer(options.threads, 'threads', 1, 64, 2),
    create: word(options.create, 'create', CREATES, 'if-missing'),
    readOnly: flag(options.readOnly, 'readOnly') ? 1 : 0,
    serveDamaged,
    compressedLevels: compressedLevels(options.compression),
    compaction: word(options.compaction, 'compaction', COMPACTIONS, 'leveled'),
    blockBytes: integer(options.blockSize, 'blockSize', 1024, 65_536, 4096),
    pageBytes: pageBytes(options.pageSize),
    eviction: word(options.eviction, 'eviction', EVICTIONS, 'clock'),
    pageWrites: word(options.write, 'write', WRITES, 'through'),
    largeValueBytes: largeValueBytes(options.largeValue),
    ...historyOf(options.history),
    ...feedOf(options.feed, log),
  }
}

// What most writes have that have options, seen without making a list of names.
function isDurabilityAlone(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false
  let count = 0
  for (const name in options) {
    if (name !== 'durability') return false
    count++
  }
  return count === 1
}

/** What a put within a transaction may say. */
export function checkExpiry(options: unknown): void {
  checkNames(options, EXPIRY, 'put')
}

/** The number of the durability asked for, within what the store can do. */
export function checkWrite(
  options: WriteOptions | undefined,
  standard: number,
  strongest: number,
  puts = false,
): number {
  if (options === undefined) return standard
  if (!isDurabilityAlone(options)) checkNames(options, puts ? PUT : WRITE, 'write')
  const { durability, signal } = options
  checkSignal(signal)
  if (signal?.aborted === true) throw new VarveError('ABORTED', 'write: aborted before it began')
  return checkDurability(durability, standard, strongest)
}

/** The signal of what is waited for. */
export function checkWait(
  options: WaitOptions | undefined,
  where: string,
): AbortSignal | undefined {
  if (options === undefined) return undefined
  checkNames(options, WAIT, where)
  return checkNotAborted(options.signal, where)
}

function checkNotAborted(signal: AbortSignal | undefined, where: string): AbortSignal | undefined {
  checkSignal(signal)
  if (signal?.aborted === true) throw new VarveError('ABORTED', `${where}: aborted before it began`)
  return signal
}

/** The signal of a read that answers by a promise. */
export function checkRead(options: ReadOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined
  checkNames(options, READ, 'get')
  return checkNotAborted(options.signal, 'get')
}

/** The fields that a read asks for; undefined for whole values. */
export function checkGet(options: unknown, where: string): readonly string[] | undefined {
  if (options === undefined) return undefined
  checkNames(options, GET, where)
  return checkFields((options as { readonly fields?: unknown }).fields)
}

/** A range of values; answers the fields that it asks for. */
export function checkValues(options: unknown, where: string): readonly string[] | undefined {
  checkRange(options, where, VALUES)
  return checkFields((options as { readonly fields?: unknown }).fields)
}

export function checkRange(options: unknown, where = 'range', known = RANGE): void {
  checkNames(options, known, where)
  const { limit, reverse, signal } = options as RangeOptions<unknown>
  const isCount = typeof limit === 'number' && limit >= 0
  if (limit !== undefined && !(isCount && (limit === Infinity || Number.isInteger(limit)))) {
    throw invalid('limit', 'a count, 0 or more', limit)
  }
  flag(reverse, 'reverse')
  checkSignal(signal)
}

/** A range to delete: bounds alone. */
export function checkBounds(options: unknown): void {
  checkRange(options, 'deleteRange')
  const { limit, reverse, signal } = options as RangeOptions<unknown>
  const more = { limit, reverse, signal }
  for (const [name, given] of Object.entries(more)) {
    if (given === undefined) continue
    throw new VarveError('INVALID', `deleteRange: takes bounds alone, not '${name}'`)
  }
}

/** A transaction's options with their defaults. */
export interface TransactionSettings {
  readonly isolation: Isolation
  /** How long locks are waited for; undefined: it takes none. */
  readonly lockTimeoutMs: number | undefined
  readonly retries: number
  readonly readOnly: boolean
  readonly durability: number
  readonly signal: AbortSignal | undefined
}

/** Those of a transaction without options. */
export function plainTransaction(durability: number): TransactionSettings {
  return {
    isolation: 'serializable',
    lockTimeoutMs: undefined,
    retries: RETRIES,
    readOnly: false,
    durability,
    signal: undefined,
  }
}

const RETRIES = 100
const LOCK_TIMEOUT_MS = 5000
const LOCK_TIMEOUT_MS_MAX = 2 ** 31 - 1 // As far as timers reach.
const RETRIES_MAX = 1_000_000

export function checkTransaction(
  options: unknown,
  known: readonly string[],
  standard: number,
  strongest: number,
): TransactionSettings {
  checkNames(options, known, 'transaction')
  const given = options as TransactionOptions
  checkSignal(given.signal)
  return {
    isolation: ISOLATIONS[
      word(given.isolation, 'isolation', ISOLATIONS, 'serializable')
    ] as Isolation,
    lockTimeoutMs: lockTimeoutOf(given),
    retries: integer(given.retries, 'retries', 0, RETRIES_MAX, RETRIES),
    readOnly: flag(given.readOnly, 'readOnly'),
    durability: checkDurability(given.durability, standard, strongest),
    signal: given.signal,
  }
}

// What does not go with locks is refused by name.
function lockTimeoutOf(given: TransactionOptions): number | undefined {
  const { isolation = 'serializable', lockTimeout, readOnly } = given
  if (word(given.mode, 'mode', MODES, 'optimistic') !== PESSIMISTIC) {
    if (lockTimeout === undefined) return undefined
    throw new VarveError('INVALID', "transaction: `lockTimeout` is for mode 'pessimistic'")
  }
  if (isolation !== 'serializable') {
    const message =
      "transaction: mode 'pessimistic' is 'serializable', and has no other `isolation`"
    throw new VarveError('INVALID', message)
  }
  if (readOnly === true)
    throw new VarveError('INVALID', 'transaction: `readOnly` takes no locks, and has no `mode`')
  return integer(lockTimeout, 'lockTimeout', 0, LOCK_TIMEOUT_MS_MAX, LOCK_TIMEOUT_MS)
}

/** Whether a lock is shared. */
export function checkLock(options: LockOptions | undefined, where: string): boolean {
  if (options === undefined) return false
  checkNames(options, ['shared'], where)
  return flag(options.shared, 'shared')
}

export function checkSublevel(options: unknown): void {
  checkNames(options, ['encoding'], 'sublevel')
}

export const DURABILITY_NAMES: readonly Durability[] = ['memory', 'os', 'disk']
