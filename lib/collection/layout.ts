// lib/collection/layout.ts — where each field of a description lies in a record: the same as native/pure/codec/record/schema.cc.
//
// Fields become nodes of a tree, as documents have them; each node is a column, with its bits, slot, text and blob as far as it has them.
import type {
  Description,
  FieldDescription,
  Rules,
  TypeDescription,
  TypeKind,
} from './description.ts'

export const NONE = -1

export interface Column {
  readonly name: string
  readonly path: string
  readonly field: FieldDescription | undefined
  readonly type: TypeDescription
  /** Numbers of bits, places in slots and tables; NONE where it has none. */
  readonly absentBit: number
  readonly nullBit: number
  readonly truthBit: number
  /** Behind the first byte of the bits. */
  readonly slotAt: number
  readonly slotBytes: number
  readonly text: number
  readonly blob: number
  /** The fields of an object. */
  readonly columns: readonly Column[]
}

export interface Layout {
  readonly description: Description
  /** Of documents, in their order; hidden ones last. */
  readonly columns: readonly Column[]
  /** Where what is not declared is kept. */
  readonly extra: Column | undefined
  readonly bitsBytes: number
  /** Bits and slots together. */
  readonly fixedBytes: number
  readonly textCount: number
  readonly blobCount: number
  /** How many ends are written. */
  readonly endCount: number
}

/** How many bytes an int32 takes, by its rules. */
export function widthOfInt32({ least, greatest }: Rules = {}): {
  bytes: 1 | 2 | 4
  signed: boolean
} {
  if (least === undefined || greatest === undefined) return { bytes: 4, signed: true }
  if (least >= 0 && greatest <= 0xff) return { bytes: 1, signed: false }
  if (least >= 0 && greatest <= 0xffff) return { bytes: 2, signed: false }
  if (least >= -0x80 && greatest <= 0x7f) return { bytes: 1, signed: true }
  if (least >= -0x8000 && greatest <= 0x7fff) return { bytes: 2, signed: true }
  return { bytes: 4, signed: true }
}

/** Bytes of a type where they are always as many; 0 where they are not. */
export function fixedBytes({ kind, rules, values = [] }: TypeDescription): number {
  switch (kind) {
    case 'int32':
      return widthOfInt32(rules).bytes
    case 'int64':
    case 'float64':
    case 'date':
      return 8
    case 'uuid':
    case 'point':
      return 16
    case 'enum':
      return values.length > 256 ? 2 : 1
    case 'box':
      return 32
    default:
      return 0
  }
}

/** Whether a value of the type can have strings. */
export function hasText({ kind, members = [], fields = [] }: TypeDescription): boolean {
  if (kind === 'string' || kind === 'map' || kind === 'json') return true
  return members.some(hasText) || fields.some(({ type }) => hasText(type))
}

const BLOBS: ReadonlySet<TypeKind> = new Set<TypeKind>([
  'bytes',
  'vector',
  'array',
  'map',
  'union',
  'json',
  'key',
])
const EXTRA: TypeDescription = { kind: 'json', optional: false, nullable: false }

class Walk {
  bits = 0
  slots = 0
  texts = 0
  blobs = 0

  column(name: string, path: string, field: FieldDescription | undefined): Column {
    const type = field?.type ?? EXTRA
    const isObject = type.kind === 'object'
    const slotBytes = fixedBytes(type)
    const column = {
      name,
      path,
      field,
      type,
      absentBit: type.optional ? this.bits++ : NONE,
      nullBit: type.nullable ? this.bits++ : NONE,
      truthBit: type.kind === 'boolean' ? this.bits++ : NONE,
      slotAt: this.slots,
      slotBytes,
      text: !isObject && hasText(type) ? this.texts++ : NONE,
      blob: BLOBS.has(type.kind) ? this.blobs++ : NONE,
    }
    this.slots += slotBytes
    return { ...column, columns: isObject ? this.columns(type.fields ?? [], `${path}.`) : [] }
  }

  columns(fields: readonly FieldDescription[], at: string): Column[] {
    return fields.map((field) => this.column(field.name, at + field.name, field))
  }
}

export function layoutOf(description: Description): Layout {
  const walk = new Walk()
  const columns = walk.columns(description.fields, '')
  const extra = description.extra === 'keep' ? walk.column('', '', undefined) : undefined
  const bitsBytes = (walk.bits + 7) >> 3
  return {
    description,
    columns: columns.map((column) => behind(column, bitsBytes)),
    extra: extra && behind(extra, bitsBytes),
    bitsBytes,
    fixedBytes: bitsBytes + walk.slots,
    textCount: walk.texts,
    blobCount: walk.blobs,
    endCount: Math.max(walk.texts - 1, 0) + Math.max(walk.blobs - 1, 0),
  }
}

// Slots begin where the bits end, which is known only when all have been counted.
function behind(column: Column, bitsBytes: number): Column {
  return {
    ...column,
    slotAt: column.slotAt + bitsBytes,
    columns: column.columns.map((inner) => behind(inner, bitsBytes)),
  }
}

/** All columns, objects before their fields. */
export function* allColumns(columns: readonly Column[]): Generator<Column> {
  for (const column of columns) {
    yield column
    yield* allColumns(column.columns)
  }
}
