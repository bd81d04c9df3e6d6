// lib/collection/paths.ts — paths into descriptions: 'address.city'.
import type { FieldDescription, TypeDescription, TypeKind } from './description.ts'

/** Types whose values have an order, and so a key (native/pure/codec/record/record_key.h). */
export const keyKinds: ReadonlySet<TypeKind> = new Set<TypeKind>([
  'boolean',
  'int32',
  'int64',
  'float64',
  'string',
  'bytes',
  'date',
  'uuid',
  'enum',
  'key',
])

export interface ColumnAt {
  readonly field: FieldDescription
  readonly type: TypeDescription
  /** It, or an object around it, may be absent or null. */
  readonly maybe: boolean
}

/** The field at a path through objects; undefined where there is none. */
export function columnAt(fields: readonly FieldDescription[], path: string): ColumnAt | undefined {
  const whole = fields.find(({ name }) => name === path)
  if (whole !== undefined) return { field: whole, type: whole.type, maybe: isMaybe(whole.type) }
  const dot = path.indexOf('.')
  if (dot < 0) return undefined
  const head = fields.find(({ name }) => name === path.slice(0, dot))
  if (head?.type.fields === undefined) return undefined
  const rest = columnAt(head.type.fields, path.slice(dot + 1))
  return rest && { ...rest, maybe: rest.maybe || isMaybe(head.type) }
}

const isMaybe = ({ optional, nullable }: TypeDescription): boolean => optional || nullable
