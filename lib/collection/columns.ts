// lib/collection/columns.ts — the columns of a description, by path: what C++ knows fields by.
//
// The same numbers as native/pure/codec/record/schema.h: fields in their order, an object followed by its own.
import type { Description, FieldDescription, TypeDescription } from './description.ts'

export interface Column {
  readonly number: number
  /** Of its field, in every version. */
  readonly id: number
  readonly path: string
  readonly type: TypeDescription
  /** No document shows it. */
  readonly hidden: boolean
  /** It lies in a free form: free.ts. */
  readonly isFree?: boolean
}

export type Columns = ReadonlyMap<string, Column>

export function columnsOf({ fields }: Description): Columns {
  const columns = new Map<string, Column>()
  const add = (all: readonly FieldDescription[], before: string, isHidden: boolean): void => {
    for (const { name, id, type, hidden: isOwn } of all) {
      const path = before + name
      const hidden = isHidden || isOwn
      columns.set(path, { number: columns.size, id, path, type, hidden })
      if (type.kind === 'object') add(type.fields ?? [], `${path}.`, hidden)
    }
  }
  add(fields, '', false)
  return columns
}
