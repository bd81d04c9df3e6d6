// lib/collection/upgrade.ts — records of any version as documents of the newest.
//
//   head ──its version's codec──▶ document as it was ──by ids──▶ document as it is declared now
//
// A field is found by its id, so that its name may have changed since; what it held is converted by `from`, where its type is another one; what
// it did not have yet is what insert() would put there. Nothing is written: a record gets the newest form when its document is written next.
import { VarveError } from '../errors.ts'
import type { Shapes, Text } from '../value.ts'
import { unframed } from './frame.ts'
import { isConverted, isSameContent, isWider, typeText } from './compare.ts'
import type { Live } from './declaration.ts'
import type { Description, FieldDescription, TypeDescription } from './description.ts'
import { keptNames, layAside, withKept } from './kept.ts'
import { valueAt } from './path.ts'
import { type Document, type RecordCodec, recordCodec, versionAt } from './record.ts'
import * as scalars from './scalar.ts'

const NO_FUNCTIONS: Live = {
  fills: new Map(),
  computed: new Map(),
  hidden: new Map(),
  was: new Map(),
  from: new Map(),
  drop: new Set(),
  targets: new Map(),
  validator: undefined,
}

/** Makes a document of the newest version of one of an older. */
export type Upgrade = (document: Document) => Document

interface Older {
  readonly codec: RecordCodec
  readonly upgrade: Upgrade
}

/** Reads records of a collection, whichever version they are of. */
export class Records {
  readonly newest: RecordCodec
  readonly #live: Live
  readonly #describe: (version: number) => Description | undefined
  readonly #shapes: Shapes
  readonly #older = new Map<number, Older>()
  // What is kept of fields that are not declared; of none there is no other codec.
  readonly #kept: readonly string[]
  readonly #whole: RecordCodec

  /** `describe` answers the description of an older version. */
  constructor(
    newest: RecordCodec,
    live: Live,
    shapes: Shapes,
    describe: (version: number) => Description | undefined,
  ) {
    this.newest = newest
    this.#live = live
    this.#shapes = shapes
    this.#describe = describe
    this.#kept = keptNames(newest.description)
    const whole = () => recordCodec(withKept(newest.description), live, newest.version, shapes)
    this.#whole = this.#kept.length === 0 ? newest : whole()
  }

  // Those of the version, which may be an old one: what is declared now is not what was put in then.
  #defaults(): Document {
    return defaultsOf(this.newest)
  }

  decode(bytes: Uint8Array, view: DataView, at: number, size: number, text: string): Document {
    const version = versionAt(bytes, at, size)
    if (version === this.newest.version)
      return this.#shown(this.#whole.decode(bytes, view, at, size, text))
    const { codec, upgrade } = this.#olderOf(version)
    return this.#shown(upgrade(codec.decode(bytes, view, at, size, text)))
  }

  /** As it was declared when it was written. */
  decodeAsWritten(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    text: string,
  ): Document {
    const version = versionAt(bytes, at, size)
    if (version === this.newest.version) return this.decode(bytes, view, at, size, text)
    return this.#olderOf(version).codec.decode(bytes, view, at, size, text)
  }

  #shown(document: Document): Document {
    return this.#kept.length === 0 ? document : layAside(document, this.#kept)
  }

  decodeFields(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    text: Text,
    names: readonly string[],
  ): Document {
    const version = versionAt(bytes, at, size)
    if (version === this.newest.version)
      return this.newest.decodeFields(bytes, view, at, size, text, names)
    const { codec, upgrade } = this.#olderOf(version)
    const whole =
      typeof text === 'string'
        ? text
        : Buffer.from(bytes.buffer, bytes.byteOffset + text.at, text.size).toString('latin1')
    const document = upgrade(codec.decode(bytes, view, at, size, whole))
    const some = Object.entries(document).filter(([name]) => names.includes(name))
    return Object.fromEntries(some)
  }

  #upgradeOf(before: Description, version: number): Upgrade {
    const between = () => this.#between(version)
    return upgradeOf(before, this.#whole.description, this.#live, this.#defaults(), between)
  }

  // The first default that a field had, of versions behind this one.
  #between(version: number): Between {
    const found = new Map<number, Filled>()
    for (let next = version + 1; next < this.newest.version; next++) {
      const description = this.#describe(next)
      if (description?.defaults === undefined) continue
      const codec = recordCodec(description, NO_FUNCTIONS, next, this.#shapes)
      const defaults = defaultsOf(codec)
      addFilled(description.fields, '', defaults, found)
    }
    return found
  }

  #olderOf(version: number): Older {
    const known = this.#older.get(version)
    if (known !== undefined) return known
    const description = this.#describe(version)
    if (description === undefined)
      throw new VarveError(
        'CORRUPT',
        `record: of version ${version}, which the catalog does not have`,
      )
    const before = withKept(description)
    const codec = recordCodec(before, NO_FUNCTIONS, version, this.#shapes)
    const older = { codec, upgrade: this.#upgradeOf(before, version) }
    this.#older.set(version, older)
    return older
  }
}

interface Filled {
  readonly type: TypeDescription
  readonly value: unknown
}
type Between = ReadonlyMap<number, Filled>

function defaultsOf(codec: RecordCodec): Document {
  const { defaults } = codec.description
  if (defaults === undefined) return {}
  const { at, size, text } = unframed(defaults)
  const view = new DataView(defaults.buffer, defaults.byteOffset, defaults.length)
  return codec.decode(defaults, view, at, size, text)
}

function addFilled(
  fields: readonly FieldDescription[],
  at: string,
  defaults: Document,
  found: Map<number, Filled>,
): void {
  for (const { id, name, type, hasDefault } of fields) {
    const path = at + name
    if (hasDefault && !found.has(id)) found.set(id, { type, value: valueAt(defaults, path) })
    addFilled(type.fields ?? [], `${path}.`, defaults, found)
  }
}

/**
 * INVALID where a field has another type now and no `from` says what becomes of it. `defaults` is a document of what is put in where a field is
 * missing; `between` answers what versions between the two have put in.
 */
export function upgradeOf(
  before: Description,
  after: Description,
  live: Live,
  defaults: Document,
  between: () => Between,
): Upgrade {
  const makers = { ...live, defaults, between }
  const upgrade = fieldsUpgrade(before.fields, after.fields, '', makers)
  const known = new Set(before.fields.map(({ name }) => name))
  const declared = new Set(after.fields.map(({ name }) => name))
  const keeps = after.extra === 'keep'
  const computed = after.fields.filter((field) => field.computed && !field.hidden)
  return (document) => {
    const made = upgrade(document)
    for (const { name } of computed) {
      const compute = live.computed.get(name)
      if (made[name] === undefined && compute !== undefined) made[name] = compute(made as never)
    }
    for (const name of keeps ? Object.keys(document) : [])
      if (!known.has(name) && !declared.has(name)) scalars.setField(made, name, document[name])
    return made
  }
}

type Step = (from: Document, to: Document) => void
type Makers = Pick<Live, 'fills' | 'from'> & {
  readonly defaults: Document
  readonly between: () => Between
}

function fieldsUpgrade(
  before: readonly FieldDescription[],
  after: readonly FieldDescription[],
  at: string,
  live: Makers,
): Upgrade {
  const steps = after
    .filter(({ hidden }) => !hidden)
    .map((field) => stepOf(before, field, at + field.name, live))
  return (from) => {
    const to: Document = {}
    for (const step of steps) step(from, to)
    return to
  }
}

function stepOf(
  before: readonly FieldDescription[],
  field: FieldDescription,
  path: string,
  live: Makers,
): Step {
  const { name } = field
  const old = before.find(({ id, hidden }) => id === field.id && !hidden)
  const former = old === undefined ? formerFill(field, path, live) : undefined
  const fill = former ?? fillOf(field, path, live)
  if (old === undefined)
    return (_, to) => {
      const value = fill()
      if (value !== undefined) to[name] = value
    }
  const convert = conversionOf(old.type, field.type, path, live)
  const takesAny = live.from.has(path)
  return (from, to) => {
    const given = from[old.name]
    const converted = given === undefined && !takesAny ? undefined : convert(given)
    const value = converted === undefined ? fill() : converted
    if (value !== undefined) to[name] = value
  }
}

// What a field was filled with before it was converted, or lost its default.
function formerFill(
  { id, type, computed, filled, hasDefault }: FieldDescription,
  path: string,
  live: Makers,
): (() => unknown) | undefined {
  const isFilled = computed || filled || hasDefault || type.optional || type.nullable
  if (isFilled && !live.from.has(path)) return undefined
  const former = live.between().get(id)
  if (former === undefined) return undefined
  const convert = conversionOf(former.type, type, path, live)
  return () => convert(structuredClone(former.value))
}

function fillOf(
  { type, hasDefault, filled }: FieldDescription,
  path: string,
  { fills, defaults }: Makers,
): () => unknown {
  const fill = fills.get(path)
  // Of an object that may be absent the record of defaults has none.
  const declared = fill !== undefined && 'value' in fill ? fill.value : undefined
  const value = valueAt(defaults, path) ?? declared
  if (hasDefault) return () => structuredClone(value)
  if (filled && fill !== undefined && 'make' in fill) return fill.make
  return () => (type.optional || !type.nullable ? undefined : null)
}

function conversionOf(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
  live: Makers,
): (value: unknown) => unknown {
  const from = live.from.get(path)
  if (from !== undefined && isConverted(before, after)) return (value) => from(value as never)
  if (before.kind === 'object' && after.kind === 'object') {
    const upgrade = fieldsUpgrade(before.fields ?? [], after.fields ?? [], `${path}.`, live)
    return (value) =>
      typeof value === 'object' && value !== null ? upgrade(value as Document) : value
  }
  if (isSameContent(before, after)) return (value) => value
  if (isWider(before, after)) return (value) => value
  throw new VarveError(
    'INVALID',
    `${path}: stored as ${typeText(before)}, declared as ${typeText(after)}: ` +
      'add from((old) => …)',
  )
}
