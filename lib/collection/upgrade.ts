// lib/collection/upgrade.ts — records of any version as documents of the newest.
//
//   head ──its version's codec──▶ document as it was ──by ids──▶ document as it is declared now
//
// A field is found by its id, so that its name may have changed since; what it held is converted by `from`, where its type is another one; what
// it did not have yet is what insert() would put there. Nothing is written: a record gets the newest form when its document is written next.
import { VarveError } from '../errors.ts'
import type { Shapes, Text } from '../value.ts'
import { isSameType, isWider, typeText } from './compare.ts'
import type { Live } from './declaration.ts'
import type { Description, FieldDescription, TypeDescription } from './description.ts'
import { type Document, type RecordCodec, recordCodec, versionAt } from './record.ts'
import * as scalars from './scalar.ts'

const NO_FUNCTIONS: Live = {
  fills: new Map(),
  computed: new Map(),
  hidden: new Map(),
  was: new Map(),
  from: new Map(),
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
  }

  decode(bytes: Uint8Array, view: DataView, at: number, size: number, text: string): Document {
    const version = versionAt(bytes, at, size)
    if (version === this.newest.version) return this.newest.decode(bytes, view, at, size, text)
    const { codec, upgrade } = this.#olderOf(version)
    return upgrade(codec.decode(bytes, view, at, size, text))
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

  #olderOf(version: number): Older {
    const known = this.#older.get(version)
    if (known !== undefined) return known
    const description = this.#describe(version)
    if (description === undefined)
      throw new VarveError(
        'CORRUPT',
        `record: of version ${version}, which the catalog does not have`,
      )
    const codec = recordCodec(description, NO_FUNCTIONS, version, this.#shapes)
    const older = { codec, upgrade: upgradeOf(description, this.newest.description, this.#live) }
    this.#older.set(version, older)
    return older
  }
}

/** INVALID where a field has another type now and no `from` says what becomes of it. */
export function upgradeOf(before: Description, after: Description, live: Live): Upgrade {
  const upgrade = fieldsUpgrade(before.fields, after.fields, '', live)
  const known = new Set(before.fields.map(({ name }) => name))
  const declared = new Set(after.fields.map(({ name }) => name))
  const keeps = after.extra === 'keep'
  return (document) => {
    const made = upgrade(document)
    for (const [name, compute] of live.computed) {
      if (made[name] === undefined) made[name] = compute(made as never)
    }
    for (const name of keeps ? Object.keys(document) : [])
      if (!known.has(name) && !declared.has(name)) scalars.setField(made, name, document[name])
    return made
  }
}

type Step = (from: Document, to: Document) => void

function fieldsUpgrade(
  before: readonly FieldDescription[],
  after: readonly FieldDescription[],
  at: string,
  live: Live,
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
  live: Live,
): Step {
  const { name } = field
  const old = before.find(({ id, hidden }) => id === field.id && !hidden)
  const fill = fillOf(field, path, live)
  if (old === undefined)
    return (_, to) => {
      const value = fill()
      if (value !== undefined) to[name] = value
    }
  const convert = conversionOf(old.type, field.type, path, live)
  const takesAny = live.from.has(path)
  return (from, to) => {
    const given = from[old.name]
    const value = given === undefined && !takesAny ? fill() : convert(given)
    if (value !== undefined) to[name] = value
  }
}

function fillOf({ type }: FieldDescription, path: string, live: Live): () => unknown {
  const fill = live.fills.get(path)
  if (fill === undefined) return () => (type.optional || !type.nullable ? undefined : null)
  return 'make' in fill ? fill.make : () => structuredClone(fill.value)
}

function conversionOf(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
  live: Live,
): (value: unknown) => unknown {
  if (isSameType(before, after)) return (value) => value
  const from = live.from.get(path)
  if (from !== undefined) return (value) => from(value as never)
  if (before.kind === 'object' && after.kind === 'object') {
    const upgrade = fieldsUpgrade(before.fields ?? [], after.fields ?? [], `${path}.`, live)
    return (value) =>
      typeof value === 'object' && value !== null ? upgrade(value as Document) : value
  }
  if (isWider(before, after)) return (value) => value
  throw new VarveError(
    'INVALID',
    `${path}: stored as ${typeText(before)}, declared as ${typeText(after)}: ` +
      'add from((old) => …)',
  )
}
