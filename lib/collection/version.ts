// lib/collection/version.ts — a description becomes a version of a collection: fields get their ids, defaults become a record.
//
// An id is for life. A field that had another name (`was`) keeps the one it had; one that is new gets the next; that of a field that went is
// not used again. So what an old record calls `fullName` is found as `name` by every later version, and not by guessing. A field that is declared no
// longer is kept, hidden (kept.ts), unless `drop` names it.
import type { Live } from './declaration.ts'
import type { Description, FieldDescription, TypeDescription } from './description.ts'
import { framed, roomFor } from './frame.ts'
import type { Document } from './interpret.ts'
import { keptField, keptPath } from './kept.ts'
import { recordCodec } from './record.ts'
import { olderFields } from './renames.ts'
import { Shapes } from '../value.ts'

const DEFAULTS_BYTES_MAX = 2 ** 19

/** The version `version` of a collection, whose previous one was `before`; `nextId` is above all ids that any version has used. */
export function newVersion(
  description: Description,
  live: Live,
  version: number,
  before?: { readonly description: Description; readonly nextId: number },
): { readonly description: Description; readonly nextId: number } {
  const ids = new Ids(live, before?.nextId ?? 1)
  const older = before?.description.fields ?? []
  const declared = ids.fields(description.fields, older, '')
  const fields = [...declared, ...keptFields(older, declared, live)]
  const numbered = { ...description, fields, defaults: undefined }
  return {
    description: { ...numbered, defaults: defaultsOf(numbered, live, version) },
    nextId: ids.next,
  }
}

function keptFields(
  before: readonly FieldDescription[],
  declared: readonly FieldDescription[],
  { drop }: Live,
): FieldDescription[] {
  const taken = new Set(declared.map(({ id }) => id))
  const isKept = (field: FieldDescription): boolean => {
    const path = field.hidden ? keptPath(field) : field.name
    return path !== undefined && !field.computed && !taken.has(field.id) && !drop.has(path)
  }
  return before.filter(isKept).map(keptField)
}

class Ids {
  next: number
  readonly #was: Live['was']

  constructor({ was }: Live, next: number) {
    this.#was = was
    this.next = next
  }

  fields(
    fields: readonly FieldDescription[],
    before: readonly FieldDescription[],
    at: string,
  ): FieldDescription[] {
    const older = olderFields(before, fields, at, this.#was)
    return fields.map((field) => {
      const old = older.get(field)
      const id = old?.id ?? this.next++
      return { ...field, id, type: this.#type(field.type, old?.type, at + field.name) }
    })
  }

  #type(type: TypeDescription, before: TypeDescription | undefined, path: string): TypeDescription {
    const fields = type.fields && this.fields(type.fields, before?.fields ?? [], `${path}.`)
    const members = type.members?.map((member, index) =>
      this.#type(member, before?.members?.[index], `${path}[]`),
    )
    return { ...type, ...(fields && { fields }), ...(members && { members }) }
  }
}

/** A record with each default that is a value, and something harmless in the other fields. */
function defaultsOf(description: Description, live: Live, version: number): Uint8Array | undefined {
  const hasOne = (fields: readonly FieldDescription[]): boolean =>
    fields.some(({ hasDefault, type }) => hasDefault || hasOne(type.fields ?? []))
  if (!hasOne(description.fields)) return undefined
  const fields = description.fields.map(looseField)
  const document = zeroFields(description.fields, live, '')
  const none = { ...live, hidden: new Map(), validator: undefined }
  const codec = recordCodec({ ...description, fields }, none, version, new Shapes())
  const room = roomFor(1024)
  const size = codec.encode(document, room, DEFAULTS_BYTES_MAX)
  return framed(room, size)
}

// Without the rules that something harmless might break; those of int32 say how wide it is.
function looseField(field: FieldDescription): FieldDescription {
  return { ...field, type: looseType(field.type) }
}

function looseType(type: TypeDescription): TypeDescription {
  return {
    ...type,
    rules: type.kind === 'int32' ? type.rules : undefined,
    ...(type.fields && { fields: type.fields.map(looseField) }),
    ...(type.members && { members: type.members.map(looseType) }),
  }
}

function zeroFields(fields: readonly FieldDescription[], live: Live, at: string): Document {
  const visible = fields.filter(({ hidden, type }) => !hidden && !(type.optional || type.nullable))
  const zeros = visible.map(({ name, type }) => [name, zeroOf(type, live, `${at}${name}`)])
  const document = Object.fromEntries(zeros) as Document
  for (const { name, type } of fields) {
    const fill = live.fills.get(at + name)
    if (fill !== undefined && 'value' in fill) document[name] = fill.value
    else if (type.nullable && !type.optional) document[name] ??= null
  }
  return document
}

function zeroOf(type: TypeDescription, live: Live, path: string): unknown {
  const { kind, rules, values = [], members = [], fields = [], dimensions = 0 } = type
  switch (kind) {
    case 'boolean':
      return false
    case 'int32':
      return Math.min(Math.max(0, Number(rules?.least ?? 0)), Number(rules?.greatest ?? 0x7fffffff))
    case 'int64':
      return 0n
    case 'float64':
      return 0
    case 'string':
      return ''
    case 'bytes':
      return new Uint8Array(0)
    case 'date':
      return new Date(0)
    case 'uuid':
      return '00000000-0000-0000-0000-000000000000'
    case 'enum':
      return values[0]
    case 'point':
      return { lat: 0, lng: 0 }
    case 'box':
      return { south: 0, west: 0, north: 0, east: 0 }
    case 'vector':
      return new Float32Array(dimensions)
    case 'array':
      return []
    case 'map':
      return {}
    case 'union':
      return zeroOf(members[0] as TypeDescription, live, path)
    case 'object':
      return zeroFields(fields, live, `${path}.`)
    default:
      return null
  }
}
