// lib/options.ts — every option with its default and its check. An unknown option is an error that names it.
import type { EncodingOption } from './encoding.ts'
import { invalid, VarveError } from './errors.ts'
import type { Prefix } from './key.ts'

/** What a write waits for: visible at once, handed to the system, or on the disk. */
export type Durability = 'memory' | 'os' | 'disk'

export interface Logger {
  info?(message: string): void
  warn?(message: string): void
  error?(message: string): void
}

/** How a store is opened, but for the encoding of its values. */
export interface OpenSettings {
  /** Where data rests. Default 'lsm'; ':memory:' has 'memory'. */
  readonly engine?: 'lsm' | 'memory' | undefined
  /** What a write's promise waits for when it does not say. Default 'disk'. */
  readonly durability?: Durability | undefined
  /** One budget for memtables, cache and filters: bytes, or text such as '256MB'. Default '256MB', at least '8MB'. */
  readonly memory?: number | string | undefined
  /** Background threads. Default 2. */
  readonly threads?: number | undefined
  /** Default 'if-missing'. */
  readonly create?: 'if-missing' | 'never' | 'always-new' | undefined
  /** Open without writing anything. Default false. */
  readonly readOnly?: boolean | undefined
  /** Bytes of a block of a table. Default 4096; 1024 to 65536. */
  readonly blockSize?: number | undefined
  /** Told of recovery and of failures. */
  readonly logger?: Logger | undefined
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

export interface RangeOptions<K> {
  readonly gt?: K | undefined
  readonly gte?: K | undefined
  readonly lt?: K | undefined
  readonly lte?: K | undefined
  /** Strings that begin so; for an array, tuples that begin with its elements. */
  readonly prefix?: Prefix<K> | undefined
  /** From the last to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** At most so many. Default: all. */
  readonly limit?: number | undefined
  /** Ends an asynchronous iteration. */
  readonly signal?: AbortSignal | undefined
}

const OPEN = [
  'engine',
  'durability',
  'memory',
  'threads',
  'create',
  'readOnly',
  'blockSize',
  'encoding',
  'logger',
]
const WRITE = ['durability', 'signal']
const RANGE = ['gt', 'gte', 'lt', 'lte', 'prefix', 'reverse', 'limit', 'signal']

const DURABILITIES: readonly string[] = ['memory', 'os', 'disk']
const CREATES: readonly string[] = ['if-missing', 'never', 'always-new']
const ENGINES: readonly string[] = ['', 'lsm', 'memory']

export const MEMORY_BYTES_MIN = 8 * 1024 * 1024

function checkNames(options: unknown, known: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null)
    throw invalid(where, 'an object of options', options)
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
  const found =
    typeof size === 'string' ? /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)$/i.exec(size.trim()) : null
  const unit = UNITS[found?.[2]?.toUpperCase() ?? '']
  if (found === null || unit === undefined)
    throw invalid(argument, "bytes, or text such as '256MB'", size)
  const bytes = Math.floor(Number(found[1]) * unit)
  if (!Number.isSafeInteger(bytes)) throw invalid(argument, 'at most 8192TB', size)
  return bytes
}

function word(options: object, name: string, words: readonly string[], standard: string): number {
  const given = (options as Record<string, unknown>)[name] ?? standard
  const index = typeof given === 'string' && given !== '' ? words.indexOf(given) : -1
  if (index < 0)
    throw invalid(
      name,
      words
        .filter((w) => w !== '')
        .map((w) => `'${w}'`)
        .join(' or '),
      given,
    )
  return index
}

function integer(given: unknown, name: string, min: number, max: number, standard: number): number {
  if (given === undefined) return standard
  if (typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max)
    return given
  throw invalid(name, `an integer from ${min} to ${max}`, given)
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', 'an AbortSignal', signal)
}

export interface CheckedOpen {
  readonly engine: number
  readonly durability: number
  readonly memory: number
  readonly threads: number
  readonly create: number
  readonly readOnly: number
  readonly blockBytes: number
}

export function checkOpen(directory: unknown, options: OpenOptions): CheckedOpen {
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw invalid('path', "a directory's path, or ':memory:'", directory)
  }
  checkNames(options, OPEN, 'open')
  const inMemory = directory === ':memory:'
  const memory = parseSize(options.memory ?? '256MB', 'memory')
  if (memory < MEMORY_BYTES_MIN) throw invalid('memory', "at least '8MB'", options.memory)
  const engine = word(options, 'engine', ENGINES, inMemory ? 'memory' : 'lsm')
  if (inMemory && options.engine === 'lsm')
    throw invalid('engine', "'memory' for ':memory:'", options.engine)
  if (!inMemory && options.engine === 'memory')
    throw invalid('engine', "'lsm' for a directory", options.engine)
  if (options.readOnly !== undefined && typeof options.readOnly !== 'boolean') {
    throw invalid('readOnly', 'true or false', options.readOnly)
  }
  return {
    engine,
    durability: word(options, 'durability', DURABILITIES, 'disk'),
    memory,
    threads: integer(options.threads, 'threads', 1, 64, 2),
    create: word(options, 'create', CREATES, 'if-missing'),
    readOnly: options.readOnly === true ? 1 : 0,
    blockBytes: integer(options.blockSize, 'blockSize', 1024, 65_536, 4096),
  }
}

/** The number of the durability asked for. */
export function checkWrite(options: WriteOptions | undefined, standard: number): number {
  if (options === undefined) return standard
  checkNames(options, WRITE, 'write')
  checkSignal(options.signal)
  if (options.signal?.aborted === true)
    throw new VarveError('ABORTED', 'write: aborted before it began')
  return options.durability === undefined
    ? standard
    : word(options, 'durability', DURABILITIES, 'disk')
}

export function checkRange(options: unknown): void {
  checkNames(options, RANGE, 'range')
  const { limit, reverse, signal } = options as RangeOptions<unknown>
  if (
    limit !== undefined &&
    (typeof limit !== 'number' || !(limit >= 0) || (limit !== Infinity && !Number.isInteger(limit)))
  ) {
    throw invalid('limit', 'a count, 0 or more', limit)
  }
  if (reverse !== undefined && typeof reverse !== 'boolean')
    throw invalid('reverse', 'true or false', reverse)
  checkSignal(signal)
}

export const DURABILITY_NAMES: readonly Durability[] = ['memory', 'os', 'disk']
