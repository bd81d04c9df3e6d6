// lib/options.ts — every option, its default, and the one check that all families of options go through.
//
// A family is a table from a name to a rule. An unknown name is INVALID and answered with the nearest known
// one; `undefined` is as good as absent, so options can be built up conditionally.

import { VarveError, invalid } from './errors.ts'
import type { RangeBounds } from './key.ts'

export type Engine = 'lsm' | 'memory'
/** What a write waits for: nothing, the operating system, or the disk itself. */
export type Durability = 'memory' | 'os' | 'disk'
export type Compaction = 'leveled' | 'tiered' | 'universal'
export type Compression = 'lz' | 'none'
export type Create = 'if-missing' | 'never' | 'always-new'
/** Bytes, or words for them: '256MB', '64KB', '1.5GB'. Units are powers of 1024. */
export type Size = number | `${number}${'B' | 'KB' | 'MB' | 'GB'}`

/** Turns values into bytes and back in the user's own way. */
export interface Codec {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

export type Encoding = 'value' | 'bytes' | 'string' | 'json' | Codec

export interface Logger {
  debug?(message: string, detail?: unknown): void
  info?(message: string, detail?: unknown): void
  warn?(message: string, detail?: unknown): void
  error?(message: string, detail?: unknown): void
}

export interface OpenOptions {
  /** 'lsm' (default) keeps data on disk; 'memory' holds all of it, and keeps the log on disk. */
  readonly engine?: Engine | undefined
  /** What writes wait for unless they say otherwise. Default 'disk'. */
  readonly durability?: Durability | undefined
  /** The memory the store may use for caches and write buffers. Default '256MB', at least '1MB'. */
  readonly memory?: Size | undefined
  /** Background threads, 1 to 64. Default 2. */
  readonly threads?: number | undefined
  /** How tables are merged. Default 'leveled'. */
  readonly compaction?: Compaction | undefined
  /** How blocks are compressed. Default 'lz'. */
  readonly compression?: Compression | undefined
  /** The bytes of a block before compression, 512 to 1 MB. Default 4096. */
  readonly blockSize?: Size | undefined
  /** What to do when the store is missing, or is there. Default 'if-missing'. */
  readonly create?: Create | undefined
  /** Refuse every write, and leave the files as they are. Default false. */
  readonly readOnly?: boolean | undefined
  /** How values become bytes. Default 'value'. */
  readonly encoding?: Encoding | undefined
  /** Told about what happens in the background. Default: nobody. */
  readonly logger?: Logger | undefined
}

/** The options of open() with every default filled in and every size in bytes. */
export interface OpenSettings {
  readonly engine: Engine
  readonly durability: Durability
  readonly memory: number
  readonly threads: number
  readonly compaction: Compaction
  readonly compression: Compression
  readonly blockSize: number
  readonly create: Create
  readonly readOnly: boolean
  readonly encoding: Encoding
  readonly logger: Logger | undefined
}

export interface RangeOptions extends RangeBounds {
  /** From the last key to the first. Default false. */
  readonly reverse?: boolean | undefined
  /** The most entries to return. Default Infinity. */
  readonly limit?: number | undefined
  /** Ends an asynchronous iteration with ABORTED. */
  readonly signal?: AbortSignal | undefined
}

export interface WriteOptions {
  /** What this write waits for. Default: what the store was opened with. */
  readonly durability?: Durability | undefined
  /** Gives up waiting with ABORTED; what is written stays written. */
  readonly signal?: AbortSignal | undefined
}

const MB = 1024 ** 2

interface Rule {
  readonly expected: string
  readonly holds: (value: unknown) => boolean
}

function oneOf(...words: readonly string[]): Rule {
  const expected = words.map((word) => `'${word}'`).join(', ')
  return { expected: `one of ${expected}`, holds: (value) => words.includes(value as string) }
}

function within(min: number, max: number): Rule {
  return {
    expected: `a whole number from ${min} to ${max}`,
    holds: (value) =>
      Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  }
}

function sizeWithin(min: number, max: number): Rule {
  return {
    expected: `a size from ${min} to ${max} bytes, such as 65536 or '256MB'`,
    holds: (value) => {
      const size = sizeOf(value)
      return size !== undefined && size >= min && size <= max
    },
  }
}

const ANYTHING: Rule = { expected: 'anything', holds: () => true }
const TRUE_OR_FALSE: Rule = {
  expected: 'true or false',
  holds: (value) => typeof value === 'boolean',
}

const SIGNAL: Rule = {
  expected: 'an AbortSignal',
  holds: (value) =>
    isObject(value) &&
    typeof value['aborted'] === 'boolean' &&
    isMethod(value, 'addEventListener'),
}

const ENCODING: Rule = {
  expected: "'value', 'bytes', 'string', 'json' or { encode, decode }",
  holds: (value) =>
    ['value', 'bytes', 'string', 'json'].includes(value as string) ||
    (isObject(value) && isMethod(value, 'encode') && isMethod(value, 'decode')),
}

const LOGGER: Rule = {
  expected: 'an object with any of debug, info, warn and error',
  holds: (value) =>
    isObject(value) &&
    ['debug', 'info', 'warn', 'error'].every(
      (name) => value[name] === undefined || isMethod(value, name),
    ),
}

const LIMIT: Rule = {
  expected: 'a whole number from 0, or Infinity',
  holds: (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0),
}

const DURABILITY = oneOf('memory', 'os', 'disk')

const FAMILIES = {
  open: {
    engine: oneOf('lsm', 'memory'),
    durability: DURABILITY,
    memory: sizeWithin(MB, Number.MAX_SAFE_INTEGER),
    threads: within(1, 64),
    compaction: oneOf('leveled', 'tiered', 'universal'),
    compression: oneOf('lz', 'none'),
    blockSize: sizeWithin(512, MB),
    create: oneOf('if-missing', 'never', 'always-new'),
    readOnly: TRUE_OR_FALSE,
    encoding: ENCODING,
    logger: LOGGER,
  },
  range: {
    gt: ANYTHING, // Keys are checked when they are encoded.
    gte: ANYTHING,
    lt: ANYTHING,
    lte: ANYTHING,
    prefix: ANYTHING,
    reverse: TRUE_OR_FALSE,
    limit: LIMIT,
    signal: SIGNAL,
  },
  write: {
    durability: DURABILITY,
    signal: SIGNAL,
  },
} as const satisfies Record<string, Readonly<Record<string, Rule>>>

export type Family = keyof typeof FAMILIES

/** Checks options of one family, or throws INVALID naming the option. Absent options are fine. */
export function checkOptions(family: Family, options: unknown): void {
  if (options === undefined) return
  if (!isObject(options) || Array.isArray(options)) throw invalid('options', 'an object', options)
  const rules = new Map<string, Rule>(Object.entries(FAMILIES[family]))
  for (const name of Object.keys(options)) {
    const rule = rules.get(name)
    if (rule === undefined) throw unknownOption(name, [...rules.keys()])
    const value = options[name]
    if (value !== undefined && !rule.holds(value)) throw invalid(name, rule.expected, value)
  }
}

/** The checked options of open() with every default filled in. */
export function openSettings(options: OpenOptions = {}): OpenSettings {
  checkOptions('open', options)
  return {
    engine: options.engine ?? 'lsm',
    durability: options.durability ?? 'disk',
    memory: parseSize(options.memory ?? '256MB', 'memory'),
    threads: options.threads ?? 2,
    compaction: options.compaction ?? 'leveled',
    compression: options.compression ?? 'lz',
    blockSize: parseSize(options.blockSize ?? 4096, 'blockSize'),
    create: options.create ?? 'if-missing',
    readOnly: options.readOnly ?? false,
    encoding: options.encoding ?? 'value',
    logger: options.logger,
  }
}

/** The bytes of '256MB', or of a number of them. */
export function parseSize(size: unknown, argument: string): number {
  const bytes = sizeOf(size)
  if (bytes === undefined) throw invalid(argument, "a size such as 65536 or '256MB'", size)
  return bytes
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KB', 1024],
  ['MB', MB],
  ['GB', 1024 ** 3],
])

function sizeOf(size: unknown): number | undefined {
  if (typeof size === 'string') {
    const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?) ?([KMG]?B)$/i.exec(size) ?? []
    const scale = UNITS.get(unit.toUpperCase())
    if (digits === undefined || scale === undefined) return undefined
    return sizeOf(Math.floor(Number(digits) * scale))
  }
  return Number.isSafeInteger(size) && (size as number) >= 0 ? (size as number) : undefined
}

function unknownOption(name: string, known: readonly string[]): VarveError {
  const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name)
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean ${nearest}?`
  return new VarveError('INVALID', `options: unknown option ${shown}; ${hint}`)
}

const NEAR_LENGTH_MAX = 40

function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > NEAR_LENGTH_MAX) return undefined
  let nearest: string | undefined
  let least = Math.max(2, Math.ceil(name.length / 2))
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance >= least) continue
    least = distance
    nearest = candidate
  }
  return nearest
}

// Letters to insert, delete or replace; a row per letter of `a`.
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isMethod(value: Record<string, unknown>, name: string): boolean {
  return typeof value[name] === 'function'
}
