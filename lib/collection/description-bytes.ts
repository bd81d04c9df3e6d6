// lib/collection/description-bytes.ts — a description as bytes and back: native/pure/codec/record/FORMAT.md, which description.cc there reads.
import { VarveError } from '../errors.ts'
import type {
  Description,
  FieldDescription,
  Generated,
  IndexDescription,
  IndexKind,
  KeyDescription,
  OnDelete,
  Rules,
  TypeDescription,
  TypeKind,
} from './description.ts'

const FORMAT = 0
const KEEPS_EXTRA = 1
const HAS_DEFAULTS = 2
const BYTES_MAX = 2 ** 20
const DEPTH_MAX = 16

/** By the number that is stored: append only. */
const KINDS: readonly (TypeKind | undefined)[] = [
  undefined,
  'boolean',
  'int32',
  'int64',
  'float64',
  'string',
  'bytes',
  'date',
  'uuid',
  'enum',
  'point',
  'box',
  'vector',
  'array',
  'map',
  'union',
  'object',
  'json',
  'key',
]
const ON_DELETES: readonly (OnDelete | undefined)[] = [undefined, 'restrict', 'cascade', 'set null']
const INDEX_KINDS: readonly (IndexKind | undefined)[] = [
  undefined,
  'ordered',
  'bitmap',
  'text',
  'geo',
]
const GENERATED: readonly (Generated | undefined)[] = [undefined, 'uuid', 'sequence']

const flagsOf = (...flags: readonly (boolean | undefined)[]): number =>
  flags.reduce((sum, flag, bit) => sum + (flag === true ? 1 << bit : 0), 0)

// ---- writing

class Writer {
  readonly #parts: Uint8Array[] = []

  byte(value: number): void {
    this.#parts.push(Uint8Array.of(value))
  }

  count(value: number): void {
    const bytes: number[] = []
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    this.#parts.push(Uint8Array.from([...bytes, rest]))
  }

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes)
  }

  text(text: string): void {
    const bytes = Buffer.from(text, 'utf8')
    this.count(bytes.length)
    this.raw(bytes)
  }

  list<T>(all: readonly T[], write: (one: T) => void): void {
    this.count(all.length)
    all.forEach(write)
  }

  field = ({ name, id, type, hasDefault, filled, computed, hidden }: FieldDescription): void => {
    this.text(name)
    this.count(id)
    this.byte(flagsOf(hasDefault, filled, computed, hidden))
    this.type(type)
  }

  type = (type: TypeDescription): void => {
    const { kind, optional, nullable, rules, reference } = type
    this.byte(KINDS.indexOf(kind))
    this.byte(flagsOf(optional, nullable, rules !== undefined, reference !== undefined))
    this.#parameters(type)
    if (rules !== undefined) this.#rules(rules)
    if (reference === undefined) return
    this.text(reference.collection)
    this.byte(ON_DELETES.indexOf(reference.onDelete))
  }

  #parameters({
    kind,
    values = [],
    dimensions = 0,
    members = [],
    fields = [],
  }: TypeDescription): void {
    if (kind === 'enum') this.list(values, (value) => this.text(value))
    if (kind === 'vector') this.count(dimensions)
    if (kind === 'union') this.count(members.length)
    members.forEach(this.type)
    if (kind === 'object') this.list(fields, this.field)
  }

  #rules({ least, greatest, shortest, longest, pattern }: Rules): void {
    const rules: [tag: number, write: () => void][] = []
    if (least !== undefined) rules.push([1, () => this.#bound(least)])
    if (greatest !== undefined) rules.push([2, () => this.#bound(greatest)])
    if (shortest !== undefined) rules.push([3, () => this.count(shortest)])
    if (longest !== undefined) rules.push([4, () => this.count(longest)])
    if (pattern !== undefined)
      rules.push([5, () => [pattern.source, pattern.flags].forEach((text) => this.text(text))])
    this.list(rules, ([tag, write]) => {
      this.byte(tag)
      write()
    })
  }

  #bound(value: number | bigint): void {
    const bytes = new Uint8Array(8)
    const view = new DataView(bytes.buffer)
    if (typeof value === 'bigint') view.setBigInt64(0, value, true)
    else view.setFloat64(0, value, true)
    this.raw(bytes)
  }

  key({ on, generated }: KeyDescription): void {
    this.byte(typeof on === 'string' ? 1 : 2)
    this.list(typeof on === 'string' ? [on] : on, (path) => this.text(path))
    this.byte(GENERATED.indexOf(generated))
  }

  index = (index: IndexDescription): void => {
    this.text(index.name)
    this.byte(INDEX_KINDS.indexOf(index.kind))
    this.byte(flagsOf(index.unique, index.multiple))
    this.count(index.revision)
    this.list(index.parts, ({ path, descending }) => {
      this.text(path)
      this.byte(flagsOf(descending))
    })
    this.text(index.condition)
    this.text(index.options)
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts))
  }
}

/** TOO_LARGE above 1 MB. */
export function writeDescription(description: Description): Uint8Array {
  const { name, extra, fields, key, indexes, defaults } = description
  const writer = new Writer()
  writer.byte(FORMAT)
  writer.byte(flagsOf(extra === 'keep', defaults !== undefined))
  writer.text(name)
  writer.list(fields, writer.field)
  writer.key(key)
  writer.list(indexes, writer.index)
  if (defaults !== undefined) {
    writer.count(defaults.length)
    writer.raw(defaults)
  }
  const bytes = writer.bytes()
  if (bytes.length > BYTES_MAX)
    throw new VarveError(
      'TOO_LARGE',
      `collection '${name}': described in more than ${BYTES_MAX} bytes`,
    )
  return bytes
}

// ---- reading

function corrupt(what: string): VarveError {
  return new VarveError('CORRUPT', `description: ${what}`)
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  #move(size: number): number {
    if (size > this.#bytes.length - this.#at) throw corrupt('cut short')
    const from = this.#at
    this.#at += size
    return from
  }

  byte(): number {
    return this.#bytes[this.#move(1)] as number
  }

  flags(known: number): readonly boolean[] {
    const flags = this.byte()
    if (flags >= 1 << known) throw corrupt('unknown flags')
    return Array.from({ length: known }, (_, bit) => (flags & (1 << bit)) !== 0)
  }

  count(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 28; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw corrupt('no count')
  }

  raw(): Uint8Array {
    const size = this.count()
    const from = this.#move(size)
    return this.#bytes.slice(from, from + size)
  }

  text(): string {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.raw())
  }

  list<T>(read: () => T): T[] {
    const count = this.count()
    if (count > this.#bytes.length - this.#at) throw corrupt('a count beyond its end')
    return Array.from({ length: count }, read)
  }

  oneOf<T>(all: readonly (T | undefined)[], what: string): T {
    const one = all[this.byte()]
    if (one === undefined) throw corrupt(`unknown ${what}`)
    return one
  }

  field(depth: number): FieldDescription {
    const name = this.text()
    const id = this.count()
    const [hasDefault = false, filled = false, computed = false, hidden = false] = this.flags(4)
    return { name, id, type: this.type(depth), hasDefault, filled, computed, hidden }
  }

  type(depth: number): TypeDescription {
    if (depth >= DEPTH_MAX) throw corrupt('nested too deep')
    const kind = this.oneOf(KINDS, 'type')
    const [optional = false, nullable = false, hasRules, hasReference] = this.flags(4)
    const parameters = this.#parameters(kind, depth)
    const rules = hasRules === true ? this.#rules(kind) : undefined
    const reference =
      hasReference === true
        ? { collection: this.text(), onDelete: this.oneOf(ON_DELETES, 'rule of deletion') }
        : undefined
    return {
      kind,
      optional,
      nullable,
      ...parameters,
      ...(rules && { rules }),
      ...(reference && { reference }),
    }
  }

  #parameters(kind: TypeKind, depth: number): Partial<TypeDescription> {
    if (kind === 'enum') return { values: this.list(() => this.text()) }
    if (kind === 'vector') return { dimensions: this.count() }
    if (kind === 'union') return { members: this.list(() => this.type(depth + 1)) }
    if (kind === 'array' || kind === 'map') return { members: [this.type(depth + 1)] }
    return kind === 'object' ? { fields: this.list(() => this.field(depth + 1)) } : {}
  }

  #rules(kind: TypeKind): Rules {
    const rules = this.list((): Rules => {
      switch (this.byte()) {
        case 1:
          return { least: this.#bound(kind) }
        case 2:
          return { greatest: this.#bound(kind) }
        case 3:
          return { shortest: this.count() }
        case 4:
          return { longest: this.count() }
        case 5:
          return { pattern: { source: this.text(), flags: this.text() } }
        default:
          throw corrupt('unknown rule')
      }
    })
    return Object.assign({}, ...rules) as Rules
  }

  #bound(kind: TypeKind): number | bigint {
    const at = this.#move(8)
    return kind === 'int64' ? this.#view.getBigInt64(at, true) : this.#view.getFloat64(at, true)
  }

  key(): KeyDescription {
    const isOne = this.oneOf([undefined, true, false], 'kind of key')
    const paths = this.list(() => this.text())
    const [first] = paths
    if (first === undefined) throw corrupt('a key of nothing')
    const generated = this.byte()
    if (generated >= GENERATED.length) throw corrupt('a key made in an unknown way')
    return { on: isOne ? first : paths, generated: GENERATED[generated] }
  }

  index(): IndexDescription {
    const name = this.text()
    const kind = this.oneOf(INDEX_KINDS, 'kind of index')
    const [unique = false, multiple = false] = this.flags(2)
    const revision = this.count()
    const parts = this.list(() => {
      const path = this.text()
      const [descending = false] = this.flags(1)
      return { path, descending }
    })
    return {
      name,
      kind,
      unique,
      multiple,
      revision,
      parts,
      condition: this.text(),
      options: this.text(),
    }
  }
}

/** CORRUPT says what is wrong; NEWER_FORMAT that a newer version of Varve wrote it. */
export function readDescription(bytes: Uint8Array): Description {
  const reader = new Reader(bytes)
  if (reader.byte() > FORMAT) throw new VarveError('NEWER_FORMAT', 'description: of a newer format')
  try {
    const [keepsExtra = false, hasDefaults = false] = reader.flags(2)
    const description = {
      name: reader.text(),
      extra: keepsExtra ? 'keep' : 'refuse',
      fields: reader.list(() => reader.field(0)),
      key: reader.key(),
      indexes: reader.list(() => reader.index()),
      defaults: hasDefaults ? reader.raw() : undefined,
    } as const
    if (!reader.isAtEnd) throw corrupt('bytes after its end')
    return description
  } catch (error) {
    // The decoder of texts says TypeError.
    throw error instanceof TypeError ? corrupt('a text that is not UTF-8') : error
  }
}
